#include "node/loop/large_frames.hpp"

#include "core/defaults.hpp"

#include <cstdint>
#include <new>
#include <sys/mman.h>

namespace hearth {

namespace {

constexpr auto block_bytes = defaults::large_block_bytes;

/// A block on an address that is a multiple of its size: only there can a huge page lie.
std::shared_ptr<char> new_block() {
  void* found = ::mmap(nullptr, 2 * block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED)
    throw std::bad_alloc();
  auto* const begin = static_cast<char*>(found);
  const auto before = (block_bytes - reinterpret_cast<std::uintptr_t>(begin) % block_bytes) % block_bytes;
  auto* const block = begin + before;
  if (before != 0)
    ::munmap(begin, before);
  ::munmap(block + block_bytes, block_bytes - before);
  ::madvise(block, block_bytes, MADV_HUGEPAGE); // where the system has none, single pages serve as well
  return {block, [](char* memory) { ::munmap(memory, block_bytes); }};
}

} // namespace

std::shared_ptr<char> large_frames::take(std::size_t size) {
  auto block = block_.lock();
  if (!block || block_bytes - used_ < size) {
    block = new_block();
    block_ = block;
    used_ = 0;
  }
  auto* const data = block.get() + used_;
  used_ += (size + 7) / 8 * 8;
  return {std::move(block), data};
}

} // namespace hearth
