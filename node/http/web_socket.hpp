#pragma once

#include "node/http/message.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct wslay_event_context;

namespace hearth::http {

/// Codes of a close (RFC 6455, 7.4.1).
inline constexpr std::uint16_t close_normal = 1000, close_going_away = 1001, close_internal_error = 1011;

/// Whether a request asks for a WebSocket (RFC 6455, 4.2.1).
bool asks_for_socket(const request_head& head);

/// What is wrong with a handshake; status 0: nothing.
refusal fault_of_handshake(const request_head& head);

/// The value of `sec-websocket-accept` for a key of the client.
std::string accept_of(std::string_view key);

/// One open WebSocket on the side of the server (RFC 6455), without the socket: bytes of the client become messages for the app,
/// and what the app says becomes bytes for the client. Frames, masks, UTF-8 and the order of a close are libwslay's. Pings are
/// answered; a client that breaks the rules is told by the close code. One thread.
///
/// Towards the app, in both directions, a message is its kind ('T' text, 'B' binary, 'C' close), the length of its content (four
/// bytes, big-endian) and that; of a close it is a code (two bytes, big-endian) and a reason.
class web_socket {
public:
  /// Messages of either side have at most `message_bytes_max` bytes.
  explicit web_socket(std::uint64_t message_bytes_max);
  ~web_socket();
  web_socket(const web_socket&) = delete;
  web_socket& operator=(const web_socket&) = delete;

  /// Takes bytes of the client, and appends the messages that are complete to `for_app`.
  void feed(std::string_view data, std::string& for_app);

  /// Takes what the app says, in pieces of any size. False: that is no message; what the app says is not understood any more.
  bool hear(std::string_view said);

  void ping();
  /// Begins a close, unless there is one.
  void close(std::uint16_t code, std::string_view reason);

  /// What has to go to the client now.
  std::string take_output();

  /// Nothing that the client sends from now on means anything.
  bool is_deaf() const;
  /// Both sides have said that it is over, or the client has broken the rules and was told.
  bool is_over() const;

private:
  struct calls; // of the library
  void queue(std::uint8_t opcode, std::string_view content);
  void flush();

  std::uint64_t message_bytes_max_;
  wslay_event_context* context_ = nullptr;
  std::string_view incoming_;      // while `feed` runs
  std::string* for_app_ = nullptr; // likewise
  std::string said_;               // of a message of the app that is not complete
  std::string output_;
  bool failed_ = false; // the library gave up
};

} // namespace hearth::http
