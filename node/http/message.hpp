#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// HTTP/1.1 messages as values (RFC 9110, RFC 9112).
namespace hearth::http {

/// A header field; the name in lower case.
struct field {
  std::string name;
  std::string value;

  bool operator==(const field&) const = default;
};

using fields = std::vector<field>;

/// The first field of this name (lower case); null: there is none.
const std::string* find(const fields& in, std::string_view name);

/// Whether a comma-separated list, as of `connection`, has this item; letters of any case.
bool lists(std::string_view list, std::string_view item);

/// What follows "Bearer" in `authorization`; empty: there is no such.
std::string_view bearer_token(const fields& in);

/// Whether a request with this method may be made twice (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view method);

/// The head of a request that keeps to every rule of `request_parser`.
struct request_head {
  std::string method;
  std::string target; // origin form, with its query, as it came; or "*"
  unsigned minor = 1; // HTTP/1.minor
  fields header;
  std::optional<std::uint64_t> length; // of the body; none and not chunked: it has none
  bool is_chunked = false;
  bool keeps_alive = true;       // the client sends further requests after it
  bool expects_continue = false; // it waits for a word before it sends the body

  bool has_body() const noexcept { return is_chunked || length.value_or(0) != 0; }
};

/// Why a request is not served: a status of the 400s or 500s, and a sentence for who sent it.
struct refusal {
  int status = 0; // 0: none
  std::string why;
};

/// "Not Found"; empty for a number that means nothing.
std::string_view reason_of(int status);

} // namespace hearth::http
