#pragma once

#include "core/bytes.hpp"
#include "node/http/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// Requests and responses between the front door and an app: HTTP/1.1 in one way to write it (docs/apps.md), so that who reads
/// it need not know the others.
namespace hearth::http {

/// How a request came to this node, as its app is told.
struct origin {
  std::string address;       // of the client; "unix" over the node's own socket
  std::string_view scheme;   // "http" or "https"
  std::string_view target;   // what the app is asked for, with its query
  std::string prefix;        // of the path, by which the app was named; empty: none
  std::string request_id;    // 32 hex digits
  bool body_follows = false; // it is not part of the text
  bool opens_socket = false; // the handshake of a WebSocket, which was checked
};

/// The request for the app: its fields without those that concern this connection alone, and with those that say where it came
/// from, which a client cannot forge.
std::string request_text(const request_head& head, std::string_view body, const origin& from);

inline constexpr int switching_protocols = 101;

/// What an app answered.
struct response {
  int status = 0;
  std::string reason;
  fields header;                       // without those of a connection and without a length
  std::optional<std::uint64_t> length; // that it announced
  std::size_t body_at = 0;             // where the body begins in its text
};

/// The head of an app's answer; the status 101 is one only where it `opens_socket`. A text says what is wrong with it, and
/// continues a sentence about the app.
std::variant<response, std::string> read_response(std::string_view text, bool opens_socket = false);

/// Whether a response with this status may have a body (RFC 9110, 6.4.1).
bool may_have_body(int status);

/// The head as it goes to the client. `length`: of the body that follows; none: the response has none.
std::string response_text(const response& what, std::optional<std::uint64_t> length, const request_head& to,
                          bool keeps_alive);

/// The head of an answer of our own. `more_fields`: lines of a header, whole.
std::string own_head(int status, std::string_view type, std::uint64_t length, bool keeps_alive,
                     std::string_view more_fields = {});

/// A word for who waits for it before it sends a body.
inline constexpr std::string_view go_ahead = "HTTP/1.1 100 Continue\r\n\r\n";

/// An answer of our own, whole: one sentence.
std::string plain_answer(int status, std::string_view sentence, bool keeps_alive, std::string_view more_fields = {},
                         bool is_head = false);

} // namespace hearth::http
