#include "tests/replay/watched_policy.hpp"
#include "tools/replay/comparison.hpp"
#include "tools/replay/keep_alive.hpp"
#include "tools/replay/oracle.hpp"
#include "tools/replay/ours.hpp"
#include "tools/replay/traces.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth::replay;
using namespace hearth::replay::test;

namespace {

const auto near = boost::test_tools::tolerance(1e-6);

outcome run(const trace& what, policy& how, seconds start_up = 2) {
  machine where;
  where.start_up = start_up;
  return simulate(what, how, where);
}

} // namespace

BOOST_AUTO_TEST_SUITE(replay_simulation)

BOOST_AUTO_TEST_CASE(a_call_without_a_replica_waits_for_a_start) {
  keep_alive how(60);
  auto it = run(with_calls({{1, 0.5f}}, 1, 4), how);
  BOOST_TEST(it.calls == 1u);
  BOOST_TEST(it.cold == 1u);
  BOOST_TEST(it.wait_p50 == 2, near);
  BOOST_TEST(it.starts == 1u);
  BOOST_TEST(it.replica_seconds == 2 + 0.5 + 60, near); // start, call, keep-alive
}

BOOST_AUTO_TEST_CASE(a_call_with_a_warm_replica_does_not_wait) {
  keep_alive how(60);
  auto it = run(with_calls({{1, 0.5f}, {10, 0.5f}}, 1, 4), how);
  BOOST_TEST(it.cold == 1u);
  BOOST_TEST(it.starts == 1u);
  BOOST_TEST(it.replica_seconds == 2 + 0.5 + 6.5 + 0.5 + 60, near);
}

BOOST_AUTO_TEST_CASE(at_the_maximum_waiting_is_not_cold) {
  keep_alive how(60);
  auto it = run(with_calls({{0, 1}, {0, 1}, {0, 1}}, 1, 1, 1), how);
  BOOST_TEST(it.cold == 0u);
  BOOST_TEST(it.wait_mean == 1, near);
  BOOST_TEST(it.starts == 0u);
}

BOOST_AUTO_TEST_CASE(calls_are_bound_late) {
  // Two long calls and one short: what waits takes the slot that becomes free first.
  idle_policy how;
  auto it = run(with_calls({{0, 10}, {0, 1}, {0, 1}}, 1, 2, 2), how);
  BOOST_TEST(it.wait_p99 == 1, near);
  BOOST_TEST(it.last_end == 10, near);
}

BOOST_AUTO_TEST_CASE(the_oldest_replica_is_filled_first_and_keeps_room) {
  std::vector<call> calls(9, call{0, 1});
  struct observer final : policy {
    std::vector<std::uint32_t> in_use;
    std::string_view name() const noexcept override { return "observer"; }
    seconds next_tick() const noexcept override { return never; }
    void on(event what, const pool_view& pool, answer&) override {
      if (what == event::arrived && pool.running == 9)
        for (const auto& one : pool.replicas)
          in_use.push_back(one.in_use);
    }
  } how;
  run(with_calls(calls, 10, 2, 2), how);
  BOOST_REQUIRE(how.in_use.size() == 2u);
  BOOST_TEST(how.in_use[0] > how.in_use[1]);
  BOOST_TEST(how.in_use[0] < 10u);
  BOOST_TEST(how.in_use[1] > 0u);
}

BOOST_AUTO_TEST_CASE(a_replica_that_drains_finishes_its_calls) {
  struct ends_all final : policy {
    std::string_view name() const noexcept override { return "ends_all"; }
    seconds next_tick() const noexcept override { return next; }
    void on(event what, const pool_view& pool, answer& out) override {
      if (what != event::tick)
        return;
      next = never;
      for (const auto& one : pool.replicas)
        out.end.push_back(one.id);
    }
    seconds next = 5;
  } how;
  auto it = run(with_calls({{0, 10}}, 1, 2, 2), how);
  BOOST_TEST(it.lost == 0u);
  BOOST_TEST(it.last_end == 10, near);
  BOOST_TEST(it.replica_seconds == 5 + 10, near);
}

BOOST_AUTO_TEST_CASE(calls_that_nobody_serves_are_lost) {
  idle_policy how;
  auto it = run(with_calls({{0, 1}, {1, 1}}, 1, 4), how);
  BOOST_TEST(it.lost == 2u);
}

BOOST_AUTO_TEST_CASE(replicas_beyond_the_room_wait_for_a_place_and_cost_nothing) {
  auto t = with_calls({{0, 10}, {0, 10}}, 1, 2);
  t.room = 1;
  keep_alive how(60);
  auto it = run(t, how);
  BOOST_TEST(it.peak == 1u);
  BOOST_TEST(it.starts == 2u);
  BOOST_TEST(it.lost == 0u);
  BOOST_TEST(it.wait_p99 == 12, near);
}

