#include "tests/support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(pool_admission)

BOOST_AUTO_TEST_CASE(the_first_call_starts_the_minimum_and_waits_for_it) {
  pool_driver p(make_spec(2, 4), limits(2, 4));
  p.admit();
  BOOST_TEST(p.lines() == (lines{"start r1", "start r2"}));
  p.ready(1);
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c1 #1"}));
}

BOOST_AUTO_TEST_CASE(replicas_grow_to_the_maximum_on_demand_and_no_further) {
  pool_driver p(make_spec(0, 3), limits(0, 3));
  for (int i = 0; i < 10; ++i)
    p.admit();
  BOOST_TEST(p.lines() == (lines{"start r1", "start r2", "start r3"}));
}

BOOST_AUTO_TEST_CASE(starting_replicas_count_so_that_one_call_starts_one) {
  pool_driver p(make_spec(0, 8, 4), limits(0, 8, 4));
  for (int i = 0; i < 4; ++i)
    p.admit();
  BOOST_TEST(p.lines() == (lines{"start r1"}));
  p.admit();
  BOOST_TEST(p.lines() == (lines{"start r2"}));
}

BOOST_AUTO_TEST_CASE(an_unknown_task_is_refused_with_its_index) {
  fixed_pool p;
  BOOST_TEST(p.admit_root(1, 0, 9) == 0u);
  BOOST_TEST((p.refused.code == ec::unknown_task));
  BOOST_TEST(p.refused.message.find("9") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(roots_are_refused_when_the_queue_is_full_but_nested_calls_never) {
  fixed_pool p;
  pool::request big;
  big.size = defaults::queued_bytes_max;
  BOOST_TEST(p.admit(big) != 0u);
  BOOST_TEST(p.admit() == 0u);
  BOOST_TEST((p.refused.code == ec::queue_full));
  BOOST_TEST(p.refused.message.find("try again") != std::string::npos);
  BOOST_TEST(p.admit_root(1, 1) != 0u);
}

BOOST_AUTO_TEST_CASE(nesting_has_a_limit) {
  fixed_pool p;
  BOOST_TEST(p.admit_root(1, defaults::depth_max + 1) == 0u);
  BOOST_TEST((p.refused.code == ec::too_deep));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pool_dispatch)

BOOST_AUTO_TEST_CASE(a_free_replica_gets_the_call_at_once) {
  fixed_pool p(2);
  p.warm_up(2);
  p.admit();
  p.admit();
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c2 #1", "dispatch r2 c3 #1"}));
}

BOOST_AUTO_TEST_CASE(long_calls_are_never_sent_ahead) {
  fixed_pool p;
  p.warm_up(1, 50ms);
  p.admit();
  p.admit();
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c2 #1"}));
  p.done(1, 2);
  BOOST_TEST(p.lines() == (lines{"release c2", "dispatch r1 c3 #1"}));
}

BOOST_AUTO_TEST_CASE(calls_of_unknown_length_are_never_sent_ahead) {
  fixed_pool p;
  auto c = p.admit();
  p.admit();
  p.ready(1);
  BOOST_TEST(p.held(1).size() == 1u);
  p.done(1, c, ec::none, 2us);
  BOOST_TEST(p.held(1).size() == 1u);
}

BOOST_AUTO_TEST_CASE(short_calls_are_sent_ahead_up_to_one_round_trip_and_sixteen) {
  fixed_pool p;
  p.warm_up(1, 2us);
  for (int i = 0; i < 100; ++i)
    p.admit();
  BOOST_TEST(p.held(1).size() == 1u + defaults::prefetch_max);
  fixed_pool slower;
  slower.warm_up(1, 40us);
  for (int i = 0; i < 100; ++i)
    slower.admit();
  BOOST_TEST(slower.held(1).size() == 2u); // 2 x 40 us fit into 100 us, a third would not
}

BOOST_AUTO_TEST_CASE(an_interpreter_without_slot_table_holds_nothing_ahead) {
  fixed_pool p;
  auto c = p.admit();
  p.ready(1, false);
  p.done(1, c, ec::none, 2us);
  p.admit();
  p.admit();
  BOOST_TEST(p.held(1).size() == 1u);
}

BOOST_AUTO_TEST_CASE(calls_with_a_run_time_limit_are_never_sent_ahead) {
  auto spec = make_spec(1, 1);
  spec->tasks[0].timeout.max_runtime = 1000ms;
  fixed_pool p(1, 1, spec);
  p.warm_up(1, 2us);
  p.admit();
  p.admit();
  BOOST_TEST(p.held(1).size() == 1u);
}

BOOST_AUTO_TEST_CASE(calls_behind_a_long_one_are_recalled_and_go_to_a_free_replica) {
  fixed_pool p(2);
  p.warm_up(2, 2us);
  for (int i = 0; i < 6; ++i)
    p.admit(); // c2..c7, spread over both
  BOOST_TEST(p.held(1).size() == 3u);
  p.lines();
  // r2 gets through, r1 has met a long call.
  for (auto c : std::set<std::uint64_t>(p.held(2)))
    p.done(2, c, ec::none, 2us);
  p.lines();
  p.advance(defaults::stall_after);
  auto recall = p.lines();
  BOOST_TEST_REQUIRE(recall.size() == 1u);
  BOOST_TEST(recall[0].rfind("recall r1", 0) == 0u);
  std::vector<std::uint64_t> back(std::next(p.held(1).begin()), p.held(1).end());
  p.recalled(1, back);
  auto moved = p.lines();
  BOOST_TEST_REQUIRE(!moved.empty());
  for (const auto& line : moved)
    BOOST_TEST(line.rfind("dispatch r2", 0) == 0u);
}

BOOST_AUTO_TEST_CASE(a_stalled_replica_is_not_sent_more_ahead) {
  fixed_pool p;
  p.warm_up(1, 2us);
  p.admit();
  p.now += defaults::stall_after;
  p.admit();
  BOOST_TEST(p.held(1).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_recall_that_comes_too_late_changes_nothing) {
  fixed_pool p;
  p.warm_up(1, 2us);
  p.admit();
  p.admit();
  p.advance(defaults::stall_after);
  BOOST_TEST(p.lines().back() == "recall r1 c3");
  p.recalled(1, {});
  p.done(1, 2, ec::none, 2us);
  p.done(1, 3, ec::none, 2us);
  BOOST_TEST(p.subject().open() == 0u);
}

BOOST_AUTO_TEST_CASE(roots_take_turns) {
  fixed_pool p;
  p.warm_up(1);
  p.admit_root(1); // runs
  for (int i = 0; i < 3; ++i)
    p.admit_root(1); // c3 c4 c5
  p.admit_root(2);   // c6
  p.lines();
  std::vector<std::string> order;
  for (auto c : {2u, 3u, 6u, 4u}) {
    p.done(1, c);
    order.push_back(p.lines().back());
  }
  BOOST_TEST(order == (lines{"dispatch r1 c3 #1", "dispatch r1 c6 #1", "dispatch r1 c4 #1", "dispatch r1 c5 #1"}));
}

BOOST_AUTO_TEST_CASE(deeper_calls_go_first) {
  fixed_pool p;
  p.warm_up(1);
  p.admit_root(1);
  p.admit_root(1);    // c3
  p.admit_root(1, 2); // c4
  p.admit_root(1, 5); // c5
  p.done(1, 2);
  BOOST_TEST(p.lines().back() == "dispatch r1 c5 #1");
}

BOOST_AUTO_TEST_CASE(never_more_than_concurrency_is_sent_while_calls_are_long) {
  fixed_pool p(2, 3);
  p.warm_up(2);
  for (int i = 0; i < 20; ++i)
    p.admit();
  BOOST_TEST(p.held(1).size() == 3u);
  BOOST_TEST(p.held(2).size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pool_slot_lending)

BOOST_AUTO_TEST_CASE(a_waiting_parent_lends_its_slot_to_its_child_on_one_replica) {
  fixed_pool p;
  p.warm_up(1);
  auto parent = p.admit_root(1);
  auto child = p.admit_root(1, 1);
  p.lines();
  p.parked(1, parent);
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c" + std::to_string(child) + " #1"}));
  p.done(1, child);
  p.resumed(1, parent);
  p.done(1, parent);
  BOOST_TEST(p.subject().open() == 0u);
}

BOOST_AUTO_TEST_CASE(any_depth_finishes_on_one_replica_with_concurrency_one) {
  fixed_pool p;
  p.warm_up(1);
  std::vector<std::uint64_t> chain;
  for (std::uint16_t depth = 0; depth < 200; ++depth) {
    chain.push_back(p.admit_root(1, depth));
    BOOST_TEST_REQUIRE(p.held(1).count(chain.back()) == 1u);
    p.parked(1, chain.back());
  }
  for (auto c = chain.rbegin(); c != chain.rend(); ++c) {
    p.resumed(1, *c);
    p.done(1, *c);
  }
  BOOST_TEST(p.subject().open() == 0u);
}

BOOST_AUTO_TEST_CASE(a_root_starts_one_more_replica_rather_than_disturb_waiting_parents) {
  fixed_pool p;
  p.warm_up(1);
  auto parent = p.admit_root(1);
  p.parked(1, parent);
  p.lines();
  p.admit_root(2);
  BOOST_TEST(p.lines() == (lines{"start r2"}));
}

BOOST_AUTO_TEST_CASE(a_root_takes_a_lent_slot_when_no_more_replicas_may_start) {
  fixed_pool p;
  p.warm_up(1);
  auto first = p.admit_root(1);
  p.parked(1, first);
  auto second = p.admit_root(2);
  p.ready(2);
  p.parked(2, second);
  p.lines();
  auto third = p.admit_root(3);
  auto line = p.lines();
  BOOST_TEST_REQUIRE(line.size() == 1u);
  BOOST_TEST(line[0].find("dispatch") == 0u);
  BOOST_TEST(line[0].find("c" + std::to_string(third)) != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
