#include "tests/replay/watched_policy.hpp"
#include "tools/replay/ray_serve.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth::replay;
using namespace hearth::replay::test;

/// Ray Serve's autoscaler against its published constants.
BOOST_AUTO_TEST_SUITE(replay_ray_serve)

namespace {

/// Turns until the target changes, with the same wish each time; 0 if it never does.
int turns_until_change(ray_decider& it, double ongoing, std::uint32_t running, std::uint32_t target) {
  for (int turn = 1; turn <= 20'000; ++turn)
    if (it.turn(ongoing, static_cast<std::uint64_t>(ongoing), running, target) != target)
      return turn;
  return 0;
}

} // namespace

BOOST_AUTO_TEST_CASE(more_replicas_come_after_30_seconds_of_wishes_in_a_row) {
  ray_decider it({.target_ongoing = 2, .max = 100});
  BOOST_TEST(turns_until_change(it, 20, 1, 1) == 301);
}

BOOST_AUTO_TEST_CASE(fewer_come_after_600_seconds) {
  ray_decider it({.target_ongoing = 2, .max = 100});
  BOOST_TEST(turns_until_change(it, 2, 10, 10) == 6'001);
}

BOOST_AUTO_TEST_CASE(the_opposite_wish_begins_the_count_anew) {
  ray_decider it({.target_ongoing = 2, .max = 100});
  for (int turn = 0; turn < 300; ++turn)
    BOOST_REQUIRE(it.turn(20, 20, 1, 1) == 1u);
  BOOST_TEST(it.turn(0, 0, 1, 1) == 1u);
  BOOST_TEST(turns_until_change(it, 20, 1, 1) == 301);
}

BOOST_AUTO_TEST_CASE(no_wish_begins_the_count_anew) {
  ray_decider it({.target_ongoing = 2, .max = 100});
  for (int turn = 0; turn < 300; ++turn)
    it.turn(20, 20, 1, 1);
  it.turn(2, 2, 1, 1);
  BOOST_TEST(turns_until_change(it, 20, 1, 1) == 301);
}

BOOST_AUTO_TEST_CASE(from_zero_one_comes_without_delay) {
  ray_decider it({.target_ongoing = 2, .max = 100});
  BOOST_TEST(it.turn(0, 1'000, 0, 0) == 1u);
  BOOST_TEST(it.turn(0, 0, 0, 0) == 0u);
  BOOST_TEST(it.turn(0, 3, 0, 7) == 7u); // those that start already
}

BOOST_AUTO_TEST_CASE(zero_is_reached_from_one_alone) {
  ray_decider it({.target_ongoing = 2, .max = 100});
  for (int turn = 0; turn < 6'000; ++turn)
    it.turn(0, 0, 10, 10);
  BOOST_TEST(it.turn(0, 0, 10, 10) == 1u);
  BOOST_TEST(turns_until_change(it, 0, 1, 1) == 6'001);
}

BOOST_AUTO_TEST_CASE(a_small_downscaling_factor_does_not_get_stuck) {
  ray_decider it({.target_ongoing = 1, .downscaling_factor = 0.1, .downscale_delay = 0, .max = 100});
  BOOST_TEST(it.turn(8, 8, 10, 10) == 9u); // ceil(10 - 0.2) would stay at 10
}

BOOST_AUTO_TEST_CASE(factors_scale_the_difference) {
  ray_decider it({.target_ongoing = 1, .upscaling_factor = 0.5, .upscale_delay = 0, .max = 100});
  BOOST_TEST(it.turn(20, 20, 10, 10) == 15u);
}

BOOST_AUTO_TEST_CASE(the_maximum_holds) {
  ray_decider it({.target_ongoing = 1, .upscale_delay = 0, .max = 12});
  BOOST_TEST(it.turn(1'000, 1'000, 10, 10) == 12u);
}

BOOST_AUTO_TEST_CASE(a_burst_on_a_warm_replica_waits_for_the_delay) {
  std::vector<call> calls(100, call{1, 200});
  auto t = with_calls(calls, 1, 50, 1);
  ray_serve inside(t.concurrency, t.max, t.initial);
  watched how(inside);
  simulate(t, how, {});
  BOOST_REQUIRE(!how.changes.empty());
  BOOST_TEST(how.changes[0].at > 31);
  BOOST_TEST(how.changes[0].at < 32);
  BOOST_TEST(how.changes[0].started == 49u);
}

BOOST_AUTO_TEST_SUITE_END()
