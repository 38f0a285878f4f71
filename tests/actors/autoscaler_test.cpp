#include "actors/autoscaler.hpp"
#include "actors/scaling_words.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

using namespace hearth;
using namespace hearth::scaling;
using namespace std::chrono_literals;

/// The decision itself, on both sides of each of its limits.
BOOST_AUTO_TEST_SUITE(autoscaler)

namespace {

/// One busy replica of at most ten; calls of a second, starts of 20 ms, everything learned.
inputs busy() {
  inputs in;
  in.max = 10;
  in.is_wanted = true;
  in.ready = 1;
  in.running = 1;
  in.service = 1s;
  in.start_up = 20ms;
  return in;
}

instant at(std::chrono::nanoseconds since) { return instant(24h) + since; }

} // namespace

BOOST_AUTO_TEST_CASE(without_waiting_calls_nothing_is_started) { BOOST_TEST((decide(busy()) == decision{})); }

BOOST_AUTO_TEST_CASE(each_waiting_call_gets_a_slot_where_nothing_is_known) {
  auto in = busy();
  in.service = {};
  in.queued = 7;
  in.concurrency = 2;
  BOOST_TEST((decide(in) == decision{4, 0, rule::demand, {}}));
  in.starting = 3;
  BOOST_TEST((decide(in) == decision{1, 0, rule::demand, {}}));
  in.starting = 4;
  BOOST_TEST((decide(in) == decision{0, 0, rule::enough_starting, {}}));
}

BOOST_AUTO_TEST_CASE(each_waiting_call_gets_a_slot_where_starts_are_faster_than_calls) {
  auto in = busy();
  in.queued = 4;
  in.saturated = 100ms;
  BOOST_TEST((decide(in) == decision{4, 0, rule::predicted_wait, 4s}));
}

BOOST_AUTO_TEST_CASE(a_young_queue_that_drains_before_a_start_is_ready_starts_nothing) {
  auto in = busy();
  in.service = 1ms;
  in.start_up = 100ms;
  in.queued = 100;
  in.saturated = 10ms;
  BOOST_TEST((decide(in) == decision{0, 0, rule::drains_sooner, 100ms}));
  in.queued = 101; // the last one would begin after the replica is ready
  BOOST_TEST((decide(in).why == rule::predicted_wait));
  in.queued = 100; // it is not young: calls keep coming
  in.saturated = 10ms + 1ns;
  BOOST_TEST((decide(in).why == rule::predicted_wait));
}

BOOST_AUTO_TEST_CASE(few_replicas_work_off_a_queue_of_short_calls_where_starts_are_slow) {
  auto in = busy();
  in.max = 100;
  in.start_up = 25s;
  in.service = 100ms;
  in.queued = 1000; // 100 s of work, within 5 s
  in.saturated = 1s;
  BOOST_TEST(decide(in).start == 20u);
}

BOOST_AUTO_TEST_CASE(steady_arrivals_count_beside_the_queue) {
  auto in = busy();
  in.max = 100;
  in.start_up = 2s;
  in.service = 1s;
  in.queued = 8;
  in.arrivals = 5; // needs five slots, one is there
  in.saturated = 1s;
  BOOST_TEST(decide(in).start == 4u + 2u);
}

BOOST_AUTO_TEST_CASE(the_age_of_the_first_start_stands_for_an_unknown_start_up_time) {
  auto in = busy();
  in.max = 100;
  in.start_up = {};
  in.service = 100ms;
  in.queued = 1000;
  in.starting = 1;
  in.oldest_start = 10s;
  in.saturated = 10s;
  BOOST_TEST(decide(in).start == 19u);
}

BOOST_AUTO_TEST_CASE(the_maximum_and_the_places_of_replicas_that_end_are_respected) {
  auto in = busy();
  in.queued = 100;
  in.saturated = 1s;
  BOOST_TEST(decide(in).start == 9u);
  in.places = 3;
  BOOST_TEST(decide(in).start == 3u);
  in.ready = 10;
  BOOST_TEST((decide(in).why == rule::at_maximum));
  in.ready = 1;
  in.is_paused = true;
  BOOST_TEST((decide(in).why == rule::paused));
}

