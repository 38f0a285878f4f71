#include "actors/cache_buckets.hpp"
#include "tests/support/cache_cluster.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

struct three_nodes : cache_cluster {
  /// The longest time that a node takes for a round with others that differ little.
  void let_mend() { advance_in_steps(30s); }

  /// Timers that set others need some steps.
  void advance_in_steps(std::chrono::milliseconds time) {
    for (auto left = time; left.count() > 0; left -= 10ms)
      advance(10ms);
  }
};

cache_mark mark(std::uint64_t number, std::uint64_t generation = 0, std::uint64_t created = 0) {
  return {{digest_called("scope"), digest_called(std::to_string(number))}, generation, 0, {}, created};
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(cache_mender, three_nodes)

BOOST_AUTO_TEST_CASE(what_is_missing_or_worse_is_wanted_and_nothing_else) {
  const std::vector<cache_mark> here{mark(1), mark(2, 5), mark(3, 5)};
  const std::vector<cache_mark> there{mark(3, 6), mark(4), mark(1), mark(2, 4)};
  BOOST_TEST((wanted(here, there, 100) == std::vector{mark(3).key, mark(4).key}));
  auto overwritten = mark(1);
  overwritten.overwrite = 1;
  BOOST_TEST((wanted(here, {overwritten}, 100) == std::vector{mark(1).key}));
  BOOST_TEST((wanted({overwritten}, here, 100).size() == 2u));
}

BOOST_AUTO_TEST_CASE(what_has_just_come_is_not_wanted_yet) {
  BOOST_TEST(wanted({}, {mark(1, 0, 100), mark(2, 0, 99)}, 100).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_node_that_comes_back_gets_what_was_kept_while_it_was_away_without_any_lookup) {
  go(2);
  for (const auto i : {0u, 1u})
    keep(i, 0, 500);
  come(2);
  let_mend();
  BOOST_TEST(kept(2) == 500u);
  BOOST_TEST(nodes[2]->entries->mended == 500u);
  BOOST_TEST(times_asked(0, "find") + times_asked(1, "find") == 0u);
  BOOST_TEST(nodes[0]->entries->mended + nodes[1]->entries->mended == 0u);
}

BOOST_AUTO_TEST_CASE(nodes_that_have_the_same_exchange_digests_only) {
  for (const auto i : {0u, 1u, 2u})
    keep(i, 0, 100);
  let_mend();
  BOOST_TEST(times_asked(0, "mend sums") > 2u);
  BOOST_TEST(times_asked(0, "mend marks") == 0u);
}

BOOST_AUTO_TEST_CASE(each_gets_what_the_others_have) {
  keep(0, 0, 100);
  keep(1, 100, 200);
  keep(2, 200, 300);
  let_mend();
  for (const auto i : {0u, 1u, 2u})
    BOOST_TEST(kept(i) == 300u);
}

BOOST_AUTO_TEST_CASE(what_was_invalidated_while_a_node_was_away_goes_and_comes_back_nowhere) {
  for (const auto i : {0u, 1u, 2u})
    keep(i, 0, 50);
  go(2);
  ask<bool>(*this, nodes[0]->cache, atom::disown::value, std::string("default/development/env.square"));
  for (const auto i : {0u, 1u})
    nodes[i]->entries->kept.clear(); // as `hearth cache delete` does
  const auto now = log->state.applied();
  keep(0, 0, 10, now);
  come(2);
  let_mend();
  for (const auto i : {0u, 1u, 2u}) {
    BOOST_TEST(kept(i) == 10u);
    for (const auto& [key, what] : nodes[i]->entries->kept)
      BOOST_TEST(what.second.generation == now);
  }
  BOOST_TEST(nodes[2]->entries->outdated >= 40u); // others may have been replaced before
  BOOST_TEST(nodes[2]->entries->mended == 10u);
}

BOOST_AUTO_TEST_CASE(an_entry_that_is_lost_or_damaged_is_fetched_although_nobody_looks_it_up) {
  for (const auto i : {0u, 1u, 2u})
    keep(i, 0, 20);
  nodes[1]->entries->kept.erase(entry(3).key);
  nodes[1]->entries->damaged.insert(entry(4).key);
  advance_in_steps(80s);
  BOOST_TEST(nodes[1]->entries->mended >= 2u);
  nodes[1]->entries->damaged.clear();
  let_mend();
  BOOST_TEST(kept(1) == 20u);
}

BOOST_AUTO_TEST_CASE(a_node_without_room_fetches_nothing) {
  nodes[1]->entries->room = 0;
  for (const auto i : {0u, 2u})
    keep(i, 0, 200);
  let_mend();
  BOOST_TEST(kept(1) == 0u);
  BOOST_TEST(times_asked(0, "mend marks") + times_asked(2, "mend marks") == 0u);
}

BOOST_AUTO_TEST_CASE(what_finds_no_room_or_was_evicted_is_not_fetched_again) {
  for (const auto i : {0u, 2u})
    keep(i, 0, 40);
  for (std::uint64_t number = 0; number < 20; ++number)
    nodes[1]->entries->evicted.insert(entry(number).key);
  let_mend();
  BOOST_TEST(kept(1) == 20u);
  const auto given = times_asked(0, "mend give") + times_asked(2, "mend give");
  advance_in_steps(120s);
  BOOST_TEST(times_asked(0, "mend give") + times_asked(2, "mend give") == given);
  BOOST_TEST(kept(1) == 20u);
}

BOOST_AUTO_TEST_CASE(a_node_that_may_not_act_fetches_nothing) {
  nodes[1]->control->lose_lease();
  run();
  keep(0, 0, 50);
  let_mend();
  BOOST_TEST(kept(1) == 0u);
  BOOST_TEST(kept(2) == 50u);
  nodes[1]->control->have_lease();
  let_mend();
  BOOST_TEST(kept(1) == 50u);
}

BOOST_AUTO_TEST_CASE(a_node_that_does_not_answer_is_left_for_the_next_time) {
  keep(0, 0, 50);
  const auto gone = std::exchange(nodes[0]->cache, cache_actor{});
  let_mend();
  BOOST_TEST(kept(1) == 0u);
  nodes[0]->cache = gone;
  let_mend();
  BOOST_TEST(kept(1) == 50u);
  BOOST_TEST(kept(2) == 50u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(cache_mender_of_many)

BOOST_AUTO_TEST_CASE(each_node_gets_what_it_should_hold_and_no_more) {
  struct five_nodes : cache_cluster {
    five_nodes() : cache_cluster(5) {}
  } world;
  std::vector<node_uuid> all;
  for (const auto& n : world.nodes)
    all.push_back(n->id);
  world.keep(0, 0, 300);
  for (int step = 0; step < 6000; ++step)
    world.advance(10ms);
  for (std::size_t i = 1; i < world.nodes.size(); ++i) {
    std::size_t should = 0;
    for (std::uint64_t number = 0; number < 300; ++number) {
      const auto key = world.entry(number).key;
      const auto holders = holders_of_bucket(bucket_of(key), all);
      const bool is_holder = std::find(holders.begin(), holders.end(), all[i]) != holders.end();
      // What the first node has by chance, it gives to those with whom it holds the bucket; the others have it from them.
      const bool is_reachable = std::find(holders.begin(), holders.end(), all[0]) != holders.end();
      should += is_holder && is_reachable ? 1 : 0;
    }
    BOOST_TEST(world.kept(i) == should);
    BOOST_TEST(should > 50u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
