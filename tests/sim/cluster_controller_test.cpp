#include "tests/sim/lease_scenarios.hpp"
#include "tests/sim/still_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cluster;
using namespace hearth::sim;

BOOST_AUTO_TEST_SUITE(cluster_controller)

BOOST_AUTO_TEST_CASE(a_single_node_has_its_lease_for_good_and_writes_no_renewals) {
  still_world world(1);
  BOOST_TEST((world.plane(0).lease_until() == raft::never));
  world.run_until(world.now() + from_ms(10'000));
  BOOST_TEST(world.truth().renewals() == 0U);
  const auto answer = world.ask(0, grant{"p/d/e", {}});
  BOOST_REQUIRE(answer);
  BOOST_TEST((answer->owner == world.plane(0).seat()));
}

BOOST_AUTO_TEST_CASE(three_nodes_keep_their_leases_as_long_as_they_are_heard) {
  still_world world(3);
  const auto until = world.now() + from_ms(20'000);
  while (world.now() < until) {
    world.run_until(world.now() + from_ms(100));
    BOOST_REQUIRE(world.all_seated());
  }
  BOOST_TEST(world.truth().renewals() >= 30U);
  BOOST_TEST(world.truth().renewals() <= 60U);
}

BOOST_AUTO_TEST_CASE(any_node_answers_for_what_the_leader_decides) {
  still_world world(3);
  for (std::size_t node = 0; node < 3; ++node) {
    const auto answer = world.ask(node, grant{"p/d/e" + std::to_string(node), {}});
    BOOST_REQUIRE(answer);
    BOOST_TEST((answer->code == ec::none));
    BOOST_TEST((world.plane(node).state().owner_of("p/d/e" + std::to_string(node)).second == answer->epoch));
  }
}

BOOST_AUTO_TEST_CASE(a_node_without_a_majority_says_so_and_loses_its_lease) {
  still_world world(3);
  const auto lonely = world.other_than(*world.leader());
  world.isolate(lonely);
  const auto first = world.ask(lonely, grant{"p/d/e", {}});
  BOOST_REQUIRE(first);
  BOOST_TEST((first->code == ec::undecided)); // it went to a leader that may have got it
  const auto second = world.ask(lonely, grant{"p/d/e", {}});
  BOOST_REQUIRE(second);
  BOOST_TEST((second->code == ec::no_quorum));
  BOOST_TEST(!world.all_seated());
  world.links().heal();
  BOOST_TEST(world.within(5000, [&] { return world.all_seated(); }));
}

BOOST_AUTO_TEST_CASE(what_a_lost_node_owned_and_ran_goes_on_elsewhere) {
  still_world world(3);
  const auto victim = world.other_than(*world.leader());
  const auto seat = world.plane(victim).seat();
  BOOST_REQUIRE((world.ask(victim, put_spec{"p/d/e", "v", {}, true})));
  BOOST_REQUIRE((world.ask(victim, grant{"p/d/e", seat})));
  world.crash(victim);
  const auto moved = [&] {
    const auto who = world.leader();
    return who && world.plane(*who).state().owner_of("p/d/e").first
           && world.plane(*who).state().owner_of("p/d/e").first != seat;
  };
  BOOST_TEST(world.within(4000, moved));
}

BOOST_AUTO_TEST_CASE(a_process_known_to_be_gone_is_not_waited_for) {
  still_world world(3);
  const auto victim = world.other_than(*world.leader());
  const auto seat = world.plane(victim).seat();
  world.crash(victim);
  world.report_death(victim);
  BOOST_TEST(world.within(1000, [&] { return world.plane(*world.leader()).state().find_seat(seat) == nullptr; }));
}

BOOST_AUTO_TEST_CASE(a_node_whose_work_loop_hangs_loses_its_seat_and_comes_back_when_it_turns) {
  still_world world(3);
  const auto victim = world.other_than(*world.leader());
  const auto seat = world.plane(victim).seat();
  world.block_work(victim, world.now() + from_ms(6000));
  BOOST_TEST(world.within(5000, [&] { return world.plane(*world.leader()).state().find_seat(seat) == nullptr; }));
  BOOST_TEST(world.within(8000, [&] { return world.all_seated(); }));
  BOOST_TEST((world.plane(victim).seat() != seat));
}

BOOST_AUTO_TEST_CASE(what_lies_before_a_snapshot_leaves_the_log_again_and_again) {
  auto how = still_world::still(3);
  how.snapshot_entries = 10;
  how.entries_behind_snapshot = 0;
  still_world world(how);
  for (int i = 0; i < 100; ++i)
    BOOST_REQUIRE((world.ask(i % 3, raise_generation{"p"})));
  BOOST_REQUIRE((world.ask(0, set_voters{{cluster_world::id_of(0)}})));
  for (int i = 0; i < 50; ++i)
    BOOST_REQUIRE((world.ask(i % 3, raise_generation{"p"})));
  world.rest(1000);
  for (std::size_t node = 0; node < 3; ++node) {
    const auto& log = world.plane(node).log();
    BOOST_TEST(log.last_index() - log.snapshot().index <= 20U);
  }
}

BOOST_AUTO_TEST_CASE(a_node_that_hears_nothing_but_is_heard_is_replaced) { BOOST_TEST(a_deaf_node({}) == ""); }

BOOST_AUTO_TEST_CASE(a_node_that_gets_nothing_of_the_log_but_is_heard_is_replaced) {
  BOOST_TEST(a_starved_node({}) == "");
}

BOOST_AUTO_TEST_CASE(a_seat_that_was_there_already_gives_no_lease_to_who_asks_for_it_again) {
  BOOST_TEST(a_seat_asked_for_twice({}) == "");
}

BOOST_AUTO_TEST_CASE(a_node_that_stops_leaves_its_seat_and_leadership_at_once) {
  still_world world(3);
  const auto leader = *world.leader();
  const auto seat = world.plane(leader).seat();
  world.stop(leader);
  BOOST_TEST(world.within(3000, [&] { return !world.up(leader); }));
  BOOST_REQUIRE(world.within(2000, [&] { return world.leader() && *world.leader() != leader; }));
  BOOST_TEST(world.state(*world.leader()).find_seat(seat) == nullptr);
}

BOOST_AUTO_TEST_CASE(founders_that_a_lost_leader_did_not_admit_are_admitted_by_the_next_one) {
  auto how = still_world::still(3);
  how.founded = 1;
  cluster_world world(how);
  BOOST_TEST(world.run_until(from_ms(10'000), [&] { return world.all_seated(); }));
}

BOOST_AUTO_TEST_CASE(other_voters_take_over_and_two_are_refused) {
  still_world world(3);
  const auto two = world.ask(0, set_voters{{cluster_world::id_of(0), cluster_world::id_of(1)}});
  BOOST_REQUIRE(two);
  BOOST_TEST((two->code == ec::bad_request));
  const auto one = world.ask(0, set_voters{{cluster_world::id_of(2)}});
  BOOST_REQUIRE(one);
  BOOST_TEST((one->code == ec::none));
  BOOST_TEST(world.within(8000, [&] {
    return world.leader() == std::optional<std::size_t>(2) && world.plane(2).log().generation() == 2U
           && world.plane(2).state().image().generation == 2U;
  }));
  const auto answer = world.ask(0, grant{"p/d/e", {}});
  BOOST_REQUIRE(answer);
  BOOST_TEST((answer->code == ec::none));
}

BOOST_AUTO_TEST_CASE(the_level_rises_when_all_understand_it) {
  still_world world(3);
  BOOST_TEST(world.within(3000, [&] { return world.plane(0).state().image().level == defaults::feature_level; }));
}

BOOST_AUTO_TEST_CASE(what_an_older_node_would_not_understand_is_not_written) {
  auto how = still_world::still(3);
  how.older = 1;
  still_world mixed(how);
  for (std::size_t node = 0; node < 2; ++node) {
    const auto answer = mixed.ask(node, limit_cache{"p", 1, {}}, 20'000);
    BOOST_REQUIRE(answer);
    BOOST_TEST((answer->code == ec::version_mismatch));
  }
  for (std::size_t node = 0; node < 3; ++node)
    BOOST_TEST(mixed.plane(node).state().image().cache_limits.empty());
  BOOST_TEST((mixed.ask(0, raise_generation{"p"})->code == ec::none)); // what it does understand is
  still_world world(3);
  BOOST_TEST((world.ask(0, limit_cache{"p", 1, {}})->code == ec::none));
  BOOST_TEST(world.within(3000, [&] { return world.plane(2).state().image().cache_limits.size() == 1U; }));
}

BOOST_AUTO_TEST_CASE(every_request_is_answered_once_also_by_a_cluster_that_is_gone) {
  still_world world(3);
  world.crash(1);
  world.crash(2);
  int answers = 0;
  for (int i = 0; i < 20; ++i)
    world.submit(0, raise_generation{"p" + std::to_string(i)}, [&](const outcome& result) {
      ++answers;
      BOOST_TEST((result.code == ec::no_quorum || result.code == ec::undecided));
    });
  BOOST_TEST(world.within(10'000, [&] { return answers == 20; }));
  world.run_until(world.now() + from_ms(5000));
  BOOST_TEST(answers == 20);
}

BOOST_AUTO_TEST_SUITE_END()
