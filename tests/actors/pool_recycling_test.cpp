#include "tests/support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

/// Replicas that are replaced, that wait for resources, that make room, and that start ahead of calls.
BOOST_AUTO_TEST_SUITE(pool_recycling)

namespace {

pool_limits with(std::uint32_t min, std::uint32_t max, auto change) {
  auto result = limits(min, max);
  change(result);
  return result;
}

struct any_pool : pool_driver {
  explicit any_pool(pool_limits limits) : pool_driver(make_spec(limits.min_replicas, limits.max_replicas), limits) {}

  std::uint64_t serve(std::uint64_t r) {
    const auto c = admit();
    done(r, c);
    return c;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_replica_is_replaced_after_its_calls_and_drained_when_the_other_is_ready) {
  any_pool p(with(1, 1, [](auto& l) { l.recycle_calls = 3; }));
  const auto first = p.admit();
  p.ready(1);
  p.done(1, first);
  p.serve(1);
  p.lines();
  p.serve(1);
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c3 #1", "release c3", "start r2"}));
  p.admit(); // meanwhile the old one serves
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c4 #1"}));
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"retire r1"}));
  p.admit();
  BOOST_TEST(p.lines() == (lines{"dispatch r2 c5 #1"}));
  p.done(1, 4);
  p.lost(1, {}, ec::none);
  BOOST_TEST(p.subject().count().recycled == 1u);
  BOOST_TEST(p.subject().count().failed == 0u);
}

BOOST_AUTO_TEST_CASE(a_replica_is_replaced_at_its_age_and_not_before) {
  any_pool p(with(1, 1, [](auto& l) { l.recycle_age = 60s; }));
  const auto c = p.admit();
  p.ready(1);
  p.done(1, c);
  p.lines();
  p.advance(60s - 1ns);
  BOOST_TEST(p.lines().empty());
  p.advance(1ns);
  BOOST_TEST(p.lines() == (lines{"start r2"}));
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"retire r1"}));
}

BOOST_AUTO_TEST_CASE(a_replica_is_replaced_when_it_has_grown_and_not_before) {
  any_pool p(with(1, 1, [](auto& l) { l.recycle_growth = 100; }));
  const auto c = p.admit();
  p.ready(1);
  p.done(1, c);
  p.lines();
  p.memory(1, 1000);
  p.memory(1, 1100);
  BOOST_TEST(p.lines().empty());
  p.memory(1, 1101);
  BOOST_TEST(p.lines() == (lines{"start r2"}));
}

BOOST_AUTO_TEST_CASE(an_idle_replica_beyond_the_minimum_ends_without_a_successor) {
  any_pool p(with(0, 2, [](auto& l) { l.recycle_calls = 1; }));
  const auto c = p.admit();
  p.ready(1);
  p.lines();
  p.done(1, c);
  BOOST_TEST(p.lines() == (lines{"release c1", "retire r1"}));
}

BOOST_AUTO_TEST_CASE(replicas_are_replaced_one_after_another) {
  any_pool p(with(3, 3, [](auto& l) { l.recycle_age = 60s; }));
  const auto c = p.admit();
  for (std::uint64_t r : {1, 2, 3})
    p.ready(r);
  p.done(1, c);
  p.lines();
  p.advance(60s);
  BOOST_TEST(p.lines() == (lines{"start r4"}));
  p.ready(4);
  BOOST_TEST(p.lines() == (lines{"retire r1", "start r5"}));
  p.ready(5);
  p.ready(6);
  p.lines();
  p.advance(59s);
  BOOST_TEST(p.lines().empty());
}

BOOST_AUTO_TEST_CASE(a_successor_that_fails_leaves_the_old_one_in_place_until_the_next_try) {
  any_pool p(with(1, 1, [](auto& l) { l.recycle_calls = 1; }));
  const auto c = p.admit();
  p.ready(1);
  p.done(1, c);
  p.lines();
  p.unmade(2, {ec::start_failed, "no memory"});
  BOOST_TEST(p.lines().empty());
  p.admit();
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c2 #1"}));
  p.advance(defaults::start_pause);
  BOOST_TEST(p.lines() == (lines{"start r3"}));
}

BOOST_AUTO_TEST_CASE(a_successor_that_waits_for_memory_gets_that_of_its_predecessor) {
  any_pool p(with(1, 1, [](auto& l) { l.recycle_calls = 1; }));
  const auto c = p.admit();
  p.ready(1);
  p.done(1, c);
  p.lines();
  p.waits(2, "memory");
  BOOST_TEST(p.lines() == (lines{"retire r1"}));
}

