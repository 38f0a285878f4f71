#include "tests/support/scripted_cluster.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

using defaults::gib;

std::shared_ptr<environment_spec> sized(std::uint32_t min, std::uint32_t max, std::uint64_t memory,
                                        std::uint32_t gpu = 0) {
  auto spec = make_spec(min, max);
  spec->resources.memory_bytes = memory;
  spec->resources.gpu = gpu;
  return spec;
}

} // namespace

BOOST_AUTO_TEST_SUITE(remote_replicas)

BOOST_AUTO_TEST_CASE(replicas_are_spread_over_the_nodes_and_serve_calls_wherever_they_are) {
  scripted_cluster w(3);
  auto spec = make_spec(3, 3);
  auto owner = w.grant(0, spec, 10);
  auto& me = w.caller();
  w.invoke(owner, me, spec, 3);
  for (std::size_t n = 0; n < 3; ++n) {
    BOOST_TEST_REQUIRE(w.at(n).interpreters.size() == 1u);
    BOOST_TEST_REQUIRE(w.interpreter(n).calls.size() == 1u);
    w.finish(w.interpreter(n), 0);
  }
  BOOST_TEST_REQUIRE(me.replies.size() == 3u);
  for (const auto& reply : me.replies)
    BOOST_TEST((reply.code == ec::none));
}

BOOST_AUTO_TEST_CASE(packed_replicas_stay_on_one_node_while_it_has_room) {
  scripted_cluster w(2);
  auto spec = sized(4, 4, gib);
  spec->reuse.placement = "pack";
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec, 4);
  BOOST_TEST(w.at(0).interpreters.size() == 3u);
  BOOST_TEST(w.at(1).interpreters.size() == 1u);
}

BOOST_AUTO_TEST_CASE(replicas_are_numbered_by_the_seat_of_the_node_that_ordered_them) {
  scripted_cluster w(2);
  auto spec = make_spec(2, 2);
  auto& me = w.caller();
  w.invoke(w.grant(1, spec, 10), me, spec, 2);
  std::vector<std::string> names{to_string(w.interpreter(0).order.id), to_string(w.interpreter(1).order.id)};
  std::sort(names.begin(), names.end());
  BOOST_TEST(names == (std::vector<std::string>{"2.1", "2.2"}));
}

BOOST_AUTO_TEST_CASE(the_journal_tells_where_a_replica_was_placed_and_why) {
  scripted_cluster w(2);
  auto spec = make_spec(2, 2);
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec, 2);
  const auto texts = w.events();
  const auto tells = [&](const std::string& what) {
    return std::any_of(texts.begin(), texts.end(), [&](auto& text) { return text.find(what) != std::string::npos; });
  };
  BOOST_TEST(tells("is placed on node n0: the environment has no replica on its owner's node yet (spread)"));
  BOOST_TEST(tells("is placed on node n1: the fewest replicas of the environment for its cores (spread)"));
}

BOOST_AUTO_TEST_CASE(calls_on_a_node_that_is_lost_run_again_elsewhere) {
  scripted_cluster w(2);
  auto spec = make_spec(2, 2);
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec, 2);
  BOOST_TEST_REQUIRE(w.interpreter(1).calls.size() == 1u);
  const auto lost = w.interpreter(1).calls[0].header.id;
  w.cut(0, 1);
  BOOST_TEST_REQUIRE(w.at(0).interpreters.size() == 2u);
  BOOST_TEST_REQUIRE(w.interpreter(0, 1).calls.size() == 1u);
  BOOST_TEST((w.interpreter(0, 1).calls[0].header.id == lost));
  BOOST_TEST(w.interpreter(0, 1).calls[0].attempt == 2u);
  w.finish(w.interpreter(0, 1), 0);
  BOOST_TEST_REQUIRE(me.replies.size() == 1u);
  BOOST_TEST((me.replies[0].code == ec::none));
}

