#include "tests/replay/watched_policy.hpp"
#include "tools/replay/kpa.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth::replay;
using namespace hearth::replay::test;

/// Knative's pod autoscaler against what is published about it: its arithmetic, and the vectors of its own unit tests
/// (Knative Serving, pkg/autoscaler/scaling/autoscaler_test.go), which are named with each case.
BOOST_AUTO_TEST_SUITE(replay_kpa)

namespace {

/// As its unit tests make one.
kpa_decider decider(double target) {
  return kpa_decider({.target = target, .max_scale_up_rate = 10, .max_scale_down_rate = 10});
}

} // namespace

BOOST_AUTO_TEST_CASE(a_window_counts_gaps_as_zero_and_young_windows_by_their_age) {
  bucket_window window(6);
  BOOST_TEST(window.average(0) == 0);
  window.record(0, 6);
  BOOST_TEST(window.average(0) == 6); // one bucket old
  window.record(1.5, 12);
  BOOST_TEST(window.average(1.9) == 9);
  window.record(4, 6); // 2 and 3 are empty
  BOOST_TEST(window.average(4) == 24.0 / 5);
  window.record(9, 6); // 0 to 3 are out of the window
  BOOST_TEST(window.average(9) == 12.0 / 6);
}

BOOST_AUTO_TEST_CASE(a_window_forgets_all_after_a_pause_as_long_as_itself) {
  bucket_window window(6);
  window.record(0, 6);
  BOOST_TEST(window.average(5) == 6);
  BOOST_TEST(window.average(6) == 0);
  window.record(7, 3);
  BOOST_TEST(window.average(7) == 3);
}

BOOST_AUTO_TEST_CASE(samples_of_one_second_add_up) {
  bucket_window window(60);
  window.record(3.1, 2);
  window.record(3.9, 5);
  BOOST_TEST(window.average(3.9) == 7);
}

BOOST_AUTO_TEST_CASE(the_step_of_100_calls_panics_after_two_seconds_and_has_15_replicas_after_six) {
  std::vector<call> calls(100, call{0, 300});
  auto t = with_calls(calls, 10, 50, 1);
  kpa inside(t.concurrency, t.initial);
  watched how(inside);
  machine where;
  where.start_up = 100; // none is ready before the test ends
  simulate(t, how, where);
  BOOST_REQUIRE(how.changes.size() >= 3u);
  BOOST_TEST(how.changes[0] == (watched::change{2, 4, 0})); // 200 / 6 = 33, over 7: 5 replicas
  BOOST_TEST(how.changes[1] == (watched::change{4, 5, 0})); // 10
  BOOST_TEST(how.changes[2] == (watched::change{6, 5, 0})); // 15
}

BOOST_AUTO_TEST_CASE(a_demand_of_twice_the_replicas_is_panic) {
  auto it = decider(7);
  BOOST_TEST(it.scale(2, 100.0 / 60, 33.3, 1) == 5u);
  BOOST_TEST(it.is_panicking());
  auto calm = decider(10);
  calm.scale(2, 50, 50, 5);
  BOOST_TEST(!calm.is_panicking());
}

