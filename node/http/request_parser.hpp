#pragma once

#include "node/http/message.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::http {

/// Reads one request from the bytes of a connection, as they come. The grammar of a header is Boost.Beast's; on top of it everything is
/// refused about which two readers of the same bytes might disagree: more than one length, a length beside chunks, any coding
/// but "chunked", folded lines, a Host that is missing, twice there or no host. Holds a header of at most
/// `header_bytes_max` and at most `held_bytes_max` of a body; memory is taken as bytes come, not when they are announced.
/// No socket, no clock. One thread.
class request_parser {
public:
  explicit request_parser(std::uint64_t held_bytes_max);
  ~request_parser();
  request_parser(request_parser&&) noexcept;
  request_parser& operator=(request_parser&&) noexcept;

  /// Takes what belongs to this request: first its header alone, then its body. How many bytes that were; fewer than there are:
  /// the header, or all of it, is complete, or refused.
  std::size_t feed(std::string_view data);

  bool has_begun() const noexcept;
  /// The header is complete.
  bool has_head() const noexcept;
  /// All of it is here.
  bool is_done() const noexcept;
  /// Status 0: nothing is wrong. Otherwise no byte behind it can be trusted.
  const refusal& fault() const noexcept;

  const request_head& head() const noexcept;
  /// After the header: whether the body is taken as it comes, and may be of any length. Else it is refused when it is too long.
  void await_body(bool in_parts);

  /// As much of the body as is here and was not taken.
  const std::string& body() const noexcept;
  std::string take_body();

private:
  class grammar;
  std::unique_ptr<grammar> grammar_;
};

} // namespace hearth::http
