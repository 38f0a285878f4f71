#include "node/loop/read_arena.hpp"

namespace hearth {

read_arena::space read_arena::free() {
  // Nobody holds a slice: the memory serves again from its start. Slices are released on any thread, but nobody but us
  // makes new ones, so a count of one cannot rise again.
  if (used_ != 0 && owner_.use_count() == 1) {
    auto synchronised = owner_; // its release orders the last reader's reads before our writes; use_count() does not
    used_ = 0;
  }
  if (!owner_ || defaults::read_arena_bytes - used_ < defaults::read_space_min) {
    owner_ = frame_memory(defaults::read_arena_bytes);
    used_ = 0;
    ++allocations_;
  }
  return {owner_.get() + used_, defaults::read_arena_bytes - used_};
}

} // namespace hearth