BOOST_AUTO_TEST_CASE(a_call_that_may_not_run_twice_is_answered_so_when_its_node_is_lost) {
  scripted_cluster w(2);
  auto spec = make_spec(2, 2);
  spec->tasks[0].retries.lost = 0;
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec, 2);
  w.cut(0, 1);
  BOOST_TEST_REQUIRE(me.replies.size() == 1u);
  BOOST_TEST((me.replies[0].code == ec::maybe_executed));
  BOOST_TEST(w.at(0).interpreters.size() <= 2u);
  for (const auto& i : w.at(0).interpreters)
    for (const auto& c : i->calls)
      BOOST_TEST((c.header.id != me.replies[0].id));
}

BOOST_AUTO_TEST_CASE(a_replica_of_an_owner_that_is_gone_ends_when_nobody_claims_it) {
  scripted_cluster w(2);
  auto spec = make_spec(2, 2);
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec, 2);
  w.cut(0, 1);
  BOOST_TEST(!w.interpreter(1).halted);
  w.finish(w.interpreter(1), 0); // what it runs ends, and the caller hears it
  BOOST_TEST((me.replies.at(0).id == w.interpreter(1).calls[0].header.id));
  w.advance(defaults::orphan_time - 1s);
  BOOST_TEST(!w.interpreter(1).halted);
  w.advance(1s);
  BOOST_TEST(w.interpreter(1).halted);
}

BOOST_AUTO_TEST_CASE(an_order_waits_for_the_node_that_frees_room_first) {
  scripted_cluster w(2);
  auto large = sized(0, 3, 3 * gib);
  auto& me = w.caller();
  auto owner = w.grant(0, large, 10);
  w.invoke(owner, me, large, 3);
  BOOST_TEST_REQUIRE(w.at(0).interpreters.size() == 1u);
  BOOST_TEST_REQUIRE(w.at(1).interpreters.size() == 1u);
  auto rows = ask<node_row>(w, w.at(0).agent, atom::status::value);
  BOOST_TEST(std::get<0>(*rows.first).orders_waiting == 1u);
  interpreter::gone end{ec::interpreter_lost, "ended by signal 9 (SIGKILL)", {w.interpreter(1).calls.at(0).slot}};
  w.interpreter(1).halted = true;
  w.says(w.interpreter(1), std::move(end));
  w.advance(defaults::free_report_interval);
  BOOST_TEST(w.at(1).interpreters.size() == 2u);
  BOOST_TEST(w.at(0).interpreters.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_two_owners_order_at_once_from_a_node_with_room_for_one_goes_back_and_elsewhere) {
  scripted_cluster w(
    std::vector<node_resources>{{gib, 2000, false, {}}, {gib, 2000, false, {}}, {3 * gib, 2000, false, {}}});
  auto a = sized(0, 1, 2 * gib);
  auto b = sized(0, 1, 2 * gib);
  a->reuse.idle_ttl = b->reuse.idle_ttl = 30s;
  b->name = "other";
  auto& me = w.caller();
  auto owner_a = w.grant(0, a, 10);
  auto owner_b = w.grant(1, b, 11);
  std::vector<call> first(1);
  std::vector<call> second(1);
  for (auto* calls : {&first, &second}) {
    auto& c = calls->front();
    c.header.id = c.header.root = id(calls == &first ? 1 : 2);
    c.spec = calls == &first ? a : b;
    c.caller = c.output = me.handle;
  }
  caf::anon_send(owner_a, atom::invoke::value, std::move(first));
  caf::anon_send(owner_b, atom::invoke::value, std::move(second));
  w.run();
  BOOST_TEST_REQUIRE(w.at(2).interpreters.size() == 1u);
  w.finish(w.interpreter(2), 0);
  w.advance(defaults::start_retry_interval + defaults::free_report_interval);
  w.advance(60s); // the first one is idle for long enough to end
  w.advance(defaults::free_report_interval);
  w.advance(defaults::free_report_interval);
  BOOST_TEST_REQUIRE(w.at(2).interpreters.size() == 2u);
  w.finish(w.interpreter(2, 1), 0);
  BOOST_TEST(me.replies.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_replica_goes_where_the_gpus_are) {
  scripted_cluster w(std::vector<node_resources>{{gib, 2000, false, {}}, {gib, 2000, false, {0, 1}}});
  auto spec = sized(0, 3, 0, 1);
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec, 3);
  BOOST_TEST(w.at(0).interpreters.empty());
  BOOST_TEST_REQUIRE(w.at(1).interpreters.size() == 2u);
  BOOST_TEST(w.interpreter(1, 0).order.gpus == std::vector<std::uint32_t>{0});
  BOOST_TEST(w.interpreter(1, 1).order.gpus == std::vector<std::uint32_t>{1});
}

BOOST_AUTO_TEST_CASE(an_environment_that_no_node_could_hold_is_refused_and_one_that_another_could_is_not) {
  scripted_cluster w(std::vector<node_resources>{{gib, 2000, false, {}}, {4 * gib, 2000, false, {}}});
  BOOST_TEST(static_cast<bool>(w.grant(0, sized(0, 1, 3 * gib), 10)));
  auto huge = sized(0, 1, 5 * gib);
  huge->name = "huge";
  BOOST_TEST(!static_cast<bool>(w.grant(0, huge, 11)));
  BOOST_TEST((w.failed.code == ec::does_not_fit));
  BOOST_TEST(w.failed.message.find("No other node of the cluster has more.") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(code_is_fetched_once_before_the_first_replica_starts) {
  scripted_cluster w(2);
  w.at(1).bundles.clear();
  auto spec = make_spec(4, 4);
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec, 4);
  BOOST_TEST(w.at(1).interpreters.size() == 2u);
  BOOST_TEST_REQUIRE(w.at(1).asked.size() == 1u);
  BOOST_TEST((w.at(1).asked[0].first == w.at(0).id));
  BOOST_TEST(w.at(1).bundles.count("b") == 1u);
}

BOOST_AUTO_TEST_CASE(code_that_the_owner_does_not_have_comes_from_another_node) {
  scripted_cluster w(3);
  w.at(0).bundles.clear();
  w.at(1).bundles.clear();
  auto spec = make_spec(1, 1);
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec);
  BOOST_TEST(w.at(0).interpreters.size() == 1u);
  BOOST_TEST(w.at(0).bundles.count("b") == 1u);
}

BOOST_AUTO_TEST_CASE(code_that_no_node_has_is_named_to_the_caller) {
  scripted_cluster w(2);
  w.at(0).bundles.clear();
  w.at(1).bundles.clear();
  auto spec = make_spec(1, 1);
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec);
  BOOST_TEST_REQUIRE(me.replies.size() == 1u);
  BOOST_TEST((me.replies[0].code == ec::unknown_bundle));
}

