#include "tests/support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

/// What a pool does when replicas fail, stall, or are asked for more than they can hold.
BOOST_AUTO_TEST_SUITE(pool_recovery)

// -- replicas that do not start, or end at once ----

BOOST_AUTO_TEST_CASE(a_call_whose_replicas_all_end_before_it_begins_is_answered) {
  fixed_pool p;
  p.admit();
  for (std::uint64_t r = 1; r <= defaults::crashes_in_row_max; ++r) {
    p.ready(r);
    p.lines();
    p.lost(r, {});
  }
  BOOST_TEST(p.lines() == (lines{"fail c1 crash_loop", "release c1"}));
}

BOOST_AUTO_TEST_CASE(an_app_that_always_ends_with_its_first_request_does_not_start_and_a_task_that_does_may) {
  for (const bool is_app : {true, false}) {
    auto spec = with_retries(0, 100);
    spec->app.kind = is_app ? "asgi" : "";
    fixed_pool p{1, 1, spec};
    const auto c = p.admit();
    for (std::uint64_t r = 1; r <= defaults::crashes_in_row_max; ++r) {
      p.ready(r);
      p.lines();
      p.lost(r, {c});
    }
    const auto next = "start r" + std::to_string(defaults::crashes_in_row_max + 1);
    BOOST_TEST(p.lines() == (is_app ? lines{"fail c1 crash_loop", "release c1"} : lines{next}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_retry_that_comes_due_while_starts_fail_runs_when_they_may_be_tried_again) {
  fixed_pool p{1, 1, with_retries(1, 3, 1000ms)};
  auto c = p.admit();
  p.ready(1);
  p.done(1, c, ec::user_error);
  p.lost(1, {});
  for (std::uint64_t r = 2; r <= 1 + defaults::crashes_in_row_max; ++r)
    p.unmade(r, {ec::interpreter_lost, "killed"});
  p.advance(1s);
  p.lines();
  BOOST_TEST_REQUIRE(p.subject().next_wake().has_value());
  p.advance(*p.subject().next_wake() - p.now);
  BOOST_TEST(p.lines() == (lines{"start r7"}));
}

BOOST_AUTO_TEST_CASE(replicas_that_end_before_they_serve_do_not_close_a_pool_where_another_one_serves) {
  fixed_pool p{2};
  p.warm_up(2);
  for (std::uint64_t r = 2; r < 2 + defaults::crashes_in_row_max; ++r) {
    p.ready(r);
    p.lost(r, {});
  }
  BOOST_TEST(p.admit() != 0u);
}

BOOST_AUTO_TEST_CASE(an_idle_replica_that_is_killed_long_after_its_start_is_no_failed_start) {
  fixed_pool p;
  p.warm_up(1);
  p.lost(1, {});
  for (std::uint64_t r = 2; r < 2 + defaults::crashes_in_row_max; ++r) {
    p.ready(r);
    p.advance(60s);
    p.lost(r, {});
  }
  BOOST_TEST(p.admit() != 0u);
}

BOOST_AUTO_TEST_CASE(a_start_that_fails_beside_a_serving_replica_is_tried_again_after_a_pause) {
  fixed_pool p{2};
  auto c = p.admit();
  p.ready(1);
  p.lines();
  p.unmade(2, {ec::start_failed, "no more processes"});
  BOOST_TEST(p.lines().empty());
  p.advance(defaults::start_pause);
  BOOST_TEST(p.lines() == (lines{"start r3"}));
  p.done(1, c);
  BOOST_TEST(p.lines() == (lines{"release c1"}));
}

// -- stalled replicas ----

BOOST_AUTO_TEST_CASE(a_replica_that_keeps_what_it_was_asked_for_is_not_asked_again) {
  fixed_pool p;
  p.warm_up(1, 2us);
  auto running = p.admit();
  auto ahead = p.admit();
  p.lines();
  p.advance(defaults::stall_after);
  BOOST_TEST(p.lines() == (lines{"recall r1 c" + std::to_string(ahead)}));
  p.recalled(1, {}); // it has begun, so the older one may wait
  p.advance(0ms);
  BOOST_TEST(p.lines() == (lines{"recall r1 c" + std::to_string(running) + " c" + std::to_string(ahead)}));
  p.recalled(1, {}); // it has begun as well
  p.advance(defaults::begin_patience / 2);
  BOOST_TEST(p.lines().empty());
}

BOOST_AUTO_TEST_CASE(what_waits_behind_a_deeper_call_that_overtook_it_can_be_taken_back) {
  fixed_pool p;
  p.warm_up(1, 2us);
  auto running = p.admit();
  auto older = p.admit();
  auto deeper = p.admit_root(1, 1);
  BOOST_TEST_REQUIRE(p.held(1) == (std::set<std::uint64_t>{running, older, deeper}));
  p.done(1, running, ec::none, 2us); // the interpreter goes on with `deeper`, which is long
  p.lines();
  p.advance(defaults::stall_after);
  BOOST_TEST(p.lines() == (lines{"recall r1 c" + std::to_string(deeper)}));
  p.recalled(1, {});
  p.advance(0ms);
  BOOST_TEST(p.lines() == (lines{"recall r1 c" + std::to_string(older) + " c" + std::to_string(deeper)}));
  p.recalled(1, {older});
  BOOST_TEST(p.held(1) == (std::set<std::uint64_t>{deeper}));
}

BOOST_AUTO_TEST_CASE(a_call_with_large_arguments_is_not_sent_ahead) {
  fixed_pool p;
  p.warm_up(1, 2us);
  p.admit();
  pool::request large;
  large.size = defaults::prefetch_bytes_max + 1;
  p.admit(large);
  BOOST_TEST(p.held(1).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_replica_without_a_slot_table_is_never_asked_for_calls) {
  fixed_pool p;
  auto parent = p.admit();
  p.ready(1, false);
  p.parked(1, parent);
  auto child = p.admit_root(1, 1);
  p.resumed(1, parent);
  BOOST_TEST(p.held(1) == (std::set<std::uint64_t>{parent, child}));
  p.lines();
  p.advance(10 * defaults::stall_after);
  BOOST_TEST(p.lines().empty());
}

// -- replicas that hang ----

BOOST_AUTO_TEST_CASE(a_replica_that_begins_nothing_is_replaced_and_its_calls_run_elsewhere) {
  fixed_pool p;
  p.warm_up(1);
  auto c = p.admit();
  p.lines();
  p.advance(defaults::begin_patience - 1ns);
  BOOST_TEST(p.lines().empty());
  p.advance(1ns);
  const auto call = "c" + std::to_string(c);
  BOOST_TEST(p.lines() == (lines{"recall r1 " + call}));
  p.recalled(1, {c});
  BOOST_TEST(p.lines() == (lines{"retire r1 at once", "start r2"}));
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"dispatch r2 " + call + " #1"}));
}

BOOST_AUTO_TEST_CASE(a_replica_that_has_begun_its_call_is_left_alone_however_long_it_takes) {
  fixed_pool p;
  p.warm_up(1);
  p.admit();
  p.lines();
  p.advance(defaults::begin_patience);
  p.recalled(1, {});
  p.lines();
  p.advance(10min);
  BOOST_TEST(p.lines().empty());
}

BOOST_AUTO_TEST_CASE(calls_behind_one_that_keeps_the_event_loop_run_elsewhere) {
  fixed_pool p{2, 2};
  auto a = p.admit(), b = p.admit();
  p.ready(1);
  BOOST_TEST_REQUIRE(p.held(1).size() == 2u);
  p.ready(2);
  p.lines();
  p.advance(defaults::begin_patience);
  p.recalled(1, {b});
  BOOST_TEST(p.held(1) == (std::set<std::uint64_t>{a}));
  BOOST_TEST(p.held(2) == (std::set<std::uint64_t>{b}));
  auto after = p.lines();
  BOOST_TEST(std::count(after.begin(), after.end(), "retire r1 at once") == 0);
}

// -- waiting parents ----

BOOST_AUTO_TEST_CASE(never_more_replicas_work_than_the_maximum_also_when_slots_are_lent) {
  fixed_pool p;
  auto parent = p.admit();
  p.ready(1);
  p.parked(1, parent);
  auto child = p.admit_root(1, 1); // in the lent slot
  p.parked(1, child);
  p.admit_root(2); // a root: one more fork
  p.ready(2);
  BOOST_TEST_REQUIRE(p.held(2).size() == 1u);
  p.resumed(1, child);
  p.done(2, *p.held(2).begin());
  p.admit_root(3);
  BOOST_TEST(p.held(2).empty()); // r1 works again
  p.done(1, child);
  BOOST_TEST((p.held(2).size() == 1u || p.held(1).size() == 2u));
}

BOOST_AUTO_TEST_CASE(beyond_the_limit_of_waiting_parents_a_replica_takes_only_what_is_deeper_than_all_of_them) {
  fixed_pool p;
  auto root = p.admit();
  p.ready(1);
  p.parked(1, root);
  std::vector<std::uint64_t> parents;
  for (std::uint32_t i = 1; i < defaults::parked_max; ++i) {
    parents.push_back(p.admit_root(1, 1));
    p.parked(1, parents.back());
  }
  p.lines();
  auto sibling = p.admit_root(1, 1);
  BOOST_TEST(
    p.lines()
    == (lines{"start r2 for nested"})); // it waits in the queue: one more fork may serve it, since all of r1 wait
  auto descendant = p.admit_root(1, 3);
  p.advance(defaults::lend_patience);
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c" + std::to_string(descendant) + " #1"}));
  p.done(1, descendant);
  p.resumed(1, parents.back());
  p.done(1, parents.back());
  auto after = p.lines();
  BOOST_TEST(std::count(after.begin(), after.end(), "dispatch r1 c" + std::to_string(sibling) + " #1") == 1);
}

// -- memory ----

BOOST_AUTO_TEST_CASE(a_call_that_alone_exhausted_its_memory_is_not_run_again_as_if_lost) {
  fixed_pool p{1, 1, with_retries(0, 3)};
  auto c = p.admit();
  p.ready(1);
  p.lines();
  p.lost(1, {c}, ec::out_of_memory);
  BOOST_TEST(p.lines() == (lines{"fail c1 out_of_memory", "release c1", "start r2"}));
}

BOOST_AUTO_TEST_CASE(calls_that_exhausted_memory_together_are_run_again_as_lost) {
  fixed_pool p{1, 2};
  auto first = p.admit();
  auto second = p.admit();
  p.ready(1);
  p.lost(1, {first, second}, ec::out_of_memory);
  p.lines();
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"dispatch r2 c1 #2", "dispatch r2 c2 #2"}));
}

