#include "core/defaults.hpp"
#include "tests/support/control_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cluster;
using namespace hearth::cluster::testing;

BOOST_AUTO_TEST_SUITE(control_state_runs)

BOOST_FIXTURE_TEST_CASE(the_same_submission_twice_is_one_run, control_world) {
  const auto seat = this->seat(1);
  const auto first = accept("r", 1, seat);
  const auto again = accept("r", 1, seat);
  BOOST_TEST((again.code == ec::none));
  BOOST_TEST(again.index == first.index);
  BOOST_TEST(state.image().runs.size() == 1U);
  BOOST_TEST(facts.empty());
}

BOOST_FIXTURE_TEST_CASE(an_id_used_for_something_else_is_a_conflict_and_a_name_is_taken_once, control_world) {
  const auto seat = this->seat(1);
  accept("r", 1, seat);
  auto other = order("s", 1, seat);
  BOOST_TEST((apply(other).code == ec::conflict));
  BOOST_TEST((accept("r", 2, seat).code == ec::name_taken));
  auto stranger = order("r", 1, seat);
  stranger.principal = "eve";
  BOOST_TEST((apply(stranger).code == ec::conflict));
}

BOOST_FIXTURE_TEST_CASE(a_run_of_an_unknown_version_is_refused, control_world) {
  BOOST_TEST((apply(order("r", 1, seat(1))).code == ec::unknown_environment));
}

BOOST_FIXTURE_TEST_CASE(the_first_completion_decides_and_no_later_one_changes_it, control_world) {
  accept("r", 1, seat(1));
  BOOST_TEST((apply(completion("r", 1, "one")).code == ec::none));
  const auto ended = run("r").ended;
  BOOST_TEST((apply(completion("r", 1, "one")).code == ec::none)); // the same submission again
  BOOST_TEST((apply(completion("r", 1, "two")).code == ec::conflict));
  BOOST_TEST((apply(abort_run{"r", "late", 0}).code == ec::conflict));
  BOOST_TEST(run("r").end.value.content.view() == "one");
  BOOST_TEST(run("r").ended == ended);
}

