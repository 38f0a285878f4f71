#include "tests/support/control_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cluster;
using namespace hearth::cluster::testing;

BOOST_AUTO_TEST_SUITE(control_state_membership)

BOOST_FIXTURE_TEST_CASE(who_was_not_admitted_gets_no_seat, control_world) {
  BOOST_TEST((apply(take_seat{node_number(9), 1, "", {}, 1, 1}).code == ec::not_a_member));
  BOOST_TEST(state.image().seats.empty());
}

BOOST_FIXTURE_TEST_CASE(a_seat_is_the_index_of_its_entry, control_world) {
  const auto seat = this->seat(1);
  BOOST_TEST(seat.value == state.applied());
  BOOST_TEST((state.seat_of(node_number(1))->seat == seat));
  BOOST_TEST(count<facts::seat_began>() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_second_start_ends_the_seat_of_the_first_one, control_world) {
  const auto first = seat(1, 1);
  const auto second = seat(1, 2);
  BOOST_TEST((first < second));
  BOOST_TEST(count<facts::seat_ended>() == 1U);
  BOOST_TEST(state.find_seat(first) == nullptr);
}

BOOST_FIXTURE_TEST_CASE(the_same_process_keeps_its_seat_and_gets_a_new_one_after_it_has_lost_it, control_world) {
  const auto first = seat(1, 4);
  BOOST_TEST((seat(1, 4) == first));
  BOOST_TEST(facts.empty());
  apply(end_seat{first, departure::expired});
  BOOST_TEST((seat(1, 4) != first));
}

BOOST_FIXTURE_TEST_CASE(an_old_copy_of_a_disk_is_refused, control_world) {
  const auto seat = this->seat(1, 5);
  BOOST_TEST((apply(take_seat{node_number(1), 4, "", {}, 1, 77}).code == ec::stale_epoch));
  BOOST_TEST((apply(take_seat{node_number(1), 5, "", {}, 1, 78}).code == ec::stale_epoch));
  BOOST_TEST((state.seat_of(node_number(1))->seat == seat));
}

BOOST_FIXTURE_TEST_CASE(a_taken_name_gets_a_number_behind_it, control_world) {
  apply(admit_node{node_number(1), "box"});
  apply(admit_node{node_number(2), "box"});
  apply(admit_node{node_number(2), "other"});
  BOOST_TEST(state.find_member(node_number(2))->name == "box-2");
}

BOOST_FIXTURE_TEST_CASE(a_removed_node_has_no_seat_and_never_gets_one_again, control_world) {
  const auto seat = this->seat(7);
  BOOST_TEST((apply(remove_node{node_number(7)}).code == ec::none));
  BOOST_TEST(state.find_seat(seat) == nullptr);
  BOOST_TEST((apply(take_seat{node_number(7), 9, "", {}, 1, 1}).code == ec::not_a_member));
  BOOST_TEST((apply(admit_node{node_number(7), "again"}).code == ec::not_a_member));
}

BOOST_FIXTURE_TEST_CASE(a_voter_is_not_removed, control_world) {
  seat(1);
  BOOST_TEST((apply(remove_node{node_number(1)}).code == ec::conflict));
  BOOST_TEST(!state.find_member(node_number(1))->removed);
}

BOOST_FIXTURE_TEST_CASE(two_voters_are_refused_and_three_others_begin_a_generation, control_world) {
  for (std::uint64_t i = 1; i <= 5; ++i)
    seat(i);
  BOOST_TEST((apply(set_voters{{node_number(1), node_number(2)}}).code == ec::bad_request));
  BOOST_TEST((apply(set_voters{{node_number(1), node_number(2), node_number(9)}}).code == ec::not_a_member));
  BOOST_TEST(state.image().generation == 1U);
  const set_voters order{{node_number(5), node_number(4), node_number(3)}};
  BOOST_TEST((apply(order).code == ec::none));
  BOOST_TEST((apply(order).code == ec::none));
  BOOST_TEST(state.image().generation == 2U);
  BOOST_TEST((state.image().voters.front() == node_number(3)));
}

BOOST_FIXTURE_TEST_CASE(a_level_that_a_seat_does_not_understand_is_not_raised, control_world) {
  seat(1);
  BOOST_TEST((apply(raise_level{2}).code == ec::version_mismatch));
  BOOST_TEST((apply(raise_level{1}).code == ec::none));
  BOOST_TEST(state.image().level == 1U);
  apply(admit_node{node_number(2), "old"});
  BOOST_TEST((apply(take_seat{node_number(2), 1, "", {}, 0, 1}).code == ec::version_mismatch));
}

BOOST_FIXTURE_TEST_CASE(the_time_of_the_cluster_never_goes_back, control_world) {
  apply(renew{{}, 500});
  apply(renew{{}, 300});
  BOOST_TEST(state.image().cluster_time_ms == 500U);
}

BOOST_FIXTURE_TEST_CASE(an_entry_is_applied_once, control_world) {
  seat(1);
  const auto before = state.digest();
  BOOST_TEST((state.apply(state.applied(), admit_node{node_number(8), "x"}).result.code == ec::conflict));
  BOOST_TEST(state.digest() == before);
}

BOOST_FIXTURE_TEST_CASE(an_invalidation_bounds_what_lies_below_it, control_world) {
  const auto narrow = apply(raise_generation{"p/d/task/v1"}).index;
  BOOST_TEST(state.generation_of("p/d/task/v1/key") == narrow);
  BOOST_TEST(state.generation_of("p/d/task/v2") == 0U);
  const auto wide = apply(raise_generation{"p/d"}).index;
  BOOST_TEST(state.generation_of("p/d/task/v1/key") == wide);
  BOOST_TEST(state.generation_of("p/dx") == 0U);
  BOOST_TEST(state.image().cache_generations.size() == 1U);
  BOOST_TEST(state.generation_of("anything") == 0U);
  const auto all = apply(raise_generation{""}).index;
  BOOST_TEST(state.generation_of("anything") == all);
}

BOOST_FIXTURE_TEST_CASE(too_many_scopes_are_merged_and_none_becomes_older, control_world) {
  for (int i = 0; i < 10'050; ++i) {
    const auto scope = "p" + std::to_string(i / 100) + "/k" + std::to_string(i);
    const auto raised = apply(raise_generation{scope}).index;
    BOOST_REQUIRE(state.generation_of(scope) >= raised);
  }
  BOOST_TEST(state.image().cache_generations.size() <= 10'000U);
  BOOST_TEST(state.generation_of("p0/k0") > 0U);
  BOOST_TEST(state.generation_of("p100/k10049") == state.applied());
}

BOOST_FIXTURE_TEST_CASE(what_is_said_of_a_project_in_the_cache_changes_nothing_else_and_can_be_taken_back,
                        control_world) {
  apply(limit_cache{"p", 100, {}});
  apply(limit_cache{"p", {}, 5000});
  BOOST_TEST((facts == std::vector<fact>{facts::cache_limited{"p"}}));
  apply(limit_cache{"q", {}, 1});
  BOOST_TEST((state.image().cache_limits.at("p") == cache_limit{100, 5000}));
  apply(limit_cache{"p", 0, {}});
  BOOST_TEST((state.image().cache_limits.at("p") == cache_limit{0, 5000}));
  const auto before = state.digest();
  apply(limit_cache{"p", {}, 0});
  BOOST_TEST(!state.image().cache_limits.contains("p"));
  BOOST_TEST(state.digest() != before);
  apply(limit_cache{"never said", 0, 0});
  BOOST_TEST(state.image().cache_limits.size() == 1U);
  BOOST_TEST((apply(limit_cache{"", 1, 1}).code == ec::bad_request));
}

BOOST_FIXTURE_TEST_CASE(limits_of_projects_are_bounded, control_world) {
  for (int i = 0; i < 1000; ++i)
    BOOST_REQUIRE((apply(limit_cache{"p" + std::to_string(i), 1, {}}).code == ec::none));
  BOOST_TEST((apply(limit_cache{"one more", 1, {}}).code == ec::overloaded));
  BOOST_TEST((apply(limit_cache{"p7", 2, {}}).code == ec::none));
  apply(limit_cache{"p8", 0, {}});
  BOOST_TEST((apply(limit_cache{"one more", 1, {}}).code == ec::none));
}

BOOST_FIXTURE_TEST_CASE(a_token_is_found_by_its_digest_until_it_is_revoked, control_world) {
  apply(put_token{"ci", "d1", {"invoke"}, 0});
  BOOST_TEST(state.find_token("d1")->name == "ci");
  BOOST_TEST((apply(put_token{"ci", "d2", {}, 0}).code == ec::name_taken));
  BOOST_TEST((apply(put_token{"other", "d1", {}, 0}).code == ec::conflict));
  apply(revoke_token{"ci"});
  BOOST_TEST(state.find_token("d1") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
