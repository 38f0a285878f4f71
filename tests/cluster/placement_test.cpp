#include "cluster/placement.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>

using namespace hearth;
using namespace hearth::cluster;

namespace {

candidate node(std::uint64_t number, std::uint32_t load = 0) { return {seat_id{number}, {1, number}, false, load}; }

} // namespace

BOOST_AUTO_TEST_SUITE(placement)

BOOST_AUTO_TEST_CASE(a_node_that_is_drained_gets_nothing_and_so_does_one_without_a_seat) {
  auto draining = node(1), away = node(2);
  draining.draining = true;
  away.seat = {};
  BOOST_TEST(!place("k", {}, {draining, away}));
  BOOST_TEST(!place("k", {}, {}));
}

BOOST_AUTO_TEST_CASE(the_node_with_the_least_load_is_taken) {
  BOOST_TEST((place("k", {}, {node(1, 1), node(2, 9)}) == seat_id{1}));
  BOOST_TEST((place("k", {}, {node(1, 3), node(2, 2)}) == seat_id{2}));
}

BOOST_AUTO_TEST_CASE(locality_decides_among_equals_but_makes_no_crowd) {
  const node_uuid near{1, 2};
  BOOST_TEST((place("k", near, {node(1, 3), node(2, 3), node(3, 3)}) == seat_id{2}));
  BOOST_TEST((place("k", near, {node(1, 3), node(2, 5), node(3, 4)}) == seat_id{1}));
}

BOOST_AUTO_TEST_CASE(the_order_of_the_candidates_does_not_matter) {
  BOOST_TEST((place("p/d/e", {}, {node(1), node(2), node(3)}) == place("p/d/e", {}, {node(3), node(1), node(2)})));
}

BOOST_AUTO_TEST_CASE(keys_spread_over_equal_nodes_and_move_only_with_their_node) {
  std::map<seat_id, int> count;
  for (int i = 0; i < 3000; ++i) {
    const auto key = "p/d/e" + std::to_string(i);
    const auto three = place(key, {}, {node(1), node(2), node(3)});
    BOOST_REQUIRE(three);
    ++count[*three];
    if (three != seat_id{3})
      BOOST_REQUIRE((place(key, {}, {node(1), node(2)}) == three));
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