BOOST_FIXTURE_TEST_CASE(a_completion_of_an_earlier_attempt_counts_and_one_of_a_later_one_does_not, control_world) {
  const auto first = seat(1), second = seat(2);
  accept("r", 1, first);
  BOOST_TEST((apply(completion("r", 2, "early")).code == ec::bad_request));
  apply(end_seat{first, departure::expired});
  apply(rehome_runs{{"r"}, second, 0});
  BOOST_TEST(run("r").attempt == 2U);
  BOOST_TEST((apply(completion("r", 1, "one")).code == ec::none));
  BOOST_TEST(run("r").end.attempt == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_lost_home_is_a_loss_and_too_many_end_the_run, control_world) {
  auto home = seat(1);
  accept("r", 1, home, 2);
  for (std::uint64_t start = 2; start <= 3; ++start) {
    apply(end_seat{home, departure::died});
    BOOST_TEST(count<facts::run_orphaned>() == 1U);
    BOOST_TEST(state.orphaned_runs(9).size() == 1U);
    home = seat(1, start);
    apply(rehome_runs{{"r"}, home, 5});
    apply(rehome_runs{{"r"}, home, 5}); // the same again changes nothing
    BOOST_TEST(run("r").attempt == start);
    BOOST_TEST((run("r").home == home));
  }
  apply(end_seat{home, departure::died});
  apply(rehome_runs{{"r"}, seat(1, 9), 1234});
  BOOST_TEST((run("r").end.code == ec::node_lost));
  BOOST_TEST(run("r").end.unix_ms == 1234U);
  BOOST_TEST(run("r").losses == 3U);
}

BOOST_FIXTURE_TEST_CASE(a_run_that_may_start_once_ends_when_its_home_is_lost_after_the_claim, control_world) {
  const auto home = seat(1);
  accept("r", 1, home, 0);
  BOOST_TEST((apply(claim_run{"r", 1, home}).code == ec::none));
  apply(end_seat{home, departure::died});
  apply(rehome_runs{{"r"}, seat(2), 0});
  BOOST_TEST((run("r").end.code == ec::maybe_executed));
}

BOOST_FIXTURE_TEST_CASE(a_run_that_may_start_once_and_has_not_starts_elsewhere_and_only_there, control_world) {
  const auto home = seat(1), other = seat(2);
  accept("r", 1, home, 0);
  apply(end_seat{home, departure::died});
  apply(rehome_runs{{"r"}, other, 0});
  BOOST_TEST(run("r").open());
  BOOST_TEST((apply(claim_run{"r", 1, home}).code == ec::stale_epoch));
  BOOST_TEST((apply(claim_run{"r", 2, home}).code == ec::stale_epoch));
  BOOST_TEST((apply(claim_run{"r", 2, other}).code == ec::none));
}

BOOST_FIXTURE_TEST_CASE(a_run_whose_home_was_gone_before_it_came_loses_nothing, control_world) {
  const auto home = seat(1), other = seat(2);
  apply(end_seat{home, departure::died});
  accept("r", 1, home, 1);
  BOOST_TEST(count<facts::run_orphaned>() == 1U);
  apply(rehome_runs{{"r"}, other, 0});
  BOOST_TEST(run("r").losses == 0U);
  BOOST_TEST(run("r").attempt == 2U);
}

BOOST_FIXTURE_TEST_CASE(an_abort_is_a_wish_to_the_home_and_the_end_without_one, control_world) {
  const auto home = seat(1);
  accept("r", 1, home);
  accept("s", 2, home);
  apply(abort_run{"r", "enough", 1});
  BOOST_TEST(run("r").open());
  BOOST_TEST(run("r").abort_wanted);
  BOOST_TEST((apply(claim_run{"r", 1, home}).code == ec::aborted));
  apply(end_seat{home, departure::died});
  apply(abort_run{"s", "enough", 7});
  BOOST_TEST((run("s").end.code == ec::aborted));
  apply(rehome_runs{{"r"}, seat(2), 8});
  BOOST_TEST((run("r").end.code == ec::aborted));
  BOOST_TEST(run("r").end.value.content.view() == "enough");
}

BOOST_FIXTURE_TEST_CASE(runs_are_listed_newest_first, control_world) {
  const auto home = seat(1);
  for (std::uint64_t i = 1; i <= 5; ++i)
    accept("r" + std::to_string(i), i, home);
  const auto page = state.runs(2);
  BOOST_REQUIRE(page.size() == 2U);
  BOOST_TEST(page[0]->order.name == "r5");
  const auto next = state.runs(9, page[1]->accepted);
  BOOST_TEST(next.size() == 3U);
  BOOST_TEST(next[0]->order.name == "r3");
  BOOST_TEST(state.runs_at(home).size() == 5U);
}

BOOST_FIXTURE_TEST_CASE(the_oldest_ended_runs_are_forgotten_and_their_ids_are_gone, control_world) {
  const auto home = seat(1);
  const std::string big(defaults::inline_value_bytes_max, 'x');
  for (std::uint64_t i = 1; i <= 500; ++i) {
    const auto name = "r" + std::to_string(i);
    accept(name, i, home);
    apply(completion(name, 1, big));
  }
  BOOST_TEST(count<facts::run_forgotten>() == 1U);
  std::uint64_t kept = 0;
  for (const auto& [name, run] : state.image().runs)
    kept += charge(run);
  BOOST_TEST(kept <= defaults::ended_runs_bytes_max);
  BOOST_TEST(kept > defaults::ended_runs_bytes_max / 2);
  BOOST_TEST(state.find_run(std::string_view("r1")) == nullptr);
  BOOST_TEST((accept("r1", 1, home).code == ec::gone));
  BOOST_TEST((accept("new", 501, home).code == ec::none));
}

BOOST_FIXTURE_TEST_CASE(unfinished_runs_have_a_limit_and_what_is_refused_leaves_no_trace, control_world) {
  const auto home = seat(1);
  apply(put_spec{"p/d/env", "v1", {}, false});
  auto run = order("", 0, home);
  const std::string big(defaults::inline_value_bytes_max, 'x');
  run.arguments = {"d", big.size(), bytes::copy_of(big)};
  std::uint64_t accepted = 0;
  for (;; ++accepted) {
    run.name = "r" + std::to_string(accepted);
    run.root = root_at(1'000'000 + accepted, accepted + 1);
    if (const auto answer = apply(run); answer.code != ec::none) {
      BOOST_TEST((answer.code == ec::overloaded));
      break;
    }
    BOOST_REQUIRE(accepted < 1000U);
  }
  BOOST_TEST(accepted > 400U);
  BOOST_TEST(state.find_run(run.root) == nullptr);
  apply(completion("r0", 1, ""));
  BOOST_TEST((apply(run).code == ec::none));
}

BOOST_FIXTURE_TEST_CASE(a_value_too_large_for_the_log_is_refused, control_world) {
  const auto home = seat(1);
  accept("r", 1, home);
  const std::string big(defaults::inline_value_bytes_max + 1, 'x');
  BOOST_TEST((apply(completion("r", 1, big)).code == ec::bad_request));
  BOOST_TEST(run("r").open());
}

BOOST_FIXTURE_TEST_CASE(a_state_that_was_taken_from_its_image_decides_like_the_first, control_world) {
  const auto home = seat(1), other = seat(2);
  for (std::uint64_t i = 1; i <= 20; ++i) {
    accept("r" + std::to_string(i), i, i % 2 == 0 ? home : other, i % 3 == 0 ? 0 : 1);
    if (i % 4 == 0)
      apply(completion("r" + std::to_string(i), 1, "value"));
  }
  apply(grant{"p/d/env", home});
  control_world copy;
  copy.state = control_state(state.image());
  BOOST_TEST(copy.state.digest() == state.digest());
  for (const command& order :
       std::vector<command>{end_seat{home, departure::died}, rehome_runs{{"r2", "r6"}, other, 3},
                            release{"p/d/env", {}}, grant{"p/d/env", other}, completion("r6", 1, "late"),
                            abort_run{"r10", "no", 1}, accept_run{this->order("r3", 3, other)}}) {
    const auto here = apply(order);
    BOOST_TEST((copy.apply(order) == here));
    BOOST_TEST((copy.facts == facts));
    BOOST_TEST(copy.state.digest() == state.digest());
  }
}

BOOST_AUTO_TEST_SUITE_END()
