#include "actors/session.hpp"
#include "core/defaults.hpp"
#include "tests/support/scripted_control.hpp"
#include "tests/support/scripted_switchboard.hpp"
#include "tests/support/session_answer.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::test;

namespace {

constexpr node_uuid second{2, 2}, third{3, 3};

struct session_cluster_fixture : scripted_world {
  std::shared_ptr<scripted_log> log = std::make_shared<scripted_log>();
  scripted_control control{sys, log};
  std::vector<std::string> copied;

  session_cluster_fixture() {
    control.start(1);
    for (const auto& [node, name] : {std::pair{second, "second"}, std::pair{third, "third"}}) {
      log->commit(cluster::admit_node{node, name});
      log->commit(cluster::take_seat{node, 1, "127.0.0.1:1", {}, 0, 1});
    }
    control.catch_up();
    cluster.name = "lab";
    cluster.id = {9, 9};
    cluster.self = this_node;
    cluster.control = control.actor;
    cluster.registrar = sys.spawn([this](registrar_actor::pointer) -> registrar_actor::behavior_type {
      return {[](atom::token, milliseconds valid) { return "token for " + std::to_string(valid.count()); },
              [](atom::token, const wanted_token& wanted) {
                return wanted.name + " for " + (wanted.valid ? std::to_string(wanted.valid->count()) : "ever");
              },
              [this](atom::backup, const std::string& target) {
                copied.push_back(target);
                return "copied to " + target;
              }};
    });
    run();
  }

