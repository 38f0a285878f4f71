#include "tests/support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <random>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;
using scaling::metric;
using scaling::rule;

/// A pool whose number of replicas follows a metric, in virtual time.
BOOST_AUTO_TEST_SUITE(metric_pools)

namespace {

struct metric_pool : pool_driver {
  metric_pool(metric what, std::uint32_t target, std::uint32_t min, std::uint32_t max, std::uint32_t concurrency = 100)
    : pool_driver(make_spec(min, max, concurrency), with(what, target, min, max, concurrency)) {}

  static pool_limits with(metric what, std::uint32_t target, std::uint32_t min, std::uint32_t max,
                          std::uint32_t concurrency = 100) {
    auto result = limits(min, max, concurrency);
    result.metric = what;
    result.target = target;
    return result;
  }

  void admit_many(int n) {
    for (int i = 0; i < n; ++i)
      admit();
  }

  /// Ends the oldest `n` requests of a replica.
  void finish(std::uint64_t r, int n) {
    for (int i = 0; i < n; ++i)
      done(r, *held(r).begin());
  }

  std::vector<std::size_t> load(std::uint64_t replicas) {
    std::vector<std::size_t> result;
    for (std::uint64_t r = 1; r <= replicas; ++r)
      result.push_back(held(r).size());
    return result;
  }

  std::size_t alive() {
    std::size_t result = 0;
    for (const auto& member : subject().view())
      result += !member.is_draining;
    return result;
  }

  /// Only what is done about replicas.
  std::vector<std::string> changes() {
    auto all = pool_driver::lines();
    std::erase_if(all, [](const auto& line) { return !line.starts_with("start") && !line.starts_with("retire"); });
    return all;
  }
};

using loads = std::vector<std::size_t>;

} // namespace

BOOST_AUTO_TEST_CASE(replicas_start_in_the_turn_in_which_the_metric_asks_for_them) {
  metric_pool p{metric::concurrency, 10, 0, 5};
  p.admit_many(10);
  BOOST_TEST(p.changes() == (lines{"start r1"}));
  p.admit();
  BOOST_TEST(p.changes() == (lines{"start r2"}));
  p.ready(1);
  p.ready(2);
  p.admit_many(9);
  BOOST_TEST(p.changes().empty());
  p.admit(); // nothing waits; the 21st is one too many for two
  BOOST_TEST(p.changes() == (lines{"start r3"}));
  const auto& last = p.decided.back();
  BOOST_TEST((last.what.why == rule::metric));
  BOOST_TEST(last.in.observed == 21);
  BOOST_TEST(last.in.target == 10u);
  BOOST_TEST(last.in.queued == 0u);
  p.admit_many(100);
  BOOST_TEST(p.changes() == (lines{"start r4", "start r5"}));
  p.admit_many(100); // and no more than there may be
  BOOST_TEST(p.changes().empty());
}

BOOST_AUTO_TEST_CASE(a_replica_gets_as_many_requests_as_the_target_says_before_the_next_one_gets_any) {
  metric_pool p{metric::concurrency, 10, 0, 3};
  p.admit_many(21);
  for (std::uint64_t r : {1, 2, 3})
    p.ready(r, false);
  p.finish(1, 21);
  p.admit_many(10);
  BOOST_TEST(p.load(3) == (loads{10, 0, 0}));
  p.admit_many(15);
  BOOST_TEST(p.load(3) == (loads{10, 10, 5}));
  p.admit_many(75); // beyond the target the rest of their slots is used
  for (auto n : p.load(3))
    BOOST_TEST(n > 30u);
  BOOST_TEST(p.subject().queued() == 0u);
}

BOOST_AUTO_TEST_CASE(where_the_target_is_above_the_concurrency_no_request_waits_while_replicas_may_start) {
  metric_pool p{metric::concurrency, 50, 0, 3, 2};
  p.admit_many(5);
  BOOST_TEST(p.changes() == (lines{"start r1", "start r2", "start r3"}));
}

BOOST_AUTO_TEST_CASE(an_idle_replica_ends_after_exactly_its_time_and_not_before) {
  metric_pool p{metric::concurrency, 10, 1, 5};
  p.admit_many(11);
  p.ready(1, false);
  p.ready(2, false);
  p.admit_many(89); // r1 and r2 have slots for all
  for (std::uint64_t r : {3, 4, 5})
    p.ready(r, false);
  p.finish(1, static_cast<int>(p.held(1).size()) - 1);
  p.finish(2, static_cast<int>(p.held(2).size()));
  p.changes();
  p.advance(30s - 1ns);
  BOOST_TEST(p.changes().empty());
  p.advance(1ns);
  BOOST_TEST(p.changes() == (lines{"retire r2", "retire r3", "retire r4", "retire r5"}));
  BOOST_TEST((p.decided.back().what.why == rule::scaledown_ttl));
}

