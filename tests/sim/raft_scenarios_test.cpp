#include "tests/sim/golden.hpp"
#include "tests/sim/raft_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth::sim;
using hearth::cluster::raft::mutation;

namespace {

world_options story(std::size_t voters, std::size_t nodes) {
  world_options how;
  how.seed = 7;
  how.voters = voters;
  how.nodes = nodes;
  how.lines_kept = 10'000;
  how.chronicle = true;
  return how;
}

/// A world in which things are done one after the other.
struct stage {
  raft_world world;

  explicit stage(world_options how) : world(how) {}

  void pass(double ms) { world.run_until(world.now() + from_ms(ms)); }

  std::size_t leader() {
    for (int i = 0; i < 50 && !world.leader(); ++i)
      pass(100);
    BOOST_REQUIRE(world.leader().has_value());
    return *world.leader();
  }

  void propose(std::size_t node, const std::string& what, std::vector<std::size_t> voters = {}) {
    world.tell("a client proposes \"" + what + "\" to " + called(node));
    world.propose(
      node, what,
      [this, what](raft_world::result how, auto) {
        const char* said[] = {"done", "refused", "unknown"};
        world.tell("the client is told of \"" + what + "\": " + said[static_cast<int>(how)]);
        done += how == raft_world::result::done ? 1 : 0;
      },
      std::move(voters));
    pass(300);
  }

  void isolate(std::size_t node, bool cut = true) {
    world.tell(called(node) + (cut ? " is cut off" : " is back"));
    for (std::size_t other = 0; other < world.size(); ++other)
      if (other != node)
        world.cut_both(node, other, cut);
  }

  bool all_applied(hearth::cluster::log_index index) {
    for (std::size_t node = 0; node < world.size(); ++node)
      if (!world.up(node) || world.applied(node) < index)
        return false;
    return true;
  }

  int done = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(raft_scenarios)

BOOST_AUTO_TEST_CASE(the_leader_is_cut_off_and_comes_back) {
  stage on(story(3, 3));
  const auto first = on.leader();
  on.propose(first, "before");
  on.isolate(first);
  on.propose(first, "in vain");
  on.pass(2000);
  const auto second = on.leader();
  BOOST_TEST(second != first);
  on.propose(second, "meanwhile");
  on.isolate(first, false);
  on.pass(1000);
  on.propose(on.leader(), "afterwards");
  BOOST_TEST(on.leader() == second); // its return unseats nobody
  BOOST_TEST(on.done == 3);
  BOOST_TEST(on.all_applied(on.world.truth().last()));
  check_golden("the_leader_is_cut_off_and_comes_back", on.world.lines());
}

namespace {

/// Three entries of an old leader that nobody else has. It comes back when the new one needs it for a majority.
void play_leftover(stage& on) {
  const auto first = on.leader();
  on.propose(first, "before");
  on.isolate(first);
  for (const auto* what : {"left over 1", "left over 2", "left over 3"})
    on.propose(first, what);
  on.world.crash(first);
  on.pass(2000);
  const auto second = on.leader(), third = 3 - first - second;
  on.propose(second, "kept 1");
  on.world.crash(third);
  on.propose(second, "kept 2");
  on.isolate(first, false);
  on.world.restart(first);
  on.pass(500);
  on.world.restart(third);
  on.pass(1000);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_follower_with_a_leftover_of_an_old_term) {
  stage on(story(3, 3));
  play_leftover(on);
  BOOST_TEST(on.done == 3);
  BOOST_TEST(on.all_applied(on.world.truth().last()));
  check_golden("a_follower_with_a_leftover_of_an_old_term", on.world.lines());
}

BOOST_AUTO_TEST_CASE(a_follower_that_vouches_for_its_leftover_is_found) {
  auto how = story(3, 3);
  how.mutations = static_cast<std::uint32_t>(mutation::whole_log_matches);
  stage on(how);
  BOOST_CHECK_THROW(play_leftover(on), violation);
}

BOOST_AUTO_TEST_CASE(a_voter_is_replaced) {
  stage on(story(3, 4));
  const auto first = on.leader();
  on.propose(first, "before");
  const auto lost = (first + 1) % 3, kept = (first + 2) % 3;
  on.world.crash(lost);
  on.propose(first, "voters", {first, kept, 3});
  on.pass(2000);
  BOOST_TEST(on.world.core(on.leader()).generation() == 2u);
  on.propose(on.leader(), "in the next generation");
  on.world.restart(lost);
  on.pass(2000);
  BOOST_TEST(on.world.core(lost).generation() == 2u);
  BOOST_CHECK(on.world.core(lost).role() == raft::role::kind::learner);
  BOOST_TEST(on.done == 3);
  BOOST_TEST(on.all_applied(on.world.truth().last()));
  check_golden("a_voter_is_replaced", on.world.lines());
}

BOOST_AUTO_TEST_CASE(one_voter_becomes_three) {
  auto how = story(1, 3);
  how.late_joiners = true;
  stage on(how);
  on.propose(on.leader(), "alone");
  on.propose(0, "two are refused", {0, 1});
  on.propose(0, "voters", {0, 1, 2});
  on.pass(1000);
  on.propose(on.leader(), "together");
  on.world.crash(on.leader());
  on.pass(2000);
  on.propose(on.leader(), "without one of them");
  BOOST_TEST(on.done == 4);
  check_golden("one_voter_becomes_three", on.world.lines());
}

BOOST_AUTO_TEST_CASE(a_follower_that_was_away_for_long_takes_over_a_state) {
  auto how = story(3, 3);
  how.snapshot_every = 5;
  how.limits.entries_behind_snapshot = 0;
  stage on(how);
  const auto first = on.leader();
  const auto away = (first + 1) % 3;
  on.world.crash(away);
  for (int i = 1; i <= 12; ++i)
    on.propose(first, "while it is away " + std::to_string(i));
  on.world.restart(away);
  on.pass(1000);
  BOOST_TEST(on.done == 12);
  BOOST_TEST(on.all_applied(on.world.truth().last()));
  check_golden("a_follower_that_was_away_for_long_takes_over_a_state", on.world.lines());
}

BOOST_AUTO_TEST_SUITE_END()
