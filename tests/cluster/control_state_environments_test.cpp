#include "core/defaults.hpp"
#include "tests/support/control_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cluster;
using namespace hearth::cluster::testing;

namespace {

const std::string key = "p/d/env";

} // namespace

BOOST_AUTO_TEST_SUITE(control_state_environments)

BOOST_FIXTURE_TEST_CASE(the_epoch_of_a_grant_is_the_index_of_its_entry, control_world) {
  const auto seat = this->seat(1);
  const auto answer = apply(grant{key, seat});
  BOOST_TEST(answer.epoch.value == state.applied());
  BOOST_TEST((state.owner_of(key) == std::pair(seat, answer.epoch)));
}

BOOST_FIXTURE_TEST_CASE(who_asks_for_an_owned_environment_hears_whose_it_is, control_world) {
  const auto first = seat(1), second = seat(2);
  const auto granted = apply(grant{key, first});
  const auto answer = apply(grant{key, second});
  BOOST_TEST((answer.code == ec::none));
  BOOST_TEST((answer.owner == first));
  BOOST_TEST((answer.epoch == granted.epoch));
  BOOST_TEST(facts.empty());
}

BOOST_FIXTURE_TEST_CASE(nothing_is_granted_to_who_is_not_there, control_world) {
  const auto seat = this->seat(1);
  apply(end_seat{seat, departure::left});
  BOOST_TEST((apply(grant{key, seat}).code == ec::stale_epoch));
}

BOOST_FIXTURE_TEST_CASE(an_old_owner_releases_nothing, control_world) {
  const auto first = seat(1), second = seat(2);
  const auto old = apply(grant{key, first}).epoch;
  apply(end_seat{first, departure::expired});
  BOOST_TEST(count<facts::owner_changed>() == 1U);
  BOOST_TEST(state.orphaned_environments() == std::vector<std::string>{key});
  const auto now = apply(grant{key, second}).epoch;
  BOOST_TEST((old < now));
  BOOST_TEST((apply(release{key, old}).code == ec::stale_epoch));
  BOOST_TEST((state.owner_of(key).first == second));
}

BOOST_FIXTURE_TEST_CASE(a_released_environment_that_nobody_needs_is_forgotten, control_world) {
  const auto seat = this->seat(1);
  apply(put_spec{key, "v1", bytes::copy_of("spec"), false});
  const auto epoch = apply(grant{key, seat}).epoch;
  apply(release{key, epoch});
  BOOST_TEST(state.find_environment(key) == nullptr);
  BOOST_TEST((apply(release{key, epoch}).code == ec::none));
}

BOOST_FIXTURE_TEST_CASE(a_deployed_version_stays_and_wants_an_owner, control_world) {
  const auto seat = this->seat(1);
  apply(put_spec{key, "v1", bytes::copy_of("one"), false});
  apply(put_spec{key, "v2", bytes::copy_of("two"), true});
  apply(release{key, apply(grant{key, seat}).epoch});
  BOOST_TEST(state.find_environment(key)->specs.size() == 1U);
  BOOST_TEST(state.find_environment(key)->specs.contains("v2"));
  BOOST_TEST(state.orphaned_environments() == std::vector<std::string>{key});
}

BOOST_FIXTURE_TEST_CASE(a_version_that_is_deployed_again_takes_its_new_live_fields_when_all_nodes_do, control_world) {
  const auto spec = [this] { return std::string(state.find_environment(key)->specs.at("v1").spec.view()); };
  apply(admit_node{node_number(1), "n1"});
  apply(take_seat{node_number(1), 1, "", {}, defaults::feature_level, 77});
  apply(put_spec{key, "v1", bytes::copy_of("one"), true});
  apply(put_spec{key, "v1", bytes::copy_of("another"), true});
  BOOST_TEST(spec() == "one");
  BOOST_REQUIRE((apply(raise_level{3}).code == ec::none));
  apply(put_spec{key, "v1", bytes::copy_of("more"), false});
  BOOST_TEST(spec() == "one"); // a program that only uses it changes nothing for others
  const auto again = apply(put_spec{key, "v1", bytes::copy_of("more"), true});
  BOOST_TEST((again.code == ec::none));
  BOOST_TEST(spec() == "more");
  const std::string huge(defaults::specs_bytes_max, 'x');
  BOOST_TEST((apply(put_spec{key, "v1", bytes::copy_of(huge + "x"), true}).code == ec::overloaded));
  BOOST_TEST(spec() == "more");
}

BOOST_FIXTURE_TEST_CASE(what_is_not_deployed_any_more_goes_with_its_owner_and_may_come_again, control_world) {
  const auto seat = this->seat(1);
  apply(put_spec{key, "v1", bytes::copy_of("one"), true});
  const auto epoch = apply(grant{key, seat}).epoch;
  BOOST_TEST((apply(undeploy{key}).code == ec::none));
  BOOST_TEST(count<facts::undeployed>() == 1U);
  BOOST_TEST(state.find_environment(key)->deployed.empty());
  BOOST_TEST(state.find_environment(key)->specs.contains("v1")); // its owner has calls of it to finish
  BOOST_TEST((apply(undeploy{key}).code == ec::none));
  BOOST_TEST(facts.empty()); // nothing was deployed
  apply(release{key, epoch});
  BOOST_TEST(state.find_environment(key) == nullptr);
  BOOST_TEST((apply(undeploy{"p/d/nobody"}).code == ec::none));
  apply(put_spec{key, "v1", bytes::copy_of("one"), true});
  BOOST_TEST(state.find_environment(key)->deployed == "v1");
}

BOOST_FIXTURE_TEST_CASE(a_version_is_kept_while_a_run_needs_it, control_world) {
  const auto seat = this->seat(1);
  accept("r", 1, seat);
  apply(release{key, apply(grant{key, seat}).epoch});
  BOOST_TEST(state.find_environment(key)->specs.contains("v1"));
  BOOST_TEST(state.orphaned_environments() == std::vector<std::string>{key});
}

BOOST_FIXTURE_TEST_CASE(specs_fill_their_room_and_no_more, control_world) {
  const auto big = bytes::copy_of(std::string(defaults::mib, 'x'));
  apply(put_spec{key, "deployed", big, true});
  for (int i = 0; i < 10; ++i)
    BOOST_TEST((apply(put_spec{key, "v" + std::to_string(i), big, false}).code == ec::none));
  const auto& specs = state.find_environment(key)->specs;
  BOOST_TEST(specs.size() == 4U);
  BOOST_TEST(specs.contains("deployed"));
  BOOST_TEST(specs.contains("v9"));
  BOOST_TEST(!specs.contains("v0"));
  const auto huge = bytes::copy_of(std::string(5 * defaults::mib, 'x'));
  BOOST_TEST((apply(put_spec{"p/d/other", "v", huge, false}).code == ec::overloaded));
  BOOST_TEST(state.find_environment("p/d/other") == nullptr);
}

BOOST_FIXTURE_TEST_CASE(environments_that_nobody_needs_make_room_for_others, control_world) {
  for (std::size_t i = 0; i < defaults::control_environments_max + 5; ++i)
    BOOST_REQUIRE((apply(put_spec{"p/d/e" + std::to_string(i), "v", {}, false}).code == ec::none));
  BOOST_TEST(state.image().environments.size() <= defaults::control_environments_max);
}

BOOST_AUTO_TEST_SUITE_END()