BOOST_AUTO_TEST_CASE(what_the_metric_still_asks_for_stays_although_idle_and_ends_in_the_turn_in_which_it_does_not) {
  metric_pool p{metric::concurrency, 10, 0, 5};
  p.admit_many(25);
  p.ready(1, false); // and it takes all of them
  p.ready(2, false);
  p.ready(3, false);
  BOOST_TEST(p.load(3) == (loads{25, 0, 0}));
  p.changes();
  p.advance(1h);
  BOOST_TEST(p.changes().empty());
  BOOST_TEST(!p.subject().next_wake().has_value()); // time alone changes nothing
  p.finish(1, 4);
  BOOST_TEST(p.changes().empty());
  p.finish(1, 1);
  BOOST_TEST(p.changes() == (lines{"retire r2"}));
  p.finish(1, 10);
  BOOST_TEST(p.changes() == (lines{"retire r3"}));
  p.advance(1h); // a stream that does not end keeps its replica
  BOOST_TEST(p.changes().empty());
}

BOOST_AUTO_TEST_CASE(a_changed_metric_acts_on_the_running_pool) {
  metric_pool p{metric::concurrency, 10, 0, 8};
  p.admit_many(20);
  p.ready(1, false);
  p.ready(2, false);
  p.changes();
  p.set_limits(metric_pool::with(metric::concurrency, 5, 0, 8));
  BOOST_TEST(p.changes() == (lines{"start r3", "start r4"}));
  p.ready(3, false);
  p.ready(4, false);
  p.advance(1min);
  BOOST_TEST(p.changes().empty());
  p.set_limits(metric_pool::with(metric::concurrency, 10, 0, 8));
  BOOST_TEST(p.changes().size() == 2u); // their clocks had run out before
  p.set_limits(limits(0, 8, 100));
  p.admit_many(20);
  BOOST_TEST(p.changes().empty()); // without a metric what waits decides, and nothing does
}

BOOST_AUTO_TEST_CASE(requests_of_a_replica_that_ends_ask_for_no_other_one) {
  metric_pool p{metric::concurrency, 10, 0, 8};
  p.admit_many(10);
  p.ready(1, false);
  p.changes();
  pool_effects out;
  p.subject().drain({1}, p.now, out);
  p.advance(1s);
  BOOST_TEST(p.changes().empty());
  p.admit();
  BOOST_TEST(p.changes() == (lines{"start r2"}));
  BOOST_TEST(p.decided.back().in.observed == 1);
}

BOOST_AUTO_TEST_CASE(a_request_that_waits_for_calls_of_its_own_is_open_and_lends_its_slot) {
  metric_pool p{metric::concurrency, 2, 0, 8, 1};
  const auto first = p.admit();
  p.ready(1, false);
  p.parked(1, first);
  p.changes();
  p.admit();
  BOOST_TEST(p.load(1) == (loads{2}));
  BOOST_TEST(p.changes() == (lines{"start r2"})); // two are open, and a replica takes one
}

BOOST_AUTO_TEST_CASE(requests_that_wait_for_calls_of_their_own_are_load_of_their_replica) {
  metric_pool p{metric::concurrency, 3, 3, 3};
  for (std::uint64_t call = 1; call <= 7; ++call) {
    p.admit();
    for (std::uint64_t r = 1; r <= 3; ++r) {
      p.ready(r, false);
      if (p.held(r).count(call) > 0)
        p.parked(r, call);
    }
  }
  BOOST_TEST(p.load(3) == (loads{3, 2, 2})); // the minimum shares from the beginning
}

BOOST_AUTO_TEST_CASE(a_replica_that_waits_for_room_is_wanted_as_long_as_the_metric_asks_for_it) {
  metric_pool p{metric::concurrency, 10, 0, 8};
  p.admit_many(11);
  p.ready(1, false);
  p.lines();
  p.waits(2, "memory");
  p.advance(1s);
  BOOST_TEST(p.lines().empty());
  p.finish(1, 1);
  const auto last = p.lines();
  BOOST_TEST(std::count(last.begin(), last.end(), "withdraw r2") == 1);
}

BOOST_AUTO_TEST_CASE(the_rate_of_requests_starts_replicas_however_short_they_are) {
  metric_pool p{metric::rate, 2, 0, 5};
  std::vector<std::size_t> seen;
  for (int i = 0; i < 100; ++i) { // ten per second
    const auto call = p.admit();
    for (const auto& member : p.subject().view())
      if (!member.is_ready)
        p.ready(member.id.value, false);
    for (const auto& member : p.subject().view())
      if (p.held(member.id.value).count(call) > 0)
        p.done(member.id.value, call, ec::none, 1ms);
    if (i % 10 == 9)
      seen.push_back(p.alive());
    p.advance(100ms);
  }
  BOOST_TEST(seen.front() == 1u);
  BOOST_TEST(seen.back() == 5u);
  BOOST_TEST(std::is_sorted(seen.begin(), seen.end()));
  std::uint64_t least = 1000;
  for (const auto& member : p.subject().view())
    least = std::min(least, member.done);
  BOOST_TEST(least > 8u); // they take turns
}