BOOST_AUTO_TEST_CASE(no_call_is_lost_or_refused_while_replicas_are_recycled) {
  const auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  any_pool p(with(2, 4, [](auto& l) {
    l.recycle_calls = 5;
    l.recycle_age = 40s;
  }));
  std::uint64_t calls = 0;
  std::uint64_t answered = 0;
  for (int i = 0; i < 5000; ++i) {
    for (auto n = random() % 4; n > 0; --n) {
      BOOST_TEST_REQUIRE(p.admit() != 0u);
      ++calls;
    }
    for (const auto& member : p.subject().view()) {
      const auto r = member.id.value;
      if (!member.is_ready && random() % 2)
        p.ready(r);
      else if (const auto held = p.held(r); !held.empty() && random() % 4)
        p.done(r, *held.begin(), ec::none, 1s), ++answered;
      else if (member.is_draining && p.held(r).empty())
        p.lost(r, {}, ec::none);
    }
    p.advance(std::chrono::milliseconds(random() % 3000));
  }
  for (int i = 0; i < 2000 && p.subject().open() > 0; ++i) {
    for (const auto& member : p.subject().view())
      if (const auto held = p.held(member.id.value); !held.empty())
        p.done(member.id.value, *held.begin(), ec::none, 1s), ++answered;
      else if (member.is_draining)
        p.lost(member.id.value, {}, ec::none);
      else if (!member.is_ready)
        p.ready(member.id.value);
    p.advance(100ms);
  }
  BOOST_TEST(p.subject().open() == 0u);
  BOOST_TEST(answered == calls);
  BOOST_TEST(p.subject().count().failed == 0u);
  BOOST_TEST(p.subject().count().recycled > 20u);
}

// -- resources of the node ----

BOOST_AUTO_TEST_CASE(a_replica_that_waits_for_memory_is_withdrawn_when_nobody_needs_it) {
  any_pool p(with(0, 3, [](auto&) {}));
  p.admit();
  p.admit();
  p.lines();
  p.ready(1);
  p.waits(2, "memory");
  BOOST_TEST(p.lines() == (lines{"dispatch r1 c1 #1"}));
  BOOST_TEST(p.subject().view().at(1).waits_for == "memory");
  p.done(1, 1);
  BOOST_TEST(p.lines() == (lines{"release c1", "dispatch r1 c2 #1", "withdraw r2"}));
}

BOOST_AUTO_TEST_CASE(an_idle_pool_withdraws_what_waits_for_memory_its_minimum_too) {
  any_pool p(with(2, 2, [](auto&) {}));
  const auto c = p.admit();
  p.ready(1);
  p.waits(2, "memory");
  p.done(1, c);
  p.lines();
  p.advance(300s);
  BOOST_TEST(p.lines() == (lines{"withdraw r2", "retire r1"}));
}

BOOST_AUTO_TEST_CASE(idle_replicas_beyond_the_minimum_make_room_for_another_environment) {
  any_pool p(with(1, 3, [](auto&) {}));
  const auto first = p.admit();
  const auto second = p.admit();
  p.admit();
  for (std::uint64_t r : {1, 2, 3})
    p.ready(r);
  p.done(1, first);
  p.done(2, second);
  p.lines();
  p.yield();
  BOOST_TEST(p.lines() == (lines{"retire r1", "retire r2"}));
  p.yield();
  BOOST_TEST(p.lines().empty());
}

BOOST_AUTO_TEST_CASE(a_start_says_that_a_parent_waits_only_where_no_other_replica_will_serve_the_call) {
  any_pool p(with(0, 3, [](auto&) {}));
  p.admit_root(1, 1);
  p.admit_root(1, 1);
  BOOST_TEST(p.lines() == (lines{"start r1 for nested", "start r2"}));
}

BOOST_AUTO_TEST_CASE(a_start_that_waits_for_memory_is_asked_for_again_when_a_parent_comes_to_wait_for_it) {
  any_pool p(with(0, 1, [](auto&) {}));
  p.admit_root(1);
  p.waits(1, "memory");
  BOOST_TEST(p.lines() == (lines{"start r1"}));
  p.admit_root(2, 1);
  BOOST_TEST(p.lines() == (lines{"promote r1"}));
  p.admit_root(3, 1);
  BOOST_TEST(p.lines().empty());
}

// -- ahead of calls ----

