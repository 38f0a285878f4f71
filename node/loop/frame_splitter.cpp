#include "node/loop/frame_splitter.hpp"

#include "core/defaults.hpp"
#include "node/wire/frame.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hearth {

frame_splitter::target frame_splitter::prepare() {
  space_ = arena_.free();
  if (!partial_) {
    std::memcpy(space_.data, stash_.data(), stash_size_);
    const auto size = space_.size - stash_size_;
    return {{iovec{space_.data + stash_size_, size}, iovec{}}, 1, size};
  }
  const auto missing = partial_size_ - partial_filled_;
  // After a large frame probably comes the next one; the less of it lands in the arena, the less is moved again.
  const auto beyond = missing > defaults::read_beyond_bytes ? defaults::read_beyond_bytes : space_.size;
  return {{iovec{partial_.get() + partial_filled_, missing}, iovec{space_.data, beyond}}, 2, missing + beyond};
}

bool frame_splitter::commit(std::size_t size, std::vector<bytes>& frames) {
  if (partial_ && !finish_partial(size, frames))
    return true;
  return split(space_.data, std::exchange(stash_size_, 0) + size, frames);
}

bool frame_splitter::finish_partial(std::size_t& size, std::vector<bytes>& frames) {
  const auto arrived = std::min(size, partial_size_ - partial_filled_);
  partial_filled_ += arrived;
  size -= arrived;
  if (partial_filled_ < partial_size_)
    return false;
  const char* data = partial_.get();
  frames.emplace_back(std::move(partial_), data, partial_size_);
  partial_ = nullptr;
  return true;
}

bool frame_splitter::split(char* data, std::size_t size, std::vector<bytes>& frames) {
  std::size_t done = 0;
  std::size_t frame = 0; // size of the one at `done`; 0: not known yet
  while (size - done >= wire::prefix_bytes) {
    const auto known = wire::frame_size(data + done);
    if (!known) {
      fault_ = wire::frame_fault(data + done);
      break;
    }
    frame = *known;
    if (size - done < frame)
      break;
    frames.push_back(arena_.slice(data + done, frame));
    done += frame;
    frame = 0;
  }
  if (done > 0)
    arena_.keep(done);
  if (!fault_.empty())
    return false;
  keep_rest(data + done, size - done, frame);
  return true;
}

void frame_splitter::keep_rest(const char* data, std::size_t size, std::size_t frame) {
  if (frame == 0) {
    std::memcpy(stash_.data(), data, size);
    stash_size_ = size;
    return;
  }
  partial_ = arena_.apart(frame);
  partial_size_ = frame;
  partial_filled_ = size;
  std::memcpy(partial_.get(), data, size);
}

} // namespace hearth