BOOST_AUTO_TEST_CASE(a_node_that_drains_gets_no_replicas_and_those_that_it_has_end_when_they_are_idle) {
  scripted_cluster w(2);
  auto spec = make_spec(2, 2);
  auto& me = w.caller();
  auto owner = w.grant(0, spec, 10);
  w.invoke(owner, me, spec, 2);
  w.member(1, true);
  BOOST_TEST(!w.interpreter(1).halted); // it runs a call
  w.finish(w.interpreter(1), 0);
  BOOST_TEST(w.interpreter(1).halted);
  w.invoke(owner, me, spec);
  BOOST_TEST(w.at(1).interpreters.size() == 1u);
  BOOST_TEST(w.at(0).interpreters.size() == 2u);
  auto status = ask<node_row>(w, w.at(1).agent, atom::status::value);
  BOOST_TEST(std::get<0>(*status.first).state == "drained");
}

BOOST_AUTO_TEST_CASE(a_listing_tells_the_node_of_each_replica) {
  scripted_cluster w(2);
  auto spec = make_spec(2, 2);
  auto& me = w.caller();
  w.invoke(w.grant(0, spec, 10), me, spec, 2);
  auto rows = ask<std::vector<environment_row>, std::vector<replica_row>>(w, w.at(0).agent, atom::list::value);
  const auto& replicas = std::get<1>(*rows.first);
  BOOST_TEST_REQUIRE(replicas.size() == 2u);
  BOOST_TEST(replicas[0].node == "n0");
  BOOST_TEST(replicas[1].node == "n1");
}

BOOST_AUTO_TEST_SUITE_END()
