#pragma once

#include "core/bytes.hpp"

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

namespace hearth {

/// Bytes on their way out of a connection, in order: small writes are copied together, large memory is referred to.
/// No descriptor: whoever owns the socket writes what `gather` names and calls `consume`. One thread.
class output_queue {
public:
  /// Appends whatever `fill(std::string& out)` appends to `out`; what is in `out` already is not to be touched. When it
  /// throws, nothing was appended.
  template <class Fill>
  void append_with(Fill&& fill);

  /// Copies.
  void append(std::string_view text);

  /// Copies what is smaller than defaults::write_copy_max, shares the rest.
  void append(bytes memory);

  std::size_t bytes_queued() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// Fills `parts` with the front of the queue; returns how many it filled. Valid until the next change.
  std::size_t gather(std::span<iovec> parts) const noexcept;

  /// Drops the first `size` bytes: they are written.
  void consume(std::size_t size);

  void clear();

private:
  struct piece {
    std::string text;
    bytes memory; // when not empty, the piece is this and no text

    std::string_view view() const noexcept { return memory.empty() ? std::string_view{text} : memory.view(); }
  };

  std::string& tail();
  void drop_front();

  std::deque<piece> pieces_;
  std::size_t front_written_ = 0;
  std::size_t size_ = 0;
  std::string spare_; // an emptied text, for its capacity
};

template <class Fill>
void output_queue::append_with(Fill&& fill) {
  auto& text = tail();
  const auto before = text.size();
  try {
    fill(text);
  } catch (...) {
    text.resize(before);
    throw;
  }
  size_ += text.size() - before;
}

} // namespace hearth
