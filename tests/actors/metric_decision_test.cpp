#include "actors/autoscaler.hpp"
#include "actors/scaling_words.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>

using namespace hearth;
using namespace std::chrono_literals;
using scaling::decision;
using scaling::metric;
using scaling::rule;

/// What the autoscaler decides for an app that says what its replicas follow: `Scaling.Concurrency` and `Scaling.RequestRate`.
BOOST_AUTO_TEST_SUITE(metric_decisions)

namespace {

scaling::inputs observed(metric what, double value, std::uint32_t target, std::uint32_t min, std::uint32_t max) {
  scaling::inputs in;
  in.metric = what;
  in.observed = value;
  in.target = target;
  in.min = min;
  in.max = max;
  in.concurrency = 100;
  in.is_wanted = true;
  return in;
}

scaling::instant at(std::chrono::nanoseconds since) { return scaling::instant(24h) + since; }

} // namespace

BOOST_AUTO_TEST_CASE(the_desired_number_is_what_was_observed_by_the_target_rounded_up_within_the_bounds) {
  struct row {
    double value;
    std::uint32_t target, min, max, desired;
  };
  const row table[]{
    // As in Knative's own tests (Knative Serving, pkg/autoscaler/scaling/autoscaler_test.go).
    {50, 10, 0, 1000, 5}, // StableModeIncreaseWithConcurrencyDefault, StableModeIncreaseWithRPS
    {100, 10, 0, 1000, 10},
    {1, 10, 0, 1000, 1}, // StableModeNoTrafficScaleToZero
    {0, 10, 0, 1000, 0},
    {6, 1, 0, 1000, 6}, // PanicModeExponentialTrackAndStabilize
    {36, 1, 0, 1000, 36},
    // Both sides of a step.
    {10, 10, 0, 1000, 1},
    {10.0001, 10, 0, 1000, 2},
    {11, 10, 0, 1000, 2},
    {20, 10, 0, 1000, 2},
    {0.01, 50, 0, 1000, 1},
    // The bounds.
    {0, 10, 2, 5, 2},
    {20, 10, 2, 5, 2},
    {21, 10, 2, 5, 3},
    {50, 10, 2, 5, 5},
    {51, 10, 2, 5, 5},
    {1e15, 1, 0, 3, 3},
    {500, 1, 4, 4, 4},
    {0, 1, 4, 4, 4},
  };
  for (const auto what : {metric::concurrency, metric::rate})
    for (const auto& [value, target, min, max, desired] : table) {
      auto in = observed(what, value, target, min, max);
      BOOST_TEST_CONTEXT(name(what) << ' ' << value << " / " << target << " in " << min << ".." << max) {
        BOOST_TEST(scaling::desired(in) == desired);
        BOOST_TEST(decide(in).start == desired); // of none
        in.ready = desired;
        BOOST_TEST(decide(in).start == 0u);
        in.ready = max;
        in.over = max; // all clocks have run out
        BOOST_TEST(decide(in).end == max - desired);
      }
    }
}

BOOST_AUTO_TEST_CASE(a_replica_is_never_to_have_more_open_requests_than_it_takes_but_may_get_more_per_second) {
  auto in = observed(metric::concurrency, 20, 50, 0, 10);
  in.concurrency = 5;
  BOOST_TEST(scaling::target_of(in) == 5u);
  BOOST_TEST(scaling::desired(in) == 4u);
  in.metric = metric::rate;
  BOOST_TEST(scaling::target_of(in) == 50u);
  BOOST_TEST(scaling::desired(in) == 1u);
}

BOOST_AUTO_TEST_CASE(what_waits_starts_nothing_that_the_metric_does_not_ask_for) {
  auto in = observed(metric::rate, 40, 50, 0, 10);
  in.concurrency = 1;
  in.queued = 100;
  in.ready = in.running = 1;
  in.saturated = 1h;
  in.service = in.start_up = 1s;
  in.arrivals = 100;
  BOOST_TEST((decide(in) == decision{0, 0, rule::metric_met, {}}));
  in.observed = 51;
  BOOST_TEST((decide(in) == decision{1, 0, rule::metric, {}}));
  in.starting = 100; // and there is room for all
  in.max = 200;
  BOOST_TEST((decide(in).why == rule::enough_starting));
}

