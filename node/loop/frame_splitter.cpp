#include "node/loop/frame_splitter.hpp"

#include "core/defaults.hpp"
#include "node/wire/frame.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hearth {

const framing client_framing{
  [](const char* prefix, std::size_t) noexcept { return wire::frame_size(prefix); },
  [](const char* prefix, std::size_t) { return wire::frame_fault(prefix); },
  defaults::frame_bytes_max,
  false,
};

const framing no_framing{nullptr, nullptr, 0, false};

frame_splitter::target frame_splitter::prepare() {
  space_ = arena_.free();
  if (!partial_) {
    std::memcpy(space_.data, stash_.data(), stash_size_);
    const auto size = space_.size - stash_size_;
    return {{iovec{space_.data + stash_size_, size}, iovec{}}, 1, size};
  }
  if (partial_filled_ == partial_capacity_)
    take_partial(2 * partial_capacity_);
  const auto missing = partial_capacity_ - partial_filled_;
  if (partial_capacity_ < partial_size_)
    return {{iovec{partial_.get() + partial_filled_, missing}, iovec{}}, 1, missing};
  // After a large frame probably comes the next one; the less of it lands in the arena, the less is moved again.
  const auto beyond = missing > defaults::read_beyond_bytes ? defaults::read_beyond_bytes : space_.size;
  return {{iovec{partial_.get() + partial_filled_, missing}, iovec{space_.data, beyond}}, 2, missing + beyond};
}

bool frame_splitter::commit(std::size_t size, std::vector<bytes>& frames) {
  if (framing_.size == nullptr) {
    if (size > 0) {
      frames.push_back(arena_.slice(space_.data, size));
      arena_.keep(size);
    }
    return true;
  }
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
    const auto known = framing_.size(data + done, framing_.bytes_max);
    if (!known) {
      fault_ = framing_.fault(data + done, framing_.bytes_max);
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
  partial_size_ = frame;
  partial_filled_ = 0;
  take_partial(framing_.grows ? std::max(2 * size, defaults::partial_frame_bytes_min) : frame);
  partial_filled_ = size;
  std::memcpy(partial_.get(), data, size);
}

/// Memory for so much of the partial frame, with what is there of it.
void frame_splitter::take_partial(std::size_t capacity) {
  partial_capacity_ = std::min(capacity, partial_size_);
  auto memory = framing_.grows ? frame_memory(partial_capacity_) : arena_.apart(partial_capacity_);
  if (partial_filled_ > 0)
    std::memcpy(memory.get(), partial_.get(), partial_filled_);
  partial_ = std::move(memory);
}

} // namespace hearth
