#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::http {

/// Takes the chunks of a body apart (RFC 9112, 7.1): sizes of 1 to 15 hex digits, lines that end with CR LF, extensions and
/// trailers skipped and bounded. Our own because Beast's (1.74) ends the process when the last chunk comes in small pieces.
/// No socket. One thread.
class chunk_reader {
public:
  enum class state { going_on, done, malformed, too_large };

  explicit chunk_reader(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Takes what belongs to the body, and appends its content to `body`; how many bytes that were.
  std::size_t feed(std::string_view data, std::string& body);

  state now() const noexcept { return now_; }

private:
  enum class part {
    size,
    extension,
    size_end,
    content,
    content_cr,
    content_lf,
    trailer_begin,
    trailer,
    trailer_end,
    end
  };

  std::size_t take_content(std::string_view data, std::string& body);
  void take(char c);
  void take_digit(char c);
  void end_size();
  void fail(state why = state::malformed) { now_ = why; }
  bool is_line_over();

  std::uint64_t bytes_max_, bytes_ = 0; // of all content
  state now_ = state::going_on;
  part part_ = part::size;
  std::uint64_t size_ = 0; // of this chunk that is missing
  std::size_t digits_ = 0;
  std::size_t skipped_ = 0; // of extensions and trailers
};

} // namespace hearth::http
