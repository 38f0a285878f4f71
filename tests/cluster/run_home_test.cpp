#include "cluster/fence.hpp"
#include "cluster/run_home.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cluster;

/// What a home and a fence decide, one question at a time. What follows from it in a cluster is shown in tests/sim.
BOOST_AUTO_TEST_SUITE(run_home)

namespace {

constexpr run_sight ours{false, true, false, 2};

} // namespace

BOOST_AUTO_TEST_CASE(a_run_that_comes_home_begins_and_one_that_is_executed_goes_on) {
  const auto begins = turn_of(ours, std::nullopt);
  BOOST_TEST((begins.begins && !begins.drops && !begins.aborts));
  const auto goes_on = turn_of(ours, run_hold{2, false});
  BOOST_TEST((!goes_on.begins && !goes_on.drops && !goes_on.aborts));
}

BOOST_AUTO_TEST_CASE(an_older_attempt_is_dropped_before_the_next_one_begins) {
  const auto turn = turn_of(ours, run_hold{1, false});
  BOOST_TEST((turn.drops && turn.begins));
}

BOOST_AUTO_TEST_CASE(what_ended_or_goes_on_elsewhere_is_dropped) {
  for (const auto& sight : {run_sight{true, true, false, 2}, run_sight{false, false, false, 2}}) {
    const auto turn = turn_of(sight, run_hold{2, false});
    BOOST_TEST((turn.drops && !turn.begins && !turn.aborts));
    BOOST_TEST(!turn_of(sight, std::nullopt).begins);
  }
}

BOOST_AUTO_TEST_CASE(an_abort_is_told_once) {
  BOOST_TEST(turn_of({false, true, true, 2}, run_hold{2, false}).aborts);
  BOOST_TEST(!turn_of({false, true, true, 2}, run_hold{2, true}).aborts);
}

BOOST_AUTO_TEST_CASE(a_run_that_may_start_once_is_claimed_when_all_else_is_there) {
  BOOST_TEST((need_of({false, false, false, 0}) == run_need::arguments));
  BOOST_TEST((need_of({true, false, false, 0}) == run_need::environment));
  BOOST_TEST((need_of({true, true, false, 0}) == run_need::claim));
  BOOST_TEST((need_of({true, true, true, 0}) == run_need::nothing));
  BOOST_TEST((need_of({true, true, false, 3}) == run_need::nothing));
}

BOOST_AUTO_TEST_CASE(what_was_not_decided_is_proposed_again_and_what_is_fenced_is_over) {
  BOOST_TEST((verdict_of(ec::none) == run_verdict::holds));
  BOOST_TEST((verdict_of(ec::no_quorum) == run_verdict::later));
  BOOST_TEST((verdict_of(ec::overloaded) == run_verdict::later));
  BOOST_TEST((verdict_of(ec::stale_epoch) == run_verdict::over));
  BOOST_TEST((verdict_of(ec::conflict) == run_verdict::over));
}

BOOST_AUTO_TEST_CASE(a_loss_is_survived_as_often_as_allowed_and_with_lost_0_nobody_knows) {
  BOOST_TEST((after_loss(0, 1) == ec::maybe_executed));
  BOOST_TEST((after_loss(2, 2) == ec::none));
  BOOST_TEST((after_loss(2, 3) == ec::node_lost));
}

BOOST_AUTO_TEST_CASE(an_attempt_looks_into_the_record_unless_it_is_the_first_of_all) {
  BOOST_TEST(!replays(1, false, false));
  BOOST_TEST(replays(2, false, false));
  BOOST_TEST(replays(1, true, false));
  BOOST_TEST(replays(1, false, true));
}

BOOST_AUTO_TEST_CASE(a_fence_refuses_what_is_lower_than_it_has_heard_for_each_environment) {
  fence at;
  BOOST_TEST(!at.refuses("a", epoch{1}));
  BOOST_TEST(at.raise("a", epoch{5}));
  BOOST_TEST(at.refuses("a", epoch{4}));
  BOOST_TEST(!at.refuses("a", epoch{5}));
  BOOST_TEST(!at.refuses("b", epoch{4}));
  BOOST_TEST(!at.raise("a", epoch{4}));
  BOOST_TEST(!at.raise("a", epoch{}));
  BOOST_TEST((at.highest("a") == epoch{5}));
  BOOST_TEST((at.highest("b") == epoch{}));
}

BOOST_AUTO_TEST_SUITE_END()
