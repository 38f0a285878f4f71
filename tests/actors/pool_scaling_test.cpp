#include "tests/support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

/// How many replicas a pool keeps, and for how long: both sides of each limit.
BOOST_AUTO_TEST_SUITE(pool_scaling)

namespace {

struct range_pool : pool_driver {
  range_pool(std::uint32_t min, std::uint32_t max)
    : pool_driver(make_spec(min, max), {min, max, 1, false, 300s, 30s}) {}

  /// `n` calls at once, each on a replica of its own, which are then done one after another, `gap` apart.
  void burst(std::uint64_t n, std::chrono::milliseconds gap = 0ms) {
    std::vector<std::uint64_t> calls;
    for (std::uint64_t i = 0; i < n; ++i)
      calls.push_back(admit());
    for (std::uint64_t r = 1; r <= n; ++r)
      ready(r);
    for (std::uint64_t r = 1; r <= n; ++r) {
      done(r, *held(r).begin());
      if (r < n)
        advance(gap);
    }
    lines();
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_replica_above_the_minimum_ends_after_its_time_without_calls_and_not_before) {
  range_pool p{1, 3};
  p.burst(3);
  p.advance(30s - 1ns);
  BOOST_TEST(p.lines().empty());
  p.advance(1ns);
  BOOST_TEST(p.lines() == (lines{"retire r1", "retire r2"}));
  p.advance(200s);
  BOOST_TEST(p.lines().empty()); // the minimum stays
}

BOOST_AUTO_TEST_CASE(each_replica_has_a_clock_of_its_own) {
  range_pool p{0, 3};
  p.burst(3, 4s);
  p.advance(22s);
  BOOST_TEST(p.lines() == (lines{"retire r1"}));
  p.advance(4s);
  BOOST_TEST(p.lines() == (lines{"retire r2"}));
  p.advance(4s);
  BOOST_TEST(p.lines() == (lines{"retire r3"}));
}

BOOST_AUTO_TEST_CASE(a_call_winds_the_clock_of_the_replica_that_serves_it_and_of_no_other) {
  range_pool p{0, 2};
  p.burst(2);
  p.advance(25s);
  auto call = p.admit(); // the oldest of the idle ones serves it, so that few stay warm for little work
  BOOST_TEST(p.held(1).count(call) == 1u);
  p.advance(5s);
  auto now_idle = p.lines();
  BOOST_TEST(now_idle.back() == "retire r2");
  p.done(1, call);
  p.lines();
  p.advance(30s - 1ns);
  BOOST_TEST(p.lines().empty());
  p.advance(1ns);
  BOOST_TEST(p.lines() == (lines{"retire r1"}));
}

BOOST_AUTO_TEST_CASE(the_longest_idle_replica_goes_first_when_not_all_may_go) {
  range_pool p{2, 3};
  p.burst(3, 5s);
  p.advance(60s);
  BOOST_TEST(p.lines() == (lines{"retire r1"}));
}

BOOST_AUTO_TEST_CASE(a_fixed_count_stays_until_the_whole_environment_was_idle_for_its_time) {
  fixed_pool p{3};
  p.warm_up(3);
  p.advance(300s - 1ns);
  BOOST_TEST(p.lines().empty());
  p.advance(1ns);
  BOOST_TEST(p.lines().size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_pool_of_a_minimum_of_zero_starts_with_its_first_call) {
  range_pool p{0, 2};
  p.admit();
  BOOST_TEST(p.lines() == (lines{"start r1"}));
}

BOOST_AUTO_TEST_CASE(a_replica_whose_calls_all_wait_for_children_is_not_idle) {
  range_pool p{0, 1};
  auto parent = p.admit();
  p.ready(1);
  p.parked(1, parent);
  p.lines();
  p.advance(250s);
  BOOST_TEST(p.lines().empty());
}

BOOST_AUTO_TEST_CASE(a_raised_minimum_starts_replicas_and_a_lowered_maximum_lets_the_surplus_end) {
  range_pool p{1, 1};
  p.burst(1);
  p.set_limits({3, 3, 1, false, 300s, 30s});
  BOOST_TEST(p.lines() == (lines{"start r2", "start r3"}));
  p.ready(2);
  p.ready(3);
  p.set_limits({1, 1, 1, false, 300s, 30s});
  p.advance(30s);
  BOOST_TEST(p.lines().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_nested_call_waits_a_moment_for_a_replica_that_starts_and_then_takes_the_slot_of_its_parent) {
  range_pool p{2, 2};
  p.admit_root(1);
  p.ready(1);
  p.parked(1, 1);
  p.lines();
  p.admit_root(1, 1);
  BOOST_TEST(p.lines().empty());
  BOOST_TEST((p.subject().next_wake() == p.now + defaults::lend_patience));
  p.advance(defaults::lend_patience - 1ns);
  BOOST_TEST(p.lines().empty());
  p.advance(1ns);
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c2 #1"}));
  p.done(1, 2);
  p.admit_root(1, 1);
  p.lines();
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"dispatch r2 c3 #1"}));
}

BOOST_AUTO_TEST_CASE(a_lowered_maximum_ends_what_it_leaves_idle_although_calls_wait) {
  range_pool p{0, 3};
  for (int i = 0; i < 9; ++i)
    p.admit();
  for (std::uint64_t r : {1, 2, 3})
    p.ready(r, false);
  p.lines();
  p.set_limits({0, 1, 1, false, 300s, 30s});
  BOOST_TEST(p.lines().empty());
  p.done(2, *p.held(2).begin());
  BOOST_TEST(p.lines() == (lines{"release c2", "retire r2"}));
}

BOOST_AUTO_TEST_CASE(calls_that_come_together_are_one_decision_and_starts_are_learned_without_their_imports) {
  range_pool p{0, 8};
  auto& pool = p.subject();
  pool_effects out;
  for (int i = 0; i < 5; ++i)
    BOOST_TEST_REQUIRE(pool.admit({}, p.now).index() == 0u);
  pool.serve(p.now, out);
  BOOST_TEST_REQUIRE(out.size() == 6u);
  const auto& decided = std::get<pool_effect::decided>(out[0]);
  BOOST_TEST(decided.what.start == 5u);
  BOOST_TEST(decided.in.queued == 5u);
  p.now += 10s;
  pool.replica_ready({1}, true, p.now, out, 5ms);
  BOOST_TEST((pool.learned().start_up() == 5ms));
}

BOOST_AUTO_TEST_CASE(limits_that_change_under_load_are_kept_and_cost_no_call) {
  const auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  range_pool p{1, 4};
  std::uint64_t calls = 0;
  std::uint64_t answered = 0;
  std::uint32_t min = 1;
  std::uint32_t max = 4;
  for (int i = 0; i < 4000; ++i) {
    if (i % 50 == 0) {
      max = 1 + random() % 8;
      min = random() % (max + 1);
      p.set_limits({min, max, 1, false, 300s, 30s});
    }
    for (auto n = random() % 3; n > 0; --n) {
      BOOST_TEST_REQUIRE(p.admit() != 0u);
      ++calls;
    }
    std::uint32_t working = 0;
    std::uint32_t alive = 0;
    for (const auto& member : p.subject().view()) {
      const auto r = member.id.value;
      if (!member.is_ready && random() % 2)
        p.ready(r, false); // without a slot table nothing is asked back
      else if (const auto held = p.held(r); !held.empty() && random() % 3)
        p.done(r, *held.begin(), ec::none, 1s), ++answered;
      else if (member.is_draining && p.held(r).empty())
        p.lost(r, {}, ec::none);
    }
    for (const auto& member : p.subject().view()) {
      alive += !member.is_draining;
      working += !p.held(member.id.value).empty();
    }
    if (calls > 0)
      BOOST_TEST_REQUIRE(alive >= min);
    if (i % 50 == 49) // what ran when the maximum fell has ended since
      BOOST_TEST_REQUIRE(working <= max);
    p.advance(std::chrono::milliseconds(random() % 4000));
  }
  for (int i = 0; i < 5000 && p.subject().open() > 0; ++i)
    for (const auto& member : p.subject().view())
      if (!member.is_ready)
        p.ready(member.id.value, false);
      else if (const auto held = p.held(member.id.value); !held.empty())
        p.done(member.id.value, *held.begin(), ec::none, 1s), ++answered;
      else if (member.is_draining)
        p.lost(member.id.value, {}, ec::none);
  BOOST_TEST(answered == calls);
  BOOST_TEST(p.subject().count().failed == 0u);
}

BOOST_AUTO_TEST_CASE(its_next_wake_is_when_a_replica_has_been_idle_for_its_time) {
  range_pool p{1, 2};
  p.burst(2);
  BOOST_TEST((p.subject().next_wake() == p.now + 30s));
  p.advance(30s);
  BOOST_TEST((p.subject().next_wake() == p.now + 270s)); // the whole pool
}

BOOST_AUTO_TEST_SUITE_END()
