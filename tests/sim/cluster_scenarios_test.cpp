#include "tests/sim/cluster_clients.hpp"
#include "tests/sim/cluster_site.hpp"
#include "tests/sim/golden.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::sim;
using namespace hearth::cluster;

/// Stories of whole clusters, as a reader would want them told. Each is compared with its file below golden, word by word.
BOOST_AUTO_TEST_SUITE(cluster_scenarios)

namespace {

constexpr std::uint64_t with_three_children = 3, with_one_child = 9; // these use p/d/e1
constexpr std::uint64_t and_another = 7;

cluster_options story(std::size_t voters, std::size_t nodes, std::uint64_t seed) {
  cluster_options how;
  how.seed = seed;
  how.voters = voters;
  how.nodes = nodes;
  how.clock_error = 0;
  how.lines_kept = 10'000;
  return how;
}

/// A cluster that is well, in which things are done one after the other.
struct stage {
  cluster_world world;
  cluster_clients clients{world, false};

  explicit stage(std::size_t voters, std::size_t nodes, std::uint64_t seed = 7) : world(story(voters, nodes, seed)) {
    BOOST_REQUIRE(world.run_until(from_ms(5000), [this] { return world.all_seated() && world.leader(); }));
    world.say("the cluster is well");
  }

  void pass(double ms) { world.run_until(world.now() + from_ms(ms)); }

  bool until(const std::function<bool()>& done, double ms = 15'000) {
    return world.run_until(world.now() + from_ms(ms), done);
  }

  /// A client of this node submits a run, which is accepted.
  void submit(std::size_t node, std::uint64_t run, std::uint32_t lost) {
    world.say("a client of " + called(node) + " submits " + cluster_oracle::name_of(run));
    clients.restrict_to({node});
    const auto before = world.truth().accepted();
    clients.submit(run, lost);
    BOOST_REQUIRE(until([&] { return world.truth().accepted() > before; }));
  }

  const run_record* record(std::uint64_t run) const {
    const auto who = world.leader();
    return who ? world.state(*who).find_run(std::string_view(cluster_oracle::name_of(run))) : nullptr;
  }

  bool ended(std::uint64_t run) {
    return until([&] { return record(run) != nullptr && !record(run)->open(); });
  }

  std::optional<std::size_t> owner_of(const std::string& key) const {
    const auto& state = world.state(*world.leader());
    const auto* seat = state.find_seat(state.owner_of(key).first);
    return seat == nullptr ? std::nullopt : std::optional(cluster_world::node_of(seat->node));
  }

  void put_copy(std::size_t node, const std::shared_ptr<cluster_world::stored>& copy) {
    world.crash(node);
    world.say(called(node) + " gets the copy");
    world.put_disk(node, copy);
    world.restart(node);
  }

  std::size_t beside(std::size_t one, std::size_t other) const {
    for (std::size_t node = 0;; ++node)
      if (node != one && node != other)
        return node;
  }

  void isolate(std::size_t node, bool cut) {
    world.say(called(node) + (cut ? " is cut off" : " is back"));
    for (std::size_t other = 0; other < world.size(); ++other)
      if (other != node) {
        world.links().set_cut(node, other, cut);
        world.links().set_cut(other, node, cut);
      }
  }