BOOST_AUTO_TEST_CASE(idle_replicas_beyond_a_lowered_maximum_end_also_while_calls_wait) {
  auto in = busy();
  in.max = 2;
  in.ready = 6;
  in.running = 2;
  in.queued = 10;
  in.over = 3;
  BOOST_TEST((decide(in) == decision{0, 3, rule::lowered_max, {}}));
  in.over = 0;
  BOOST_TEST((decide(in).why == rule::at_maximum));
}

BOOST_AUTO_TEST_CASE(nothing_starts_while_those_that_end_take_all_places) {
  auto in = busy();
  in.queued = 5;
  in.saturated = 1s;
  in.places = 0;
  BOOST_TEST((decide(in).why == rule::draining));
}

BOOST_AUTO_TEST_CASE(lent_replicas_count_for_the_minimum_and_not_for_the_maximum) {
  inputs in;
  in.min = in.max = 2;
  in.is_wanted = true;
  in.lent = 2;
  BOOST_TEST((decide(in) == decision{}));
  in.queued = 1;
  BOOST_TEST(decide(in).start == 1u);
}

BOOST_AUTO_TEST_CASE(the_minimum_is_kept_only_while_the_environment_is_wanted) {
  inputs in;
  in.min = 2;
  in.max = 4;
  BOOST_TEST((decide(in) == decision{}));
  in.is_wanted = true;
  BOOST_TEST((decide(in) == decision{2, 0, rule::minimum, {}}));
}

BOOST_AUTO_TEST_CASE(replicas_whose_time_is_over_end_down_to_the_minimum) {
  inputs in;
  in.min = 2;
  in.max = 8;
  in.is_wanted = true;
  in.ready = 5;
  in.over = 4;
  BOOST_TEST((decide(in) == decision{0, 3, rule::scaledown_ttl, {}}));
  in.is_asked_to_yield = true;
  BOOST_TEST((decide(in).why == rule::yielded));
  in.expects_calls = true;
  BOOST_TEST((decide(in) == decision{}));
}

BOOST_AUTO_TEST_CASE(replicas_are_replaced_one_after_another) {
  auto in = busy();
  in.due = 3;
  BOOST_TEST((decide(in) == decision{1, 1, rule::recycle, {}}));
  in.replacing = 1;
  BOOST_TEST((decide(in) == decision{}));
  in.replacing = 0;
  in.ready = 2;
  in.due_idle = 1; // nobody misses it
  BOOST_TEST((decide(in) == decision{0, 1, rule::recycle, {}}));
}

BOOST_AUTO_TEST_CASE(a_burst_is_no_rate_and_what_comes_steadily_is) {
  history h;
  for (int i = 0; i < 1000; ++i)
    h.arrived(at(5s), 1, false);
  BOOST_TEST(h.arrivals(at(5s + 900ms)) == 0);
  for (int second = 10; second < 14; ++second)
    for (int i = 0; i < 50; ++i)
      h.arrived(at(std::chrono::seconds(second)), 1, false);
  BOOST_TEST(h.arrivals(at(13s + 999ms)) == 50);
  BOOST_TEST(h.arrivals(at(30s)) == 0);
}

BOOST_AUTO_TEST_CASE(demand_that_rises_steadily_is_met_ahead_where_starts_are_slow) {
  const auto ramp = [](auto start_up, int step) {
    history h;
    h.started(start_up);
    for (int second = 0; second < 20; ++second)
      for (int i = 0; i < 10; ++i)
        h.arrived(at(std::chrono::seconds(second)), step * second, false);
    return h.rising(at(19s));
  };
  // Two slots per second; the newest full stretch of 2 s had 35 on average, and the start is ready 3 s after its middle.
  BOOST_TEST(ramp(2s, 2) == 35 + 1.5 * 4 * 1.5);
  BOOST_TEST(ramp(499ms, 2) == 0);
  BOOST_TEST(ramp(2s, 0) == 0);
  BOOST_TEST(ramp(2s, -1) == 0);
}

