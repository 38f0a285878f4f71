#include "tests/support/actor_fixture.hpp"
#include "tests/support/pool_driver.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;
using lines = std::vector<std::string>;

namespace {

pool_limits limits(std::uint32_t min, std::uint32_t max, std::uint32_t concurrency = 1, bool fresh = false) {
  return {min, max, concurrency, fresh, 300s};
}

struct fixed_pool : pool_driver {
  explicit fixed_pool(std::uint32_t replicas = 1, std::uint32_t concurrency = 1, std::shared_ptr<environment_spec> spec = {})
    : pool_driver(spec ? spec : make_spec(replicas, replicas, concurrency), limits(replicas, replicas, concurrency)) {}

  /// Starts all replicas by one call that is then done.
  void warm_up(std::uint32_t replicas, std::chrono::nanoseconds run = 50ms) {
    auto c = admit();
    for (std::uint32_t r = 1; r <= replicas; ++r)
      ready(r);
    done(1, c, ec::none, run);
    lines();
  }
};

std::shared_ptr<environment_spec> with_retries(std::uint32_t count, std::uint32_t lost, std::chrono::milliseconds base = 0ms) {
  auto spec = make_spec(1, 1);
  spec->tasks[0].retries = {count, lost, base, 2.0, 1000ms};
  return spec;
}

} // namespace

BOOST_TEST_DONT_PRINT_LOG_VALUE(lines)

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

BOOST_AUTO_TEST_SUITE(pool_retries)

BOOST_AUTO_TEST_CASE(a_user_error_is_answered_at_once_without_retries) {
  fixed_pool p;
  p.warm_up(1);
  auto c = p.admit();
  p.lines();
  p.done(1, c, ec::user_error);
  BOOST_TEST(p.lines() == (lines{"fail c2 user_error", "release c2"}));
}

BOOST_AUTO_TEST_CASE(a_user_error_is_tried_again_as_often_as_said_with_growing_backoff) {
  fixed_pool p(1, 1, with_retries(2, 3, 100ms));
  p.warm_up(1);
  auto c = p.admit();
  p.done(1, c, ec::user_error);
  p.lines();
  p.advance(99ms);
  BOOST_TEST(p.lines() == lines{});
  p.advance(1ms);
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c2 #2"}));
  p.done(1, c, ec::user_error);
  p.advance(199ms);
  BOOST_TEST(p.lines() == lines{});
  p.advance(1ms);
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c2 #3"}));
  p.done(1, c, ec::user_error);
  BOOST_TEST(p.lines() == (lines{"fail c2 user_error", "release c2"}));
}

BOOST_AUTO_TEST_CASE(an_error_that_forbids_retries_is_answered_at_once) {
  fixed_pool p(1, 1, with_retries(5, 3));
  p.warm_up(1);
  auto c = p.admit();
  p.done(1, c, ec::non_recoverable);
  BOOST_TEST(p.lines().back() == "release c2");
}

BOOST_AUTO_TEST_CASE(lost_calls_are_counted_apart_from_user_errors) {
  fixed_pool p(1, 1, with_retries(0, 1));
  p.warm_up(1);
  auto c = p.admit();
  p.lines();
  p.lost(1, {c});
  BOOST_TEST(p.lines() == (lines{"start r2"}));
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"dispatch r2 c2 #2"}));
  p.lost(2, {c});
  auto end = p.lines();
  BOOST_TEST(end[0] == "fail c2 interpreter_lost");
}

BOOST_AUTO_TEST_CASE(a_call_that_never_began_runs_elsewhere_even_with_lost_0) {
  fixed_pool p(1, 1, with_retries(0, 0));
  p.warm_up(1);
  p.admit();
  p.lines();
  p.lost(1, {});
  p.ready(2);
  auto l = p.lines();
  BOOST_TEST(l.back() == "dispatch r2 c2 #1");
}

BOOST_AUTO_TEST_CASE(a_call_that_began_is_never_run_again_with_lost_0) {
  fixed_pool p(1, 1, with_retries(0, 0));
  p.warm_up(1);
  auto c = p.admit();
  p.lines();
  p.lost(1, {c});
  BOOST_TEST(p.lines()[0] == "fail c2 maybe_executed");
}

BOOST_AUTO_TEST_CASE(lost_calls_keep_their_order) {
  fixed_pool p;
  p.warm_up(1, 2us);
  for (int i = 0; i < 4; ++i)
    p.admit(); // c2 begun, c3..c5 ahead
  p.lost(1, {2});
  p.lines();
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"dispatch r2 c2 #2", "dispatch r2 c3 #1", "dispatch r2 c4 #1", "dispatch r2 c5 #1"}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pool_limits_in_time)