BOOST_AUTO_TEST_CASE(with_a_rate_a_request_waits_for_its_turn_and_the_journal_says_why) {
  metric_pool p{metric::rate, 100, 0, 5, 1};
  p.admit();
  p.ready(1, false);
  p.changes();
  p.admit_many(5);
  p.advance(2s);
  BOOST_TEST(p.changes().empty());
  BOOST_TEST((p.decided.back().what.why == rule::metric_met));
  while (p.subject().open() > 0)
    p.finish(1, 1);
  BOOST_TEST(p.subject().count().done == 6u);
}

BOOST_AUTO_TEST_CASE(after_a_burst_the_rate_falls_by_itself_and_the_clocks_of_replicas_do_the_rest) {
  metric_pool p{metric::rate, 1, 1, 5};
  p.admit_many(30);
  for (std::uint64_t r = 1; r <= 5; ++r)
    p.ready(r, false);
  for (std::uint64_t r = 1; r <= 5; ++r)
    p.finish(r, static_cast<int>(p.held(r).size()));
  BOOST_TEST(p.changes().size() == 5u);
  p.advance(30s - 1ns);
  BOOST_TEST(p.changes().empty());
  p.advance(1ns);
  BOOST_TEST(p.changes().size() == 4u);
  p.advance(270s);
  BOOST_TEST(p.changes().size() == 1u); // idle_ttl, of the whole pool
}

BOOST_AUTO_TEST_CASE(a_clock_shorter_than_the_window_of_the_rate_waits_for_it_and_no_longer) {
  auto limits = metric_pool::with(metric::rate, 1, 1, 5);
  limits.scaledown_ttl = 2s;
  metric_pool p{metric::rate, 1, 1, 5};
  p.set_limits(limits);
  p.admit_many(30);
  for (std::uint64_t r = 1; r <= 5; ++r)
    p.ready(r, false);
  for (std::uint64_t r = 1; r <= 5; ++r)
    p.finish(r, static_cast<int>(p.held(r).size()));
  p.advance(2s);
  BOOST_TEST(p.alive() == 5u);
  int turns = 0;
  while (p.alive() > 1 && ++turns < 20) {
    const auto next = p.subject().next_wake();
    BOOST_TEST_REQUIRE(next.has_value());
    BOOST_TEST_REQUIRE((*next > p.now)); // no busy turns
    p.advance(*next - p.now);
  }
  BOOST_TEST(p.alive() == 1u);
  BOOST_TEST((p.now - pool::instant(1h) <= 8s));
}

BOOST_AUTO_TEST_CASE(whatever_comes_the_metric_is_met_the_bounds_hold_and_all_is_answered) {
  const auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  std::uint32_t target = 3;
  metric_pool p{metric::concurrency, target, 1, 6, 4};
  std::uint64_t calls = 0;
  const auto check = [&] {
    const auto asked = static_cast<std::size_t>(
      std::ceil(static_cast<double>(p.subject().open()) / std::min(target, 4u)));
    BOOST_TEST_REQUIRE(p.alive() <= 6u);
    if (calls == 0)
      return;
    BOOST_TEST_REQUIRE(p.alive() >= std::clamp<std::size_t>(asked, 1, 6));
  };
  for (int i = 0; i < 4000; ++i) {
    if (i % 100 == 50) {
      target = 1 + random() % 6;
      p.set_limits(metric_pool::with(metric::concurrency, target, 1, 6, 4));
    }
    for (auto n = random() % 4; n > 0; --n, ++calls)
      BOOST_TEST_REQUIRE(p.admit() != 0u);
    check();
    for (const auto& member : p.subject().view()) {
      const auto r = member.id.value;
      if (!member.is_ready && random() % 2)
        p.ready(r, false);
      else if (!p.held(r).empty() && random() % 3)
        p.finish(r, 1);
      else if (member.is_draining && p.held(r).empty())
        p.lost(r, {}, ec::none);
    }
    p.advance(std::chrono::milliseconds(random() % 20'000));
    check();
  }
  for (int i = 0; i < 5000 && p.subject().open() > 0; ++i)
    for (const auto& member : p.subject().view())
      if (!member.is_ready)
        p.ready(member.id.value, false);
      else if (!p.held(member.id.value).empty())
        p.finish(member.id.value, 1);
  BOOST_TEST(p.subject().count().done == calls);
}

BOOST_AUTO_TEST_SUITE_END()
