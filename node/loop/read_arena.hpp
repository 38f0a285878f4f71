#pragma once

#include "core/bytes.hpp"
#include "core/defaults.hpp"
#include "node/loop/large_frames.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace hearth {

/// Memory for frames, 8-byte aligned and not initialised.
inline std::shared_ptr<char> frame_memory(std::size_t size) {
  auto words = std::make_shared_for_overwrite<std::uint64_t[]>((size + 7) / 8);
  return {words, reinterpret_cast<char*>(words.get())};
}

/// Memory into which all streams of a loop read, one after the other: what arrives in one readiness lies together, and
/// an idle connection holds none of it. Frames that fit whole are handed on as slices of it. Loop thread only.
class read_arena {
public:
  struct space {
    char* data;
    std::size_t size;
  };

  /// Where the next bytes may be written: 8-byte aligned, at least defaults::read_space_min. Valid until the next call.
  space free();

  /// The slice [data, data + size) of the space that free() returned last, sharing the memory.
  bytes slice(const char* data, std::size_t size) const { return {owner_, data, size}; }

  /// Keeps the first `size` bytes of that space for the slices made of them.
  void keep(std::size_t size) noexcept { used_ += (size + 7) / 8 * 8; }

  /// Memory for a frame that does not come as one piece.
  std::shared_ptr<char> apart(std::size_t size) {
    return size < defaults::large_frame_bytes ? frame_memory(size) : large_.take(size);
  }

  /// Pieces of memory taken so far.
  std::size_t allocations() const noexcept { return allocations_; }

  /// A vector of frames to be filled and given back, so that its capacity serves the next batch.
  std::vector<bytes> take_batch() noexcept { return std::move(batch_); }
  void give_back(std::vector<bytes>&& batch) noexcept {
    batch_ = std::move(batch);
    batch_.clear();
  }

private:
  std::shared_ptr<char> owner_;
  std::size_t used_ = 0;
  std::size_t allocations_ = 0;
  large_frames large_;
  std::vector<bytes> batch_;
};

} // namespace hearth