BOOST_AUTO_TEST_CASE(there_is_a_replica_while_any_request_is_open) {
  auto in = observed(metric::rate, 0, 50, 0, 10);
  BOOST_TEST(scaling::desired(in) == 0u);
  in.queued = 1;
  BOOST_TEST((decide(in) == decision{1, 0, rule::metric, {}}));
  in.queued = 0;
  in.ready = in.running = in.over = 1;
  BOOST_TEST((decide(in) == decision{}));
  // One whose requests all wait for calls of theirs counts; but what it may never serve gets one of its own.
  in.ready = in.running = in.over = 0;
  in.lent = 1;
  BOOST_TEST((decide(in) == decision{}));
  in.queued = 1;
  BOOST_TEST((decide(in) == decision{1, 0, rule::metric, {}}));
}

BOOST_AUTO_TEST_CASE(the_maximum_pauses_and_places_hold_with_a_metric_too) {
  auto in = observed(metric::concurrency, 95, 10, 0, 10);
  in.ready = 4;
  BOOST_TEST((decide(in) == decision{6, 0, rule::metric, {}}));
  in.max = 4;
  BOOST_TEST((decide(in).why == rule::at_maximum));
  in.max = 10;
  in.places = 2;
  BOOST_TEST(decide(in).start == 2u);
  in.is_paused = true;
  BOOST_TEST((decide(in).why == rule::paused));
  in.max = 2;
  in.over = 1;
  BOOST_TEST((decide(in) == decision{0, 1, rule::lowered_max, {}}));
}

BOOST_AUTO_TEST_CASE(a_rate_is_that_of_the_last_seconds_and_forgets_the_oldest_one_bit_by_bit) {
  scaling::history h;
  BOOST_TEST(h.rate(at(0s)) == 0);
  for (int i = 0; i < 12; ++i)
    h.arrived(at(0s), 1, false);
  BOOST_TEST(h.rate(at(0s)) == 2); // 12 of 6 s
  BOOST_TEST(h.rate(at(5s + 999ms)) == 2);
  BOOST_TEST(h.rate(at(6s)) == 2);
  BOOST_TEST(h.rate(at(6s + 250ms)) == 1.5);
  BOOST_TEST(h.rate(at(6s + 750ms)) == 0.5);
  BOOST_TEST(h.rate(at(7s)) == 0);
}

BOOST_AUTO_TEST_CASE(a_steady_rate_is_seen_as_it_is_at_any_time) {
  scaling::history h;
  for (int i = 0; i < 400; ++i) // forty per second
    h.arrived(at(25ms * i), 1, false);
  scaling::history same;
  for (int i = 0; i < 2000; ++i) {
    const auto now = at(25ms * i);
    same.arrived(now, 1, false);
    if (i >= 280)
      BOOST_TEST_REQUIRE(std::abs(same.rate(now) - 40) < 0.2);
  }
  BOOST_TEST(h.rate(at(1h)) == 0);
}

BOOST_AUTO_TEST_CASE(a_decision_by_a_metric_is_told_with_what_was_seen_and_what_is_aimed_at) {
  auto in = observed(metric::concurrency, 25, 10, 0, 5);
  in.ready = 1;
  BOOST_TEST(in_words(in, decide(in), "")
             == "Started 2 replicas: 25 requests are open, at a target of 10 that is 3 replicas, and there is 1.");
  in.concurrency = 5;
  BOOST_TEST(in_words(in, decide(in), "")
             == "Started 4 replicas: 25 requests are open, at a concurrency of 5 (the target is higher, 10) that is 5 "
                "replicas, and there is 1.");
  in.observed = 60;
  in.ready = 5;
  BOOST_TEST(in_words(in, decide(in), "")
             == "Started nothing: 60 requests are open, at a concurrency of 5 (the target is higher, 10) that is 12 "
                "replicas, but there are 5 of at most 5 replicas already.");
  in = observed(metric::rate, 12.5, 5, 0, 5);
  in.ready = in.running = 3;
  in.queued = 1;
  BOOST_TEST(in_words(in, decide(in), "")
             == "Started nothing: 1 call waits, but 12.5 requests came per second, at a target of 5 that is 3 "
                "replicas, and there are 3.");
  in.queued = 0;
  in.ready = in.over = 4;
  BOOST_TEST(in_words(in, decide(in), "replica 7")
             == "Ended replica 7: nothing to do for scaledown_ttl, and the minimum is 0; 12.5 requests came per "
                "second, at a target of 5 that is 3 replicas.");
}

BOOST_AUTO_TEST_SUITE_END()
