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
/// `header_bytes_max` and a body of at most `body_bytes_max`; memory is taken as bytes come, not when they are announced.
/// No socket, no clock. One thread.
class request_parser {
public:
  explicit request_parser(std::uint64_t body_bytes_max);
  ~request_parser();
  request_parser(request_parser&&) noexcept;
  request_parser& operator=(request_parser&&) noexcept;

  /// Takes what belongs to this request; how many bytes that were. Fewer than there are: it is complete, or refused.
  std::size_t feed(std::string_view data);

  bool has_begun() const noexcept;
  /// The header is complete.
  bool has_head() const noexcept;
  /// All of it is here.
  bool is_done() const noexcept;
  /// Status 0: nothing is wrong. Otherwise no byte behind it can be trusted.
  const refusal& fault() const noexcept;

  const request_head& head() const noexcept;
  /// As much of it as is here.
  const std::string& body() const noexcept;

private:
  class grammar;
  std::unique_ptr<grammar> grammar_;
};

} // namespace hearth::http
