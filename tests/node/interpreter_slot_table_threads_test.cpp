#include "node/interpreter/slot_table.hpp"

#include <boost/test/unit_test.hpp>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

using hearth::node::slot_state;
using hearth::node::slot_table;

BOOST_AUTO_TEST_SUITE(slot_tables)

BOOST_AUTO_TEST_CASE(node_and_interpreter_never_both_win_a_call) {
  constexpr std::uint32_t rounds = 20'000;
  constexpr std::uint32_t slots = 8;
  auto node = slot_table::make(slots);
  auto interpreter = slot_table::map(kj::AutoCloseFd(::dup(node.descriptor())), slots);
  std::array<std::atomic<std::uint32_t>, slots> taken{}; // how often each call of the round was taken
  std::atomic<std::uint32_t> arrived{0};
  std::uint64_t recalled = 0;
  std::uint64_t started = 0;
  // Both sides reach for every slot of a round at the same time, from opposite ends.
  const auto meet = [&arrived](std::uint32_t count) {
    ++arrived;
    while (arrived.load() < count)
      std::this_thread::yield();
  };
  std::thread python([&] {
    for (std::uint32_t round = 0; round < rounds; ++round) {
      meet(4 * round + 2);
      for (std::uint32_t slot = 0; slot < slots; ++slot)
        if (interpreter.change(slot, round, slot_state::sent, slot_state::started)) {
          ++taken[slot];
          ++started;
        }
      meet(4 * round + 4);
    }
  });
  bool exactly_one = true;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      taken[slot] = 0;
      node.send(slot, round);
    }
    meet(4 * round + 2);
    for (std::uint32_t slot = slots; slot-- > 0;)
      if (node.recall(slot, round)) {
        ++taken[slot];
        ++recalled;
      }
    meet(4 * round + 4);
    for (const auto& count : taken)
      exactly_one = exactly_one && count == 1;
  }
  python.join();
  BOOST_CHECK(exactly_one);
  BOOST_CHECK_EQUAL(recalled + started, std::uint64_t{rounds} * slots);
}

BOOST_AUTO_TEST_SUITE_END()