  std::string answer(client::event what) { return answer_of(*this, std::move(what)); }

  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(session_cluster_requests, session_cluster_fixture)

BOOST_AUTO_TEST_CASE(the_members_are_told_with_their_seats_and_this_nodes_standing) {
  auto& client = connect();
  say(client, client::ask_cluster{5});
  run();
  const auto states = client.all<client::cluster_state>();
  BOOST_REQUIRE_EQUAL(states.size(), 1u);
  BOOST_CHECK_EQUAL(states.front().name, "lab");
  BOOST_CHECK(states.front().standing.holds);
  BOOST_REQUIRE_EQUAL(states.front().members.size(), 3u);
  for (const auto& member : states.front().members)
    BOOST_CHECK(member.seat);
  control.lose_lease();
  say(client, client::ask_cluster{6});
  run();
  BOOST_CHECK(!client.all<client::cluster_state>().back().standing.holds);
  BOOST_CHECK_EQUAL(client.all<client::cluster_state>().back().standing.why_not, "Too few voters are reached.");
}

BOOST_AUTO_TEST_CASE(a_node_without_a_cluster_says_so_to_every_request) {
  cluster = {};
  for (client::event what : std::vector<client::event>{
         client::ask_cluster{5}, client::remove_node{5, "x"}, client::drain_node{5, "x", true},
         client::set_voters{5, {"x"}}, client::make_join_token{5, {}},
         client::make_client_token{5, "x", {"read"}, {}, false}, client::revoke_client_token{5, "x"},
         client::get{5, "tokens", "", 0}, client::back_up{5, "/x"}, client::admit_node{5, to_string(third), "x"},
         client::ping_node{5, "x", 1}})
    BOOST_CHECK(has(answer(std::move(what)), "not_a_member: This node belongs to no cluster"));
}

BOOST_AUTO_TEST_CASE(a_node_is_drained_by_name_or_id_and_comes_back) {
  BOOST_CHECK(has(answer(client::drain_node{5, "second", true}), "Node second takes no new work"));
  BOOST_CHECK(log->state.find_member(second)->draining);
  BOOST_CHECK(has(answer(client::drain_node{5, to_string(second), false}), "Node second takes work again"));
  BOOST_CHECK(!log->state.find_member(second)->draining);
}

BOOST_AUTO_TEST_CASE(the_echoes_of_a_node_are_told_by_their_share) {
  switchboard = sys.spawn([](switchboard_actor::pointer) {
    return scripted_switchboard([](node_uuid, const link::ask&) { return link::answer{}; },
                                [](node_uuid, const link::messages&) {},
                                [](node_uuid node, std::uint32_t count) {
                                  BOOST_CHECK(node == second);
                                  std::vector<std::uint64_t> times(count);
                                  std::iota(times.rbegin(), times.rend(), 1);
                                  return times;
                                });
  });
  auto& client = connect();
  say(client, client::ping_node{5, "second", 100});
  run();
  const auto told = client.all<client::echoes>();
  BOOST_REQUIRE_EQUAL(told.size(), 1u);
  BOOST_CHECK_EQUAL(told[0].node, "second");
  BOOST_CHECK_EQUAL(told[0].count, 100u);
  BOOST_CHECK_EQUAL(told[0].min.count(), 1);
  BOOST_CHECK_EQUAL(told[0].p50.count(), 51);
  BOOST_CHECK_EQUAL(told[0].p99.count(), 100);
  BOOST_CHECK_EQUAL(told[0].max.count(), 100);
  caf::anon_send_exit(switchboard, caf::exit_reason::kill);
  run();
}

BOOST_AUTO_TEST_CASE(the_node_that_was_asked_and_no_or_too_many_frames_are_refused) {
  BOOST_CHECK(has(answer(client::ping_node{5, "node", 1}), "Node node is the one that was asked"));
  BOOST_CHECK(has(answer(client::ping_node{5, "second", 0}), "not 0"));
  BOOST_CHECK(has(answer(client::ping_node{5, "second", defaults::pings_max + 1}), "Between 1 and 10000 frames"));
}

BOOST_AUTO_TEST_CASE(a_node_that_nobody_knows_is_refused_with_the_names_of_those_that_are) {
  for (client::event what : std::vector<client::event>{
         client::drain_node{5, "fourth", true}, client::remove_node{5, "fourth"}, client::ping_node{5, "fourth", 1},
         client::set_voters{5, {"node", "second", "fourth"}}})
    BOOST_CHECK(has(answer(std::move(what)), "There is no node `fourth` in cluster lab; its nodes are "));
}

BOOST_AUTO_TEST_CASE(two_voters_are_refused_with_the_reason_and_so_are_four_and_one_that_is_away) {
  BOOST_CHECK(has(answer(client::set_voters{5, {"node", "second"}}), "bad_request: Two voters are refused"));
  BOOST_CHECK(has(answer(client::set_voters{5, {"node", "second", "second"}}), "Two voters are refused"));
  log->commit(cluster::admit_node{{4, 4}, "fourth"});
  control.catch_up();
  run();
  BOOST_CHECK(has(answer(client::set_voters{5, {"node", "second", "third", "fourth"}}), "not 4"));
  BOOST_CHECK(has(answer(client::set_voters{5, {"node", "second", "fourth"}}), "Node fourth is not there"));
  BOOST_CHECK_EQUAL(log->state.image().voters.size(), 1u);
}

BOOST_AUTO_TEST_CASE(three_voters_are_set) {
  BOOST_CHECK(has(answer(client::set_voters{5, {"node", "second", "third"}}), "The voters are "));
  BOOST_CHECK_EQUAL(log->state.image().voters.size(), 3u);
}

BOOST_AUTO_TEST_CASE(a_voter_is_not_removed_and_another_node_is) {
  BOOST_CHECK(has(answer(client::remove_node{5, "node"}), "is a voter"));
  BOOST_CHECK(has(answer(client::remove_node{5, "third"}), "Node third is removed"));
  BOOST_CHECK(log->state.find_member(third)->removed);
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_control_log_reaches_the_operator) {
  log->is_cut = true;
  BOOST_CHECK(has(answer(client::drain_node{5, "second", true}), "no_quorum: Too few voters are reached."));
}

BOOST_AUTO_TEST_CASE(tokens_and_backups_are_the_registrars) {
  BOOST_CHECK_EQUAL(answer(client::make_join_token{5, {}}),
                    "token for " + std::to_string(milliseconds(defaults::join_token_validity).count()));
  BOOST_CHECK_EQUAL(answer(client::make_join_token{5, milliseconds{5}}), "token for 5");
  BOOST_CHECK_EQUAL(answer(client::back_up{5, "/tmp/copy"}), "copied to /tmp/copy");
  BOOST_CHECK(has(answer(client::back_up{5, "copy"}), "bad_request: A backup goes to an absolute path"));
  BOOST_CHECK((copied == std::vector<std::string>{"/tmp/copy"}));
}

BOOST_AUTO_TEST_CASE(a_token_for_clients_ends_after_the_time_that_is_said_the_usual_one_or_never) {
  const auto usual = std::to_string(milliseconds(defaults::client_token_validity).count());
  BOOST_CHECK_EQUAL(answer(client::make_client_token{5, "a", {"read"}, {}, false}), "a for " + usual);
  BOOST_CHECK_EQUAL(answer(client::make_client_token{5, "b", {"read"}, milliseconds{5}, false}), "b for 5");
  BOOST_CHECK_EQUAL(answer(client::make_client_token{5, "c", {"read"}, {}, true}), "c for ever");
}

BOOST_AUTO_TEST_CASE(tokens_are_listed_and_revoked_by_name) {
  log->commit(cluster::put_token{"laptop", "d1", {"read"}, 5});
  log->commit(cluster::put_token{"robot", "d2", {"invoke"}, 0});
  control.catch_up();
  auto& client = connect();
  say(client, client::get{5, "tokens", "", 0});
  run();
  const auto listed = client.all<client::rows<cluster::token_record>>();
  BOOST_REQUIRE_EQUAL(listed.size(), 1u);
  BOOST_REQUIRE_EQUAL(listed.front().items.size(), 2u);
  BOOST_CHECK_EQUAL(listed.front().items.front().name, "laptop");
  BOOST_CHECK(has(answer(client::revoke_client_token{6, "laptop"}), "Token laptop is revoked"));
  BOOST_CHECK(log->state.find_token("d1") == nullptr);
  BOOST_CHECK(has(answer(client::revoke_client_token{7, "laptop"}), "There is no token `laptop` in cluster lab"));
}

BOOST_AUTO_TEST_CASE(a_remote_client_is_refused_what_its_token_has_no_scope_for) {
  rights = {"laptop", {scope::read}};
  BOOST_CHECK(has(answer(client::drain_node{5, "second", true}), "not_permitted: Token laptop has no scope `admin`"));
  BOOST_CHECK(!log->state.find_member(second)->draining);
  auto& client = connect();
  client::invoke call;
  call.header.id = {7, 7};
  say(client, std::move(call));
  run();
  const auto replies = client.all<call_reply>();
  BOOST_REQUIRE_EQUAL(replies.size(), 1u);
  BOOST_CHECK(replies.front().code == ec::not_permitted);
  BOOST_CHECK((replies.front().id == call_id{7, 7}));
  rights = {"laptop", {scope::admin}};
  BOOST_CHECK(has(answer(client::drain_node{5, "second", true}), "takes no new work"));
}

BOOST_AUTO_TEST_CASE(a_token_that_only_invokes_opens_what_the_cluster_has_to_the_last_detail_and_nothing_else) {
  auto known = make_spec(1, 1);
  known->version = "123";
  log->commit(cluster::put_spec{known->key(), known->version, bytes::copy_of("spec"), false});
  control.catch_up();
  auto other = std::make_shared<environment_spec>(*known);
  other->version = "124";
  rights = {"robot", {scope::invoke}};
  auto& client = connect();
  say(client, client::put_bundle{4, "digest", 10});
  say(client, client::open_environment{5, known, false});
  say(client, client::open_environment{6, other, false});
  say(client, client::open_environment{7, known, true});
  run();
  const auto bundles = client.all<client::bundle_state>();
  BOOST_REQUIRE_EQUAL(bundles.size(), 1u);
  BOOST_CHECK(bundles.front().stored); // nothing is wanted of it
  std::vector<std::uint32_t> refused;
  for (const auto& refusal : client.all<client::refused>()) {
    BOOST_CHECK_MESSAGE(refusal.why.code == ec::not_permitted, refusal.why.message);
    refused.push_back(refusal.request);
  }
  const auto opened = client.all<opened_handle>();
  BOOST_REQUIRE_EQUAL(opened.size(), 1u);
  BOOST_CHECK_EQUAL(opened.front().version, "123");
  std::sort(refused.begin(), refused.end());
  BOOST_CHECK((refused == std::vector<std::uint32_t>{6, 7}));
}

BOOST_AUTO_TEST_CASE(what_is_deployed_is_kept_by_the_cluster_and_not_opened_when_it_cannot_be) {
  auto spec = make_spec(1, 1);
  spec->version = "123";
  auto& client = connect();
  say(client, client::open_environment{5, spec, true});
  run();
  const auto* kept = log->state.find_environment(spec->key());
  BOOST_REQUIRE(kept != nullptr);
  BOOST_CHECK_EQUAL(kept->deployed, "123");
  BOOST_CHECK_EQUAL(client.all<opened_handle>().size(), 1u);
  log->is_cut = true;
  say(client, client::open_environment{6, spec, true});
  run();
  BOOST_CHECK_EQUAL(client.all<opened_handle>().size(), 1u);
  BOOST_REQUIRE_EQUAL(client.all<client::refused>().size(), 1u);
  BOOST_CHECK(client.all<client::refused>().front().why.code == ec::no_quorum);
}

BOOST_AUTO_TEST_SUITE_END()
