#include "node/control/registrar.hpp"

#include "core/client_token.hpp"
#include "core/defaults.hpp"
#include "node/identity/files.hpp"
#include "node/identity/join_token.hpp"
#include "node/identity/prepare.hpp"
#include "node/store/digest.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;

namespace {

using wall = std::chrono::system_clock;

/// A member whose control log says yes, or `refusal`.
struct control_registrar_fixture : test::loop_fixture {
  test::scratch home;
  cluster_file file = prepare_cluster("lab", {{home / "state", "alpha", link_address{"127.0.0.1", 7400}}}, 1).front();
  std::filesystem::path directory = cluster_directory(home / "state");
  std::shared_ptr<register_of_joins> joins = std::make_shared<register_of_joins>(directory, file);
  writer disk{1 * defaults::mib};
  std::vector<cluster::command> proposed;
  cluster::outcome decision;
  std::vector<member_row> members;
  wall::time_point now{std::chrono::seconds{1'800'000'000}};
  control_actor control = spawn_control();
  registrar_door door = spawn_registrar();

  ~control_registrar_fixture() {
    std::vector<caf::actor> roots{caf::actor_cast<caf::actor>(door), caf::actor_cast<caf::actor>(control)};
    door = registrar_door{};
    control = control_actor{};
    BOOST_CHECK_EQUAL(loop.stop(roots, deadline()), 0u);
  }

  control_actor spawn_control() {
    return loop.system().spawn([this](control_actor::pointer) -> control_actor::behavior_type {
      return {
        [this](atom::propose, const cluster::command& command) {
          proposed.push_back(command);
          return decision;
        },
        [](atom::read) { return cluster::outcome{}; },
        [](atom::own, const std::string&) { return ownership{}; },
        [](atom::find, const std::string&, const std::string&) { return bytes{}; },
        [this](atom::list) { return members; },
        [](atom::token) { return std::vector<cluster::token_record>{}; },
        [](atom::status) { return hearth::control::standing{}; },
        [](atom::watch, const control_watcher&) { /* nothing changes here */ },
      };
    });
  }

  registrar_door spawn_registrar() {
    registrar_config config;
    config.joins = joins;
    config.control = control;
    config.disk = &disk;
    config.back_up = [](const std::filesystem::path& target) { test::write_file(target, "copy"); };
    config.now = [this] { return now; };
    config.authority = std::string(32, 'f');
    return loop.system().spawn(registrar, config);
  }

  template <class... Ts>
  std::variant<std::monostate, std::string, failure> ask(Ts... what) {
    auto answer = std::make_shared<std::variant<std::monostate, std::string, failure>>();
    loop.system().spawn([=, whom = door](caf::event_based_actor* self) {
      self->request(whom, 50s, what...)
        .then([=](std::string& result) { *answer = std::move(result); },
              [=](const caf::error& error) { *answer = failure_of(error); });
    });
    BOOST_REQUIRE(run_until([&] { return answer->index() != 0; }));
    return *answer;
  }

  join_token token(std::chrono::milliseconds valid = 15min) {
    const auto parsed = parse_join_token(std::get<std::string>(ask(atom::token::value, valid)));
    BOOST_REQUIRE(parsed.has_value());
    return *parsed;
  }

  join_answer arrive(const std::string& secret, node_uuid node = {5, 5}) {
    auto answer = std::make_shared<std::optional<join_answer>>();
    const join_request request{make_key_request(node).request, "beta", "127.0.0.1:7401"};
    caf::anon_send(door, atom::open::value,
                   registrar_messages::newcomer{secret, request, [answer](join_answer a) { *answer = std::move(a); }});
    BOOST_REQUIRE(run_until([&] { return answer->has_value(); }));
    return **answer;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(control_registrar, control_registrar_fixture)

BOOST_AUTO_TEST_CASE(who_brings_a_token_is_admitted_by_the_control_log_and_gets_a_certificate) {
  const auto brought = token();
  BOOST_CHECK_EQUAL(brought.address, "127.0.0.1:7400");
  const auto answer = arrive(brought.secret);
  BOOST_CHECK_EQUAL(answer.refusal, "");
  BOOST_REQUIRE_EQUAL(proposed.size(), 1u);
  BOOST_CHECK(
    (std::get<cluster::admit_node>(proposed.front()) == cluster::admit_node{{5, 5}, "beta", "127.0.0.1:7401"}));
  const auto given = cluster_file_from_toml(answer.cluster);
  BOOST_CHECK((given.cluster == file.cluster && given.node == node_uuid{5, 5}));
  BOOST_CHECK_EQUAL(given.peers.front().name, "alpha");
}

BOOST_AUTO_TEST_CASE(who_is_admitted_hears_where_all_members_are) {
  const auto add = [this](node_uuid node, const char* name, const char* address) {
    auto& row = members.emplace_back();
    row.node = node;
    row.name = name;
    row.address = address;
  };
  add({5, 5}, "beta", "127.0.0.1:7401");
  add(file.node, "alpha", "127.0.0.1:7400");
  add({6, 6}, "gamma", "127.0.0.1:7402");
  add({7, 7}, "delta", "127.0.0.1:7403");
  members.back().is_removed = true;
  const auto given = cluster_file_from_toml(arrive(token().secret).cluster);
  BOOST_REQUIRE_EQUAL(given.peers.size(), 2u);
  for (const auto& [name, port] : {std::pair("alpha", 7400), std::pair("gamma", 7402)})
    BOOST_CHECK(std::any_of(given.peers.begin(), given.peers.end(), [&, name = name, port = port](const auto& peer) {
      return peer.name == name && peer.address.port == port;
    }));
}

BOOST_AUTO_TEST_CASE(a_token_serves_once_also_after_the_member_has_started_again) {
  const auto brought = token();
  const register_of_joins before(directory, file); // what a member reads that starts now
  BOOST_CHECK_EQUAL(before.check(brought.secret, now), "");
  BOOST_CHECK_EQUAL(arrive(brought.secret).refusal, "");
  BOOST_CHECK(arrive(brought.secret).refusal.find("used already") != std::string::npos);
  const register_of_joins after(directory, file);
  BOOST_CHECK(after.check(brought.secret, now).find("used already") != std::string::npos);
  BOOST_CHECK_EQUAL(proposed.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_token_ends_when_it_was_to_end) {
  const auto brought = token(1h);
  now += 61min;
  BOOST_CHECK(arrive(brought.secret).refusal.find("expired") != std::string::npos);
  BOOST_CHECK(proposed.empty());
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_control_log_reaches_who_wants_to_join) {
  decision = {ec::not_a_member, "Node beta was removed from this cluster for good.", {}, {}, {}};
  const auto answer = arrive(token().secret);
  BOOST_CHECK_EQUAL(answer.refusal, "Node beta was removed from this cluster for good.");
  BOOST_CHECK(answer.certificate.empty());
}

BOOST_AUTO_TEST_CASE(a_member_without_the_authority_gives_out_no_tokens) {
  std::filesystem::remove(directory / "ca.key");
  *joins = register_of_joins(directory, file);
  const auto why = std::get<failure>(ask(atom::token::value, std::chrono::milliseconds(15min)));
  BOOST_CHECK(why.code == ec::not_permitted);
  BOOST_CHECK(why.message.find("ca.key") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_token_is_not_for_longer_than_a_week) {
  BOOST_CHECK(std::get<failure>(ask(atom::token::value, std::chrono::milliseconds(169h))).code == ec::bad_request);
}

BOOST_AUTO_TEST_CASE(a_token_for_clients_pins_the_authority_and_only_its_digest_reaches_the_control_log) {
  const auto text = std::get<std::string>(ask(atom::token::value, wanted_token{"laptop", {"invoke", "read"}, 24h}));
  const auto token = parse_client_token(text);
  BOOST_REQUIRE(token.has_value());
  BOOST_CHECK_EQUAL(token->authority, std::string(32, 'f'));
  BOOST_REQUIRE_EQUAL(proposed.size(), 1u);
  const auto& put = std::get<cluster::put_token>(proposed.front());
  BOOST_CHECK_EQUAL(put.name, "laptop");
  BOOST_CHECK_EQUAL(put.digest, sha256_of(token->secret));
  BOOST_CHECK((put.scopes == std::vector<std::string>{"invoke", "read"}));
  BOOST_CHECK_EQUAL(put.expires_unix_ms, 1'800'086'400'000u);
}

BOOST_AUTO_TEST_CASE(tokens_for_clients_differ_may_have_no_end_and_get_a_name) {
  const auto one = std::get<std::string>(ask(atom::token::value, wanted_token{"", {"read"}, {}}));
  const auto other = std::get<std::string>(ask(atom::token::value, wanted_token{"", {"read"}, {}}));
  BOOST_CHECK_NE(one, other);
  const auto& put = std::get<cluster::put_token>(proposed.front());
  BOOST_CHECK(put.name.starts_with("token-"));
  BOOST_CHECK_NE(put.name, std::get<cluster::put_token>(proposed.back()).name);
  BOOST_CHECK_EQUAL(put.expires_unix_ms, 0u);
}

BOOST_AUTO_TEST_CASE(a_token_for_clients_that_makes_no_sense_is_refused) {
  for (const auto& wrong : {wanted_token{"laptop", {}, 1h}, wanted_token{"laptop", {"read", "all"}, 1h},
                            wanted_token{"lap top", {"read"}, 1h}, wanted_token{std::string(64, 'x'), {"read"}, 1h},
                            wanted_token{"laptop", {"read"}, 0ms}, wanted_token{"laptop", {"read"}, 24h * 366 * 11}})
    BOOST_CHECK(std::get<failure>(ask(atom::token::value, wrong)).code == ec::bad_request);
  BOOST_CHECK(proposed.empty());
}

BOOST_AUTO_TEST_CASE(a_token_that_the_control_log_refuses_is_not_shown) {
  decision = {ec::name_taken, "There is a token called laptop already; revoke it first.", {}, {}, {}};
  const auto why = std::get<failure>(ask(atom::token::value, wanted_token{"laptop", {"read"}, 1h}));
  BOOST_CHECK(why.code == ec::name_taken);
  BOOST_CHECK_EQUAL(why.message, decision.message);
}

BOOST_AUTO_TEST_CASE(the_control_log_is_copied_where_it_was_asked_to) {
  const auto target = (home / "backup").string();
  BOOST_CHECK(std::get<std::string>(ask(atom::backup::value, target)).find(target) != std::string::npos);
  BOOST_CHECK_EQUAL(test::content_of(target), "copy");
}

BOOST_AUTO_TEST_SUITE_END()