BOOST_AUTO_TEST_CASE(panic_ends_a_stable_window_after_the_surge_and_goes_down_only_then) { // PanicThenUnPanicScaleDown
  auto it = decider(10);
  BOOST_TEST(it.scale(0, 100, 100, 1) == 10u);
  BOOST_TEST(it.scale(0, 100, 1'000, 10) == 100u);
  BOOST_TEST(it.scale(30, 1, 1, 10) == 100u);
  BOOST_TEST(it.scale(61, 1, 1, 10) == 1u);
  BOOST_TEST(!it.is_panicking());
}

BOOST_AUTO_TEST_CASE(a_slow_increase_does_not_extend_panic) { // UnpanicAfterSlowIncrease
  auto it = decider(1);
  BOOST_TEST(it.scale(0, 11, 25, 10) == 25u);
  BOOST_TEST(it.scale(30, 30, 41, 40) == 41u);
  BOOST_TEST(it.scale(62, 50, 56, 55) == 50u);
  BOOST_TEST(!it.is_panicking());
}

BOOST_AUTO_TEST_CASE(a_surge_that_goes_on_extends_panic) { // ExtendPanicWindow
  auto it = decider(1);
  it.scale(0, 11, 25, 10);
  BOOST_TEST(it.scale(30, 30, 80, 40) == 80u);
  it.scale(62, 50, 56, 55);
  BOOST_TEST(it.is_panicking());
}

BOOST_AUTO_TEST_CASE(growth_is_limited_to_ten_times_per_decision) { // RateLimitScaleUp
  auto it = decider(10);
  BOOST_TEST(it.scale(0, 1'000, 1'001, 1) == 10u);
  BOOST_TEST(it.scale(0, 1'000, 1'001, 10) == 100u);
}

BOOST_AUTO_TEST_CASE(shrinking_is_limited_to_a_tenth_per_decision) { // RateLimitScaleDown
  auto it = decider(10);
  BOOST_TEST(it.scale(0, 1, 1, 100) == 10u);
  BOOST_TEST(it.scale(0, 1, 1, 10) == 1u);
}

BOOST_AUTO_TEST_CASE(small_rates_still_move_by_one) { // StableModeIncreaseWithSmallScaleUpRate, ...ScaleDownRate
  kpa_decider up({.target = 1, .max_scale_up_rate = 1.1, .max_scale_down_rate = 10});
  BOOST_TEST(up.scale(0, 3, 3.1, 2) == 3u);
  kpa_decider down({.target = 10, .max_scale_up_rate = 10, .max_scale_down_rate = 1.1});
  BOOST_TEST(down.scale(0, 1, 1, 100) == 90u);
}

BOOST_AUTO_TEST_CASE(defaults_grow_a_thousandfold_and_shrink_by_half) {
  kpa_decider it({});
  BOOST_TEST(it.scale(0, 1e6, 1e6, 1) == 1'000u);
  kpa_decider other({});
  BOOST_TEST(other.scale(0, 0, 0, 9) == 4u);
  BOOST_TEST(other.scale(2, 0, 0, 1) == 0u);
}

BOOST_AUTO_TEST_CASE(an_activation_scale_is_the_least_that_comes_from_zero) { // ActivationScale
  kpa_decider it({.target = 10, .max_scale_up_rate = 10, .max_scale_down_rate = 10, .activation_scale = 2});
  BOOST_TEST(it.scale(0, 0, 0, 1) == 0u);
  BOOST_TEST(it.scale(2, 1, 0, 1) == 2u);
}

BOOST_AUTO_TEST_CASE(no_traffic_means_zero) { // StableModeNoTrafficScaleToZero
  auto it = decider(10);
  BOOST_TEST(it.scale(0, 1, 0, 1) == 1u);
  BOOST_TEST(it.scale(2, 0, 0, 1) == 0u);
}

BOOST_AUTO_TEST_CASE(in_panic_the_larger_of_both_averages_counts) { // PanicStableLargerThanPanic, ...LessThanPanic
  auto larger = decider(1);
  larger.scale(0, 5, 5, 1);
  BOOST_TEST(larger.scale(5, 50, 30, 5) == 50u);
  auto less = decider(1);
  less.scale(0, 5, 5, 1);
  BOOST_TEST(less.scale(5, 20, 30, 5) == 30u);
}

BOOST_AUTO_TEST_CASE(a_scale_down_delay_keeps_the_largest_of_its_time) { // ScaleDownDelay, simple and gradual
  kpa_decider it({.target = 10,
                  .max_scale_up_rate = 10,
                  .max_scale_down_rate = 10,
                  .panic_threshold = 100,
                  .stable_window = 0,
                  .scale_down_delay = 300});
  BOOST_TEST(it.scale(2, 40, 40, 1) == 4u);
  BOOST_TEST(it.scale(300, 0, 0, 1) == 4u);
  BOOST_TEST(it.scale(302, 0, 0, 1) == 0u);
  BOOST_TEST(it.scale(540, 40, 40, 1) == 4u);
  BOOST_TEST(it.scale(600, 30, 30, 1) == 4u);
  BOOST_TEST(it.scale(660, 0, 0, 1) == 4u);
  BOOST_TEST(it.scale(840, 0, 0, 1) == 3u);
  BOOST_TEST(it.scale(900, 0, 0, 1) == 0u);
}

BOOST_AUTO_TEST_CASE(without_a_delay_it_shrinks_at_once) { // ScaleDownDelayZero
  kpa_decider it({.target = 10, .max_scale_up_rate = 10, .max_scale_down_rate = 10, .panic_threshold = 100});
  BOOST_TEST(it.scale(0, 40, 40, 1) == 4u);
  BOOST_TEST(it.scale(0.5, 20, 20, 1) == 2u);
}

BOOST_AUTO_TEST_CASE(the_last_replica_ends_after_the_window_when_the_activator_is_in_the_path) {
  auto t = with_calls({{0.5, 0.1f}}, 10, 50); // one replica has less than the burst capacity of 211
  kpa inside(t.concurrency, t.initial);
  watched how(inside);
  simulate(t, how, {});
  BOOST_REQUIRE(how.changes.size() == 2u);
  BOOST_TEST(how.changes[0] == (watched::change{0.5, 1, 0})); // reported at once
  BOOST_TEST(how.changes[1].at >= 60);
  BOOST_TEST(how.changes[1].at <= 66);
}

BOOST_AUTO_TEST_CASE(otherwise_the_grace_period_comes_on_top) {
  auto t = with_calls({{0.5, 0.1f}}, 1'000, 50);
  kpa inside(t.concurrency, t.initial);
  watched how(inside);
  simulate(t, how, {});
  BOOST_REQUIRE(how.changes.size() == 2u);
  BOOST_TEST(how.changes[1].at >= 90);
  BOOST_TEST(how.changes[1].at <= 96);
}

BOOST_AUTO_TEST_SUITE_END()
