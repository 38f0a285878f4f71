#pragma once

#include <kj/io.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hearth::node {

/// States of a word; schema/frame.capnp tells who may change which into which.
enum class slot_state : std::uint8_t { empty, sent, started, recalled, cancelled, done };

/// The slot table of one replica: words that node and interpreter share, changed by compare-and-swap.
///
/// It answers "did this call begin?" without the interpreter's help. The interpreter may write anything at any time;
/// a word that is not what its generation promised only makes a swap fail. Every operation is one atomic access, any
/// thread. `slot` must be below size().
class slot_table {
public:
  /// A new table of `slots` words (at least 1), all empty, in a memfd sealed against resizing. Throws
  /// std::system_error.
  static slot_table make(std::uint32_t slots);

  /// The other side's view of a table, for tests: maps `descriptor`, which it keeps.
  static slot_table map(kj::AutoCloseFd descriptor, std::uint32_t slots);

  slot_table(slot_table&& other) noexcept;
  slot_table& operator=(slot_table&& other) noexcept;
  ~slot_table();

  std::uint32_t size() const noexcept { return size_; }

  /// The memfd, for sending it to the interpreter; -1 after close_descriptor().
  int descriptor() const noexcept { return descriptor_.get(); }

  /// The mapping stays; one descriptor less per replica.
  void close_descriptor() noexcept { descriptor_ = nullptr; }

  /// A call of this generation is on its way.
  void send(std::uint32_t slot, std::uint64_t generation) noexcept;

  /// sent -> recalled. False: it has begun (or the word is not ours).
  bool recall(std::uint32_t slot, std::uint64_t generation) noexcept;

  /// started -> cancelled. False: it has not begun, or is done.
  bool cancel(std::uint32_t slot, std::uint64_t generation) noexcept;

  /// Whether it has begun and is not done, as the interpreter has it.
  bool is_running(std::uint32_t slot, std::uint64_t generation) const noexcept;

  /// Any change, as the interpreter's side makes it.
  bool change(std::uint32_t slot, std::uint64_t generation, slot_state from, slot_state to) noexcept;

private:
  slot_table(kj::AutoCloseFd descriptor, std::uint32_t slots);

  std::atomic_ref<std::uint64_t> word(std::uint32_t slot) const noexcept { return std::atomic_ref(words_[slot]); }
  std::size_t bytes() const noexcept { return std::size_t{size_} * sizeof(std::uint64_t); }

  kj::AutoCloseFd descriptor_;
  std::uint64_t* words_ = nullptr;
  std::uint32_t size_ = 0;
};

} // namespace hearth::node