BOOST_AUTO_TEST_CASE(calls_that_are_cancelled_in_the_queue_leave_nothing_behind) {
  fair_queue q;
  std::uint64_t n = 0;
  for (std::uint64_t root = 1; root <= 3; ++root)
    for (int i = 0; i < 3; ++i)
      q.push_back(ticket{++n}, {{1, root}, static_cast<std::uint16_t>(root)});
  q.keep_if([](ticket t) { return t.value % 3 == 0 && t.value != 6; }); // root 2 has none left
  BOOST_TEST(q.size() == 2u);
  BOOST_TEST(q.pop().value == 9u); // deeper first
  BOOST_TEST(q.pop().value == 3u);
  BOOST_TEST(q.empty());
}

BOOST_AUTO_TEST_CASE(a_queue_behind_a_long_call_does_not_grow_with_what_was_cancelled) {
  fixed_pool p;
  p.admit();
  p.ready(1);
  auto waiting = p.admit_root(7);
  for (std::size_t i = 0; i < 10 * defaults::stale_tickets_max; ++i)
    p.cancel(p.admit_root(i));
  BOOST_TEST(p.subject().tickets_queued() <= defaults::stale_tickets_max + 2);
  p.lines();
  p.done(1, 1);
  auto after = p.lines();
  BOOST_TEST(std::count(after.begin(), after.end(), "dispatch r1 c" + std::to_string(waiting) + " #1") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
