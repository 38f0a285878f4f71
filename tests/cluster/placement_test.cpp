#include "cluster/placement.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace hearth;
using namespace hearth::cluster;

namespace {

candidate node(std::uint64_t number, std::uint32_t load = 0) {
  candidate who;
  who.seat = seat_id{number};
  who.node = {1, number};
  who.name = "n" + std::to_string(number);
  who.capacity = who.free = {1000, 4000, 1};
  who.load = load;
  return who;
}

} // namespace

BOOST_AUTO_TEST_SUITE(placement)

BOOST_AUTO_TEST_CASE(what_does_not_fit_goes_elsewhere_or_nowhere_with_a_reason) {
  auto small = node(1), large = node(2, 50);
  small.free = {10, 0, 0};
  const demand what{"p/d/e", {100, 1000, 0}, strategy::spread, {}};
  const auto chosen = place(what, {small, large});
  BOOST_REQUIRE(chosen);
  BOOST_TEST((chosen->seat == seat_id{2}));
  BOOST_TEST(chosen->reason == "n2 is the only node with room");
  BOOST_TEST(!place(what, {small}));
  BOOST_TEST(why_not(what, {small}).find("1 have no room") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_node_that_is_drained_gets_nothing_and_so_does_one_without_a_seat) {
  auto draining = node(1), away = node(2);
  draining.draining = true;
  away.seat = {};
  BOOST_TEST(!place({"k", {}, strategy::pack, {}}, {draining, away}));
  BOOST_TEST(!place({"k", {}, strategy::pack, {}}, {}));
}

BOOST_AUTO_TEST_CASE(spread_takes_the_node_with_the_fewest_replicas_and_pack_the_fullest) {
  auto one = node(1, 1), two = node(2, 9);
  two.replicas = 2;
  BOOST_TEST((place({"k", {}, strategy::spread, {}}, {one, two})->seat == seat_id{1}));
  BOOST_TEST((place({"k", {}, strategy::pack, {}}, {one, two})->seat == seat_id{2}));
}

BOOST_AUTO_TEST_CASE(locality_decides_among_equals_but_makes_no_crowd) {
  const demand near{"k", {}, strategy::spread, {1, 2}};
  BOOST_TEST((place(near, {node(1, 3), node(2, 3), node(3, 3)})->seat == seat_id{2}));
  BOOST_TEST((place(near, {node(1, 3), node(2, 5), node(3, 4)})->seat == seat_id{1}));
}

BOOST_AUTO_TEST_CASE(the_order_of_the_candidates_does_not_matter) {
  const demand what{"p/d/e", {}, strategy::spread, {}};
  BOOST_TEST((place(what, {node(1), node(2), node(3)})->seat == place(what, {node(3), node(1), node(2)})->seat));
}

BOOST_AUTO_TEST_CASE(keys_spread_over_equal_nodes_and_move_only_with_their_node) {
  std::map<seat_id, int> count;
  for (int i = 0; i < 3000; ++i) {
    const demand what{"p/d/e" + std::to_string(i), {}, strategy::spread, {}};
    const auto three = place(what, {node(1), node(2), node(3)})->seat;
    ++count[three];
    if (three != seat_id{3})
      BOOST_REQUIRE((place(what, {node(1), node(2)})->seat == three));
  }
  for (const auto& [seat, keys] : count)
    BOOST_TEST((keys > 850 && keys < 1150), "seat " << seat.value << " has " << keys);
}

BOOST_AUTO_TEST_CASE(the_weight_is_what_it_always_was) {
  BOOST_TEST(rendezvous_weight("p/d/e", {1, 2}) == rendezvous_weight("p/d/e", {1, 2}));
  BOOST_TEST(rendezvous_weight("p/d/e", {1, 2}) != rendezvous_weight("p/d/e", {2, 1}));
  BOOST_TEST(rendezvous_weight("p/d/e", {1, 2}) != rendezvous_weight("p/d/f", {1, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
