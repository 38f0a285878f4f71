#pragma once

#include <cstddef>
#include <memory>

namespace hearth {

/// Memory for frames of large values, which come in a row: blocks of huge pages, each shared by the frames that fit. A
/// block that its first touch takes in single pages costs more than the copy into it. Loop thread only; what it gave
/// may be released on any thread.
class large_frames {
public:
  /// Memory for a frame of `size` bytes, at least defaults::large_frame_bytes and at most defaults::large_block_bytes;
  /// 8-byte aligned, not initialised. Throws std::bad_alloc.
  std::shared_ptr<char> take(std::size_t size);

private:
  std::weak_ptr<char> block_; // ends with its frames, so that an idle loop holds none
  std::size_t used_ = 0;
};

} // namespace hearth