BOOST_AUTO_TEST_CASE(one_step_is_no_rise) {
  history h;
  h.started(2s);
  for (int second = 0; second < 20; ++second)
    for (int i = 0; i < 10; ++i)
      h.arrived(at(std::chrono::seconds(second)), second < 10 ? 1 : 100, false);
  BOOST_TEST(h.rising(at(19s)) == 0);
}

BOOST_AUTO_TEST_CASE(calls_are_expected_when_their_pauses_have_a_pattern) {
  history h;
  std::chrono::seconds now{0};
  const auto cycle = [&](std::chrono::seconds pause) {
    h.rested(at(now));
    now += pause;
    h.arrived(at(now), 1, true);
  };
  for (std::uint32_t i = 1; i < defaults::pauses_needed; ++i)
    cycle(300s);
  h.rested(at(now));
  BOOST_TEST(!h.expected().has_value());
  cycle(300s);
  h.rested(at(now));
  BOOST_TEST_REQUIRE(h.expected().has_value());
  BOOST_TEST((h.expected()->from <= at(now + 275s)));
  BOOST_TEST((h.expected()->from >= at(now + 240s)));
  BOOST_TEST((h.expected()->until >= at(now + 305s)));
}

BOOST_AUTO_TEST_CASE(every_decision_keeps_its_bounds_and_has_a_sentence) {
  const auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  const auto up_to = [&](std::uint32_t n) { return std::uniform_int_distribution<std::uint32_t>(0, n)(random); };
  for (int i = 0; i < 20'000; ++i) {
    inputs in;
    in.max = 1 + up_to(50);
    in.min = up_to(in.max);
    in.concurrency = 1 + up_to(20);
    in.is_wanted = up_to(1);
    in.ready = up_to(in.max);
    in.starting = up_to(in.max - in.ready);
    in.lent = up_to(3);
    in.queued = up_to(1) * up_to(10'000);
    in.running = in.ready * in.concurrency;
    in.service = std::chrono::microseconds(up_to(1) * up_to(10'000'000));
    in.start_up = std::chrono::microseconds(up_to(1) * up_to(30'000'000));
    in.saturated = std::chrono::microseconds(up_to(100'000));
    in.arrivals = up_to(1000);
    in.rising = up_to(100) == 0 ? up_to(200) : 0;
    in.over = up_to(in.ready);
    in.is_paused = up_to(9) == 0;
    in.metric = static_cast<metric>(up_to(2));
    in.target = up_to(30);
    in.observed = up_to(1) * up_to(500) / 2.0;
    if (up_to(9) == 0)
      in.end_all = rule::idle_ttl;
    const auto what = decide(in);
    const auto alive = in.ready + in.starting + in.lent;
    BOOST_TEST_REQUIRE((what.start == 0 || what.end == 0));
    BOOST_TEST_REQUIRE(what.end <= alive);
    if (what.start > 0)
      BOOST_TEST_REQUIRE(in.ready + in.starting + what.start <= in.max);
    if (what.end > 0 && in.end_all == rule::none)
      BOOST_TEST_REQUIRE(alive - what.end >= desired(in));
    BOOST_TEST_REQUIRE((decide(in) == what));
    BOOST_TEST_REQUIRE(in_words(in, what, "").size() > 10);
  }
}

BOOST_AUTO_TEST_CASE(a_decision_is_told_with_its_figures) {
  auto in = busy();
  in.queued = 4;
  in.saturated = 100ms;
  BOOST_TEST(
    in_words(in, decide(in), "")
    == "Started 4 replicas: 4 calls wait; the present replicas would come to the last of them in 4.00 s (a call "
       "takes 1.00 s), and a start takes 20.0 ms.");
}

BOOST_AUTO_TEST_SUITE_END()