BOOST_AUTO_TEST_CASE(a_call_that_waits_too_long_is_answered_and_never_runs) {
  auto spec = make_spec(1, 1);
  spec->tasks[0].timeout.max_queued = 500ms;
  fixed_pool p(1, 1, spec);
  p.warm_up(1);
  auto first = p.admit();
  p.admit();
  p.lines();
  p.advance(500ms);
  BOOST_TEST(p.lines() == (lines{"fail c3 timeout_queued", "release c3"}));
  p.done(1, first);
  BOOST_TEST(p.lines() == (lines{"release c2"}));
}

BOOST_AUTO_TEST_CASE(a_call_that_runs_too_long_is_answered_at_once_and_stopped) {
  auto spec = make_spec(1, 1);
  spec->tasks[0].timeout.max_runtime = 500ms;
  fixed_pool p(1, 1, spec);
  p.warm_up(1);
  auto c = p.admit();
  p.lines();
  p.advance(500ms);
  BOOST_TEST(p.lines() == (lines{"fail c2 timeout_runtime", "stop r1 c2"}));
  p.done(1, c, ec::aborted);
  BOOST_TEST(p.lines() == (lines{"release c2"}));
}

BOOST_AUTO_TEST_CASE(a_run_time_limit_is_per_execution_and_retries_apply) {
  auto spec = with_retries(1, 3);
  spec->tasks[0].timeout.max_runtime = 500ms;
  fixed_pool p(1, 1, spec);
  p.warm_up(1);
  auto c = p.admit();
  p.lines();
  p.advance(500ms);
  BOOST_TEST(p.lines() == (lines{"stop r1 c2"}));
  p.done(1, c, ec::aborted);
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c2 #2"}));
  p.advance(500ms);
  BOOST_TEST(p.lines() == (lines{"fail c2 timeout_runtime", "stop r1 c2"}));
}

BOOST_AUTO_TEST_CASE(the_deadline_covers_all_executions) {
  auto spec = with_retries(100, 3, 300ms);
  spec->tasks[0].timeout.deadline = 1000ms;
  fixed_pool p(1, 1, spec);
  p.warm_up(1);
  auto c = p.admit();
  p.done(1, c, ec::user_error);
  p.advance(300ms);
  p.done(1, c, ec::user_error);
  p.lines();
  p.advance(700ms);
  BOOST_TEST(p.lines() == (lines{"fail c2 deadline_exceeded", "release c2"}));
}

BOOST_AUTO_TEST_CASE(the_callers_deadline_counts_when_it_is_sooner) {
  auto spec = make_spec(1, 1);
  spec->tasks[0].timeout.deadline = 1000ms;
  fixed_pool p(1, 1, spec);
  pool::request r;
  r.deadline = 10ms;
  p.admit(r);
  p.lines();
  p.advance(10ms);
  BOOST_TEST(p.lines() == (lines{"fail c1 deadline_exceeded", "release c1"}));
}

BOOST_AUTO_TEST_CASE(an_idle_pool_ends_its_replicas_after_its_time_to_live) {
  fixed_pool p(2);
  p.warm_up(2);
  p.advance(299s);
  BOOST_TEST(p.lines() == lines{});
  p.advance(1s);
  BOOST_TEST(p.lines() == (lines{"retire r1", "retire r2"}));
  BOOST_TEST(!p.subject().is_expired());
  p.lost(1, {}, ec::none);
  p.lost(2, {}, ec::none);
  BOOST_TEST(p.subject().is_expired());
  p.admit();
  BOOST_TEST(p.lines() == (lines{"start r3", "start r4"}));
}

BOOST_AUTO_TEST_CASE(an_idle_pool_without_work_asks_for_one_wake_up_only) {
  fixed_pool p;
  p.warm_up(1);
  BOOST_TEST_REQUIRE(p.subject().next_wake().has_value());
  BOOST_TEST((*p.subject().next_wake() == p.now + 300s));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pool_abort)

BOOST_AUTO_TEST_CASE(a_queued_call_is_answered_and_gone) {
  fixed_pool p;
  auto c = p.admit();
  p.lines();
  p.cancel(c);
  BOOST_TEST(p.lines() == (lines{"fail c1 aborted", "release c1"}));
  p.ready(1);
  BOOST_TEST(p.lines() == lines{});
}

