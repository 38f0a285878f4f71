#include "node/store/control_store.hpp"
#include "tests/support/control_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <optional>
#include <thread>

using namespace hearth;
using namespace hearth::node;
using test::entries;

BOOST_AUTO_TEST_SUITE(store_control_threads)

BOOST_AUTO_TEST_CASE(a_backup_taken_while_another_thread_writes_holds_one_of_the_commits) {
  test::scratch home;
  std::optional<control_store> store(std::in_place, home / "control");
  std::atomic<std::uint64_t> written{0};
  std::jthread writes([&](const std::stop_token& stop) {
    for (std::uint64_t round = 1; !stop.stop_requested() || round <= 20; ++round) {
      test::write_one(*store, {round, raft::hard_state{round, {1, 2}}, {}, entries(1 + 10 * (round - 1), 10, round)});
      written = round;
      if (round % 10 == 0)
        store->write_snapshot({10 * round - 5, round, 1, {{1, 2}}}, std::to_string(round), later_entries::keep);
    }
  });
  while (written == 0)
    std::this_thread::yield();
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t before = written;
    store->backup(home / "backup");
    const auto copy = home / ("copy" + std::to_string(i));
    control_store::restore(home / "backup", copy);
    const auto stored = control_store(copy).take_stored();
    BOOST_REQUIRE_GE(stored.state.hard.term, before);
    BOOST_REQUIRE(!stored.state.entries.empty());
    BOOST_CHECK_EQUAL(stored.state.entries.back().index, 10 * stored.state.hard.term);
    BOOST_CHECK_EQUAL(stored.state.entries.front().index, stored.state.snapshot.index + 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