BOOST_AUTO_TEST_CASE(users_make_the_next_call_when_the_last_has_ended) {
  auto it = replay(make_trace("T9", 1), "keep_alive_600", 0.02).result;
  BOOST_TEST(it.calls > 1'190u); // ten per second for two minutes
  BOOST_TEST(it.calls < 1'206u);
  BOOST_TEST(it.lost == 0u);
}

BOOST_AUTO_TEST_CASE(a_parent_that_waits_for_its_child_on_one_slot_finishes) {
  for (const auto& policy : policy_names()) {
    auto it = replay(make_trace("T10", 1), policy, 2).result;
    BOOST_TEST(it.lost == 0u, policy);
    BOOST_TEST(it.calls % 3 == 0u, policy); // whole rounds
    BOOST_TEST(it.calls > 200u, policy);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(replay_policies)

BOOST_AUTO_TEST_CASE(keep_alive_starts_no_replica_for_a_call_that_has_a_slot_starting) {
  keep_alive how(60);
  auto it = run(with_calls({{0, 1}, {0.1, 1}, {0.2, 1}}, 2, 4), how);
  BOOST_TEST(it.starts == 2u); // two slots each
}

BOOST_AUTO_TEST_CASE(keep_alive_is_counted_per_replica_from_its_last_call) {
  keep_alive inside(60);
  watched how(inside);
  run(with_calls({{0, 1}, {0, 1}, {30, 1}}, 1, 4), how, 0.5);
  BOOST_REQUIRE(how.changes.size() == 4u);
  BOOST_TEST(how.changes[2].at == 61.5, near);
  BOOST_TEST(how.changes[3].at == 91, near);
}

BOOST_AUTO_TEST_CASE(the_oracle_keeps_a_replica_through_gaps_shorter_than_a_start) {
  machine where;
  where.start_up = 5;
  auto it = oracle(with_calls({{0, 1}, {4, 1}, {20, 1}}, 1, 4), where);
  BOOST_TEST(it.cold == 0u);
  BOOST_TEST(it.replica_seconds == (5 + 1) + (3 + 1) + (5 + 1), near);
  BOOST_TEST(it.starts == 2u);
  BOOST_TEST(it.peak == 1u);
}

BOOST_AUTO_TEST_CASE(the_oracle_counts_slots) {
  machine where;
  where.start_up = 5;
  auto it = oracle(with_calls({{0, 2}, {0, 2}, {1, 2}}, 2, 4), where);
  BOOST_TEST(it.peak == 2u);
  BOOST_TEST(it.replica_seconds == (5 + 2 + 1) + (5 + 1), near); // the second while three run
}

BOOST_AUTO_TEST_CASE(hearth_ends_its_replicas_after_the_clock_of_the_pool) {
  ours inside;
  watched how(inside);
  run(with_calls({{0, 1}}, 1, 4), how);
  BOOST_REQUIRE(how.changes.size() == 2u);
  BOOST_TEST(how.changes[0] == (watched::change{0, 1, 0}));
  BOOST_TEST(how.changes[1].at == 2 + 1 + 30, near);
}

BOOST_AUTO_TEST_CASE(hearth_ends_a_surplus_replica_while_others_work) {
  trace t = with_calls({{0, 1}, {0, 1}}, 1, 4);
  for (int i = 1; i < 100; ++i)
    t.calls.push_back({static_cast<seconds>(i) + 2.6, 0.5f});
  t.end = 103;
  ours inside;
  watched how(inside);
  run(t, how);
  BOOST_REQUIRE(how.changes.size() == 4u);
  BOOST_TEST(how.changes[2].ended == 1u);
  BOOST_TEST(how.changes[2].at == 33, near);
}

BOOST_AUTO_TEST_CASE(every_call_is_served_once_whatever_the_policy) {
  for (const auto& name : trace_names()) {
    if (name == "T6") // ten million calls
      continue;
    const auto what = make_trace(name, 7);
    for (const auto start_up : {0.02, 25.0})
      for (const auto& policy : policy_names()) {
        const auto where = name + " " + policy;
        const auto it = replay(what, policy, start_up).result;
        BOOST_TEST(it.lost == 0u, where);
        BOOST_TEST((what.calls.empty() || it.calls == what.calls.size()), where);
        BOOST_TEST(it.cold <= it.calls, where);
        BOOST_TEST(it.peak <= what.max, where);
        BOOST_TEST(it.replica_seconds * what.concurrency >= it.service_seconds * (1 - 1e-6), where);
        if (policy == "oracle")
          BOOST_TEST(it.cold == 0u, where);
      }
  }
}

BOOST_AUTO_TEST_CASE(who_serves_all_warm_pays_at_least_what_the_oracle_pays) {
  for (const auto* name : {"T1", "T2a", "T2b", "T5", "T7", "T8a"}) {
    auto what = make_trace(name, 7);
    what.initial = what.max;
    keep_alive how(1e6);
    const auto it = run(what, how);
    BOOST_TEST(it.cold == 0u, name);
    BOOST_TEST(it.replica_seconds >= oracle(what, machine{}).replica_seconds, name);
  }
}

BOOST_AUTO_TEST_CASE(a_replay_is_the_same_each_time) {
  for (const auto& policy : policy_names()) {
    const auto a = replay(make_trace("T2a", 3), policy, 2).result;
    const auto b = replay(make_trace("T2a", 3), policy, 2).result;
    BOOST_TEST(a.cold == b.cold, policy);
    BOOST_TEST(a.replica_seconds == b.replica_seconds, policy);
  }
}

BOOST_AUTO_TEST_SUITE_END()