BOOST_AUTO_TEST_CASE(a_running_call_is_answered_at_once_and_keeps_its_slot_until_it_stops) {
  fixed_pool p;
  p.warm_up(1);
  auto c = p.admit();
  p.admit();
  p.lines();
  p.cancel(c);
  BOOST_TEST(p.lines() == (lines{"fail c2 aborted", "stop r1 c2"}));
  p.done(1, c, ec::aborted);
  BOOST_TEST(p.lines() == (lines{"release c2", "dispatch r1 c3 #1"}));
}

BOOST_AUTO_TEST_CASE(a_call_waiting_for_its_backoff_can_be_aborted) {
  fixed_pool p(1, 1, with_retries(3, 3, 1000ms));
  p.warm_up(1);
  auto c = p.admit();
  p.done(1, c, ec::user_error);
  p.lines();
  p.cancel(c);
  BOOST_TEST(p.lines() == (lines{"fail c2 aborted", "release c2"}));
  p.advance(10s);
  BOOST_TEST(p.lines() == lines{});
}

BOOST_AUTO_TEST_CASE(a_result_that_was_faster_than_the_abort_stands) {
  fixed_pool p;
  p.warm_up(1);
  auto c = p.admit();
  p.done(1, c);
  p.lines();
  p.cancel(c);
  BOOST_TEST(p.lines() == lines{});
}

BOOST_AUTO_TEST_CASE(neighbours_of_a_killed_replica_run_again) {
  fixed_pool p(1, 2);
  p.warm_up(1);
  auto stuck = p.admit();
  auto neighbour = p.admit();
  p.cancel(stuck);
  p.lines();
  p.lost(1, {stuck, neighbour});
  p.ready(2);
  auto l = p.lines();
  BOOST_TEST(l == (lines{"release c2", "start r2", "dispatch r2 c3 #2"}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pool_failing_starts)

BOOST_AUTO_TEST_CASE(code_that_cannot_be_imported_fails_what_waits_with_its_message) {
  fixed_pool p;
  p.admit();
  p.admit();
  p.lines();
  p.unmade(1, {ec::module_load, "No module named x"});
  BOOST_TEST(p.lines() == (lines{"fail c1 module_load", "release c1", "fail c2 module_load", "release c2"}));
  p.admit();
  BOOST_TEST(p.lines() == (lines{"start r2"}));
}

BOOST_AUTO_TEST_CASE(a_start_that_was_interrupted_is_tried_again) {
  fixed_pool p;
  p.admit();
  p.lines();
  p.unmade(1, {ec::interpreter_lost, "killed"});
  BOOST_TEST(p.lines() == (lines{"start r2"}));
}

BOOST_AUTO_TEST_CASE(replicas_that_end_before_they_serve_stop_being_started) {
  fixed_pool p;
  p.admit();
  for (std::uint64_t r = 1; r <= defaults::crashes_in_row_max; ++r)
    p.unmade(r, {ec::interpreter_lost, "killed"});
  auto l = p.lines();
  BOOST_TEST(l.back() == "release c1");
  BOOST_TEST(p.admit() == 0u);
  BOOST_TEST((p.refused.code == ec::crash_loop));
  p.now += defaults::crash_backoff;
  BOOST_TEST(p.admit() != 0u);
  BOOST_TEST(p.lines().back().find("start") == 0u);
}

BOOST_AUTO_TEST_CASE(a_task_that_kills_its_interpreter_does_not_break_the_environment) {
  fixed_pool p(1, 1, with_retries(0, 100));
  auto c = p.admit();
  for (std::uint64_t r = 1; r <= 20; ++r) {
    p.ready(r);
    p.lost(r, {c});
  }
  BOOST_TEST(p.admit() != 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pool_fresh)

BOOST_AUTO_TEST_CASE(without_reuse_every_call_has_a_replica_of_its_own) {
  pool_driver p(make_spec(0, 0), limits(0, 4, 1, true));
  p.admit();
  p.admit();
  BOOST_TEST(p.lines() == (lines{"start r1", "start r2"}));
  p.ready(1);
  p.done(1, 1);
  auto l = p.lines();
  BOOST_TEST(l[0] == "dispatch r1 c1 #1");
  BOOST_TEST(l[1] == "retire r1");
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"dispatch r2 c2 #1"}));
}

BOOST_AUTO_TEST_CASE(waiting_parents_do_not_keep_fresh_children_from_starting) {
  pool_driver p(make_spec(0, 0), limits(0, 1, 1, true));
  auto parent = p.admit_root(1);
  p.ready(1);
  p.admit_root(1, 1);
  p.lines();
  p.parked(1, parent);
  BOOST_TEST(p.lines() == (lines{"start r2"}));
}

BOOST_AUTO_TEST_SUITE_END()
