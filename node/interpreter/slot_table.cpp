#include "node/interpreter/slot_table.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace hearth::node {

static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free, "words are shared between processes");

namespace {

constexpr std::uint64_t word_of(std::uint64_t generation, slot_state state) noexcept {
  return generation << 8 | static_cast<std::uint8_t>(state);
}

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

} // namespace

slot_table slot_table::make(std::uint32_t slots) {
  kj::AutoCloseFd descriptor(memfd_create("hearth-slots", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (descriptor.get() < 0)
    fail("memfd_create");
  if (ftruncate(descriptor, static_cast<off_t>(slots * sizeof(std::uint64_t))) != 0)
    fail("ftruncate");
  if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    fail("fcntl(F_ADD_SEALS)");
  return {std::move(descriptor), slots};
}

slot_table slot_table::map(kj::AutoCloseFd descriptor, std::uint32_t slots) { return {std::move(descriptor), slots}; }

slot_table::slot_table(kj::AutoCloseFd descriptor, std::uint32_t slots)
  : descriptor_(std::move(descriptor)), size_(slots) {
  void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (memory == MAP_FAILED)
    fail("mmap");
  words_ = static_cast<std::uint64_t*>(memory);
}

slot_table::slot_table(slot_table&& other) noexcept
  : descriptor_(std::move(other.descriptor_)), words_(std::exchange(other.words_, nullptr)),
    size_(std::exchange(other.size_, 0)) {}

slot_table& slot_table::operator=(slot_table&& other) noexcept {
  std::swap(words_, other.words_);
  std::swap(size_, other.size_);
  descriptor_ = std::move(other.descriptor_);
  return *this;
}

slot_table::~slot_table() {
  if (words_ != nullptr)
    munmap(words_, bytes());
}

void slot_table::send(std::uint32_t slot, std::uint64_t generation) noexcept {
  word(slot).store(word_of(generation, slot_state::sent));
}

bool slot_table::recall(std::uint32_t slot, std::uint64_t generation) noexcept {
  return change(slot, generation, slot_state::sent, slot_state::recalled);
}

bool slot_table::cancel(std::uint32_t slot, std::uint64_t generation) noexcept {
  return change(slot, generation, slot_state::started, slot_state::cancelled);
}

bool slot_table::is_running(std::uint32_t slot, std::uint64_t generation) const noexcept {
  const auto state = word(slot).load();
  return state == word_of(generation, slot_state::started) || state == word_of(generation, slot_state::cancelled);
}

bool slot_table::change(std::uint32_t slot, std::uint64_t generation, slot_state from, slot_state to) noexcept {
  auto expected = word_of(generation, from);
  return word(slot).compare_exchange_strong(expected, word_of(generation, to));
}

} // namespace hearth::node