BOOST_AUTO_TEST_CASE(a_pool_with_regular_pauses_is_warm_when_the_next_call_comes) {
  any_pool p(with(0, 2, [](auto& l) { l.prewarm = true; }));
  std::uint64_t r = 0;
  const auto visit = [&](bool was_warm) {
    const auto c = p.admit();
    if (!was_warm)
      p.ready(++r);
    BOOST_TEST_REQUIRE(p.held(r).count(c) == 1u);
    p.done(r, c);
  };
  for (std::uint32_t i = 0; i < defaults::pauses_needed; ++i) {
    visit(false);
    p.advance(300s);
    p.lost(r, {}, ec::none);
    p.advance(300s);
  }
  p.lines();
  visit(false);
  p.lines();
  p.advance(300s);
  p.lost(r, {}, ec::none);
  p.lines();
  p.advance(600s - 300s - 60s - 10s);
  const auto started = "start r" + std::to_string(r + 1);
  for (int i = 0; i < 50 && p.lines() != lines{started}; ++i)
    p.advance(1s);
  p.ready(++r);
  p.advance(1s);
  visit(true);
  BOOST_TEST(p.subject().count().prewarmed == 1u);
  BOOST_TEST(p.subject().count().prewarm_hits == 1u);
  BOOST_TEST((p.subject().count().prewarm_waste > 0s));
}

BOOST_AUTO_TEST_CASE(a_replica_that_stays_for_expected_calls_does_not_keep_the_clock_busy) {
  any_pool p(with(0, 2, [](auto& l) { l.prewarm = true; }));
  const auto c = p.admit();
  p.ready(1);
  p.done(1, c);
  for (std::uint32_t i = 0; i < defaults::pauses_needed; ++i) {
    p.advance(20s);
    p.serve(1);
  }
  for (int seconds = 0; seconds < 40; ++seconds) {
    p.advance(1s);
    if (const auto next = p.subject().next_wake())
      BOOST_TEST_REQUIRE((*next > p.now));
  }
}

BOOST_AUTO_TEST_CASE(a_replica_that_cannot_be_started_ahead_of_calls_is_tried_once_and_counted_as_nothing) {
  any_pool p(with(0, 2, [](auto& l) { l.prewarm = true; }));
  const auto c = p.admit();
  p.ready(1);
  p.done(1, c);
  std::uint64_t r = 1;
  for (std::uint32_t i = 0; i < defaults::pauses_needed; ++i) {
    p.advance(600s);
    p.lost(r, {}, ec::none);
    const auto next = p.admit();
    p.ready(++r);
    p.done(r, next);
  }
  p.advance(300s);
  p.lost(r, {}, ec::none);
  p.lines();
  int starts = 0;
  for (int seconds = 0; seconds < 1000; ++seconds) {
    p.advance(1s);
    for (const auto& line : p.lines())
      if (line.starts_with("start ")) {
        ++starts;
        p.unmade(++r, {ec::start_failed, "no room"});
        p.advance(0s);
      }
    if (const auto next = p.subject().next_wake())
      BOOST_TEST_REQUIRE((*next > p.now));
  }
  BOOST_TEST(starts == 1);
  BOOST_TEST(p.subject().count().prewarmed == 0u);
}

// -- what is told ----

BOOST_AUTO_TEST_CASE(every_told_decision_follows_from_its_recorded_inputs) {
  const auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  any_pool p(with(1, 6, [](auto& l) {
    l.recycle_calls = 50;
    l.prewarm = true;
  }));
  for (int i = 0; i < 20'000; ++i) {
    if ((i / 500) % 3 != 2)
      for (auto n = random() % 3; n > 0; --n)
        p.admit();
    for (const auto& member : p.subject().view()) {
      const auto r = member.id.value;
      if (!member.is_ready && random() % 20 == 0)
        p.unmade(r, {ec::start_failed, "no room"});
      else if (!member.is_ready && random() % 3 == 0)
        p.ready(r);
      else if (const auto held = p.held(r); !held.empty() && random() % 2)
        p.done(r, *held.begin(), ec::none, std::chrono::milliseconds(random() % 1000));
      else if (member.is_draining && p.held(r).empty())
        p.lost(r, {}, ec::none);
    }
    p.advance(std::chrono::milliseconds(random() % 500));
    if (const auto next = p.subject().next_wake())
      BOOST_TEST_REQUIRE((*next > p.now)); // or its clock would never rest
  }
  BOOST_TEST(p.decided.size() > 100u);
  std::set<scaling::rule> rules;
  for (const auto& d : p.decided) {
    BOOST_TEST_REQUIRE((scaling::decide(d.in) == d.what));
    rules.insert(d.what.why);
  }
  BOOST_TEST(rules.size() >= 5u);
}

BOOST_AUTO_TEST_CASE(decisions_to_wait_are_told_when_they_change_and_not_with_each_call) {
  any_pool p(with(1, 1, [](auto&) {}));
  p.admit();
  p.ready(1);
  for (int i = 0; i < 1000; ++i)
    p.admit();
  p.advance(defaults::decision_interval);
  for (int i = 0; i < 1000; ++i)
    p.admit();
  BOOST_TEST(p.decided.size() <= 3u);
  BOOST_TEST((p.decided.back().what.why == scaling::rule::at_maximum));
}

BOOST_AUTO_TEST_SUITE_END()
