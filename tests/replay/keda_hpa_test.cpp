#include "tests/replay/watched_policy.hpp"
#include "tools/replay/keda_hpa.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth::replay;
using namespace hearth::replay::test;

/// KEDA and the horizontal pod autoscaler against their published constants.
BOOST_AUTO_TEST_SUITE(replay_keda_hpa)

BOOST_AUTO_TEST_CASE(within_ten_percent_of_the_target_nothing_changes) {
  hpa_decider it(10, 1, 100);
  BOOST_TEST(it.sync(0, 109, 10) == 10u);
  BOOST_TEST(it.sync(15, 91, 10) == 10u);
  BOOST_TEST(it.sync(30, 112, 10) == 12u);
}

BOOST_AUTO_TEST_CASE(growth_is_the_larger_of_double_and_four_per_sync) {
  hpa_decider it(1, 1, 1'000);
  BOOST_TEST(it.sync(0, 1'000, 1) == 5u);
  BOOST_TEST(it.sync(15, 1'000, 5) == 10u);
  BOOST_TEST(it.sync(30, 1'000, 10) == 20u);
  BOOST_TEST(it.sync(45, 1'000, 600) == 1'000u);
}

BOOST_AUTO_TEST_CASE(it_shrinks_to_the_largest_recommendation_of_300_seconds) {
  hpa_decider it(1, 1, 100);
  BOOST_TEST(it.sync(0, 50, 50) == 50u);
  BOOST_TEST(it.sync(150, 20, 50) == 50u);
  BOOST_TEST(it.sync(299, 5, 50) == 50u);
  BOOST_TEST(it.sync(300, 5, 50) == 20u);
  BOOST_TEST(it.sync(450, 5, 20) == 5u);
}

BOOST_AUTO_TEST_CASE(limits_hold) {
  hpa_decider it(1, 2, 6);
  BOOST_TEST(it.sync(0, 100, 4) == 6u);
  hpa_decider other(1, 2, 6);
  BOOST_TEST(other.sync(0, 0, 4) == 2u);
}

BOOST_AUTO_TEST_CASE(from_zero_a_poll_starts_one_and_syncs_the_rest) {
  std::vector<call> calls(100, call{1, 40});
  auto t = with_calls(calls, 1, 20);
  keda_hpa inside(t.concurrency, t.max, t.initial);
  watched how(inside);
  simulate(t, how, {});
  BOOST_REQUIRE(how.changes.size() >= 4u);
  BOOST_TEST(how.changes[0] == (watched::change{15, 1, 0}));
  BOOST_TEST(how.changes[1] == (watched::change{22.5, 4, 0}));
  BOOST_TEST(how.changes[2] == (watched::change{37.5, 5, 0}));
  BOOST_TEST(how.changes[3] == (watched::change{52.5, 10, 0}));
}

BOOST_AUTO_TEST_CASE(the_last_one_ends_at_the_first_poll_after_the_cooldown) {
  auto t = with_calls({{1, 20}}, 10, 20); // seen by the polls at 15 s and, from 17 s to 37 s, not by that at 45 s
  keda_hpa inside(t.concurrency, t.max, t.initial);
  watched how(inside);
  simulate(t, how, {});
  BOOST_REQUIRE(how.changes.size() == 2u);
  BOOST_TEST(how.changes[1] == (watched::change{345, 0, 1})); // later than 15 + 300
}

BOOST_AUTO_TEST_SUITE_END()
