#include "tests/support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

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
  p.advance(defaults::zygote_ttl - 1ms);
  BOOST_TEST(!p.subject().is_expired());
  p.advance(1ms);
  BOOST_TEST(p.lines() == lines{"cool"});
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

BOOST_AUTO_TEST_CASE(a_fresh_replica_that_ends_after_its_call_is_no_failure) {
  pool_driver p(make_spec(0, 0), limits(0, 4, 1, true));
  auto c = p.admit();
  p.ready(1);
  p.done(1, c);
  p.lost(1, {});
  BOOST_TEST(!p.subject().is_failing());
  BOOST_TEST(p.subject().last_failure().message == "");
}

BOOST_AUTO_TEST_CASE(waiting_parents_do_not_keep_fresh_children_from_starting) {
  pool_driver p(make_spec(0, 0), limits(0, 1, 1, true));
  auto parent = p.admit_root(1);
  p.ready(1);
  p.admit_root(1, 1);
  p.lines();
  p.parked(1, parent);
  BOOST_TEST(p.lines() == (lines{"start r2 for nested"}));
}

BOOST_AUTO_TEST_SUITE_END()