  void ask(std::size_t node, command order, const std::string& what) {
    world.say("somebody asks " + called(node) + " to " + what);
    world.submit(node, std::move(order), [this](const outcome& result) {
      world.say(result.code == ec::none ? "and is told that it is done" : "and is told: " + result.message);
    });
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(the_owners_node_dies_in_the_middle_of_a_run) {
  stage on(3, 3, 11);
  on.submit(0, 6, 3); // so that somebody owns the environment
  BOOST_REQUIRE(on.ended(6));
  const auto owner = *on.owner_of("p/d/e1");
  on.submit(on.beside(owner, owner), with_three_children, 3);
  const auto& records = on.world.records(on.beside(owner, owner));
  BOOST_REQUIRE(on.until([&] { return records.contains({with_three_children, 0}); }));
  on.world.crash(owner);
  on.world.report_death(owner);
  BOOST_TEST(on.ended(with_three_children));
  BOOST_TEST((on.record(with_three_children)->end.code == ec::none));
  BOOST_TEST((on.owner_of("p/d/e1") != owner));
  check_golden("the_owners_node_dies_in_the_middle_of_a_run", on.world.lines());
}

BOOST_AUTO_TEST_CASE(a_home_dies_and_comes_back_and_its_runs_go_on) {
  stage on(3, 3);
  const auto home = on.beside(*on.world.leader(), *on.world.leader());
  on.submit(home, with_three_children, 3);
  on.submit(home, with_one_child, 0);
  BOOST_REQUIRE(on.until([&] { return on.world.truth().started(with_one_child) == 1; }));
  BOOST_REQUIRE(on.until([&] { return on.world.records(home).contains({with_three_children, 0}); }));
  on.world.crash(home);
  on.pass(100);
  on.world.restart(home);
  BOOST_TEST(on.ended(with_three_children));
  BOOST_TEST(on.ended(with_one_child));
  BOOST_TEST((on.record(with_three_children)->end.code == ec::none));
  BOOST_TEST(on.record(with_three_children)->attempt == 2U);
  BOOST_TEST((on.record(with_one_child)->end.code == ec::maybe_executed));
  BOOST_TEST(on.world.truth().started(with_one_child) == 1U);
  check_golden("a_home_dies_and_comes_back_and_its_runs_go_on", on.world.lines());
}

BOOST_AUTO_TEST_CASE(a_leader_without_a_majority_refuses_and_the_others_go_on) {
  stage on(3, 3);
  const auto first = *on.world.leader();
  on.isolate(first, true);
  on.ask(first, raise_generation{"p/d/digits"}, "invalidate p/d/digits");
  BOOST_REQUIRE(on.until([&] { return on.world.leader() && *on.world.leader() != first; }));
  on.submit(*on.world.leader(), with_one_child, 3);
  BOOST_TEST(on.ended(with_one_child));
  BOOST_TEST(!on.world.has_lease(first));
  on.pass(5000);
  on.ask(first, raise_generation{"p/d/digits"}, "invalidate p/d/digits");
  on.pass(6000);
  on.isolate(first, false);
  BOOST_TEST(on.until([&] { return on.world.all_seated(); }));
  on.ask(first, raise_generation{"p/d/digits"}, "invalidate p/d/digits");
  on.pass(500);
  check_golden("a_leader_without_a_majority_refuses_and_the_others_go_on", on.world.lines());
}

BOOST_AUTO_TEST_CASE(an_owner_wakes_when_its_lease_is_over) {
  stage on(3, 3);
  on.submit(0, 6, 3);
  BOOST_REQUIRE(on.ended(6));
  const auto owner = *on.owner_of("p/d/e1");
  on.world.freeze(owner, on.world.now() + from_ms(4000));
  BOOST_REQUIRE(
    on.until([&] { return on.world.leader() && *on.world.leader() != owner && !on.world.frozen(*on.world.leader()); }));
  const auto other = on.beside(owner, owner);
  BOOST_REQUIRE(on.until([&] { return on.owner_of("p/d/e1").value_or(owner) != owner; }));
  on.submit(other, with_one_child, 3);
  BOOST_TEST(on.ended(with_one_child));
  BOOST_TEST(on.until([&] { return !on.world.frozen(owner) && on.world.all_seated(); }));
  on.submit(owner, and_another, 3);
  BOOST_TEST(on.ended(and_another));
  check_golden("an_owner_wakes_when_its_lease_is_over", on.world.lines());
}

BOOST_AUTO_TEST_CASE(a_node_is_drained_and_removed) {
  stage on(3, 4);
  const std::size_t leaves = 3;
  on.ask(0, drain_node{cluster_world::id_of(leaves), true}, "drain n4");
  on.pass(500);
  on.submit(0, with_one_child, 3);
  BOOST_REQUIRE(on.ended(with_one_child));
  BOOST_TEST((on.owner_of("p/d/e1") != leaves));
  on.ask(0, remove_node{cluster_world::id_of(1)}, "remove n2, which is a voter");
  on.pass(500);
  on.ask(0, remove_node{cluster_world::id_of(leaves)}, "remove n4");
  on.pass(3000);
  BOOST_TEST(!on.world.has_lease(leaves));
  on.world.crash(leaves);
  on.world.restart(leaves);
  on.pass(3000);
  BOOST_TEST(on.world.state(0).seat_of(cluster_world::id_of(leaves)) == nullptr);
  check_golden("a_node_is_drained_and_removed", on.world.lines());
}

BOOST_AUTO_TEST_CASE(disks_take_a_second) {
  stage on(3, 3);
  const auto leader = *on.world.leader();
  on.world.say("the disk of " + called(on.beside(leader, leader)) + " takes a second: two others are enough");
  on.world.set_disk(on.beside(leader, leader), from_ms(900), from_ms(1000));
  on.submit(leader, with_one_child, 3);
  BOOST_TEST(on.ended(with_one_child));
  on.world.say("all disks take a second");
  for (std::size_t node = 0; node < 3; ++node)
    on.world.set_disk(node, from_ms(900), from_ms(1000));
  on.submit(leader, and_another, 3);
  BOOST_TEST(on.ended(and_another));
  check_golden("disks_take_a_second", on.world.lines());
}

BOOST_AUTO_TEST_CASE(an_old_copy_of_a_disk_is_put_back) {
  stage on(3, 4);
  const std::size_t node = 3;
  on.world.crash(node);
  on.world.say("somebody copies the disk of " + called(node));
  const auto copy = on.world.copy_disk(node);
  on.world.restart(node);
  BOOST_REQUIRE(on.until([&] { return on.world.all_seated(); }));
  on.put_copy(node, copy);
  BOOST_TEST(on.until([&] { return !on.world.fatal(node).empty(); }));
  on.pass(3000);
  BOOST_TEST(on.world.state(0).seat_of(cluster_world::id_of(node)) == nullptr);
  on.submit(0, with_one_child, 3);
  BOOST_TEST(on.ended(with_one_child));
  check_golden("an_old_copy_of_a_disk_is_put_back", on.world.lines());
}

BOOST_AUTO_TEST_CASE(a_voter_gets_a_copy_that_was_made_while_it_ran) {
  stage on(3, 3);
  const std::size_t node = on.beside(*on.world.leader(), *on.world.leader());
  on.world.say("somebody copies the disk of " + called(node));
  const auto copy = on.world.copy_disk(node);
  on.submit(*on.world.leader(), with_one_child, 3);
  BOOST_TEST(on.ended(with_one_child));
  on.put_copy(node, copy);
  BOOST_TEST(on.until([&] { return !on.world.fatal(node).empty(); }));
  on.pass(3000);
  BOOST_TEST(on.world.state(*on.world.leader()).seat_of(cluster_world::id_of(node)) == nullptr);
  on.submit(*on.world.leader(), and_another, 3);
  BOOST_TEST(on.ended(and_another));
  check_golden("a_voter_gets_a_copy_that_was_made_while_it_ran", on.world.lines());
}

BOOST_AUTO_TEST_SUITE_END()
