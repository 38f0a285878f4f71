#include "node/identity/join_ledger.hpp"
#include "node/link/join.hpp"
#include "node/link/join_desk.hpp"
#include "node/start_error.hpp"
#include "tests/support/link_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

using namespace hearth;
using namespace hearth::node;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(link_join, *boost::unit_test::timeout(240))

namespace {

using wall = std::chrono::system_clock;

/// A member that gives out tokens, and a machine (a thread) that wants to join.
struct joining : link_fixture {
  std::unique_ptr<link_node> member = make_node(1);
  join_ledger ledger;
  wall::time_point now = wall::now();
  std::vector<std::string> warnings;
  std::vector<join_request> asked;
  join_desk desk{loop,
                 {[this](std::string_view secret) { return std::string(sentence(ledger.look(secret, now))); },
                  [this](const std::string& secret, const join_request& request, const join_desk::reply& reply) {
                    asked.push_back(request);
                    const auto verdict = ledger.redeem(secret, now);
                    reply(verdict == join_verdict::good ? welcome(authority, request, file())
                                                        : join_answer{std::string(sentence(verdict)), {}, {}});
                  },
                  [this](std::string_view what) { warnings.emplace_back(what); }}};

  cluster_file file() const {
    return {authority.cluster(), "test", member->id, "first", member->address(), {member->id}, {}};
  }

  join_token give_out() {
    auto token = make_join_token(to_string(member->address()), authority.fingerprint());
    ledger.add({digest_of(token.secret), now + defaults::join_token_validity}, now);
    return token;
  }

  /// What the machine was told: empty when it has joined.
  std::string join(const join_token& token, std::uint64_t number = 2) {
    std::string refusal;
    std::atomic<bool> is_done = false;
    std::thread machine([&] {
      try {
        join_cluster(token, numbered(number), "second", {"127.0.0.1", 7777}, directory / "joined");
      } catch (const start_error& e) {
        refusal = e.what();
      }
      is_done = true;
      loop.post([] {});
    });
    const bool ended = run_until([&] {
      for (auto& guest : std::exchange(member->joining, {}))
        desk.receive(std::move(guest));
      return is_done.load();
    });
    machine.join();
    BOOST_REQUIRE(ended);
    return refusal;
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_machine_with_a_good_token_becomes_a_node_that_others_let_in, joining) {
  BOOST_TEST(join(give_out()) == "");
  const auto joined = read_cluster_file(directory / "joined");
  BOOST_REQUIRE(joined.has_value());
  BOOST_TEST((joined->cluster == authority.cluster()));
  BOOST_TEST((joined->node == numbered(2)));
  BOOST_TEST((joined->peers == std::vector<cluster_file::peer>{{member->id, "first", member->address()}}));
  BOOST_TEST(asked.size() == 1u);
  BOOST_TEST(asked.front().listen == "127.0.0.1:7777");
  link_node fresh(loop, read_credentials(directory / "joined", numbered(2)), authority.cluster(), numbered(2));
  introduce(*member, fresh);
  run_until_up(*member, fresh);
}

BOOST_FIXTURE_TEST_CASE(the_key_of_a_joining_machine_does_not_leave_it, joining) {
  BOOST_TEST(join(give_out()) == "");
  BOOST_TEST(asked.front().request.find("PRIVATE") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_token_that_was_not_given_out_is_refused_with_a_sentence, joining) {
  auto token = give_out();
  token.secret = random_bytes(32);
  BOOST_TEST(join(token).find("has not given out this join token") != std::string::npos);
  BOOST_TEST(asked.empty());
  BOOST_TEST(!std::filesystem::exists(directory / "joined"));
  BOOST_TEST(desk.visits() == 0u);
}

BOOST_FIXTURE_TEST_CASE(an_expired_token_is_refused_with_a_sentence, joining) {
  const auto token = give_out();
  now += defaults::join_token_validity;
  BOOST_TEST(join(token).find("has expired") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_token_serves_once, joining) {
  const auto token = give_out();
  BOOST_TEST(join(token) == "");
  BOOST_TEST(join(token, 3).find("has been used already") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_machine_gives_its_token_to_no_cluster_but_the_one_it_is_for, joining) {
  auto token = give_out();
  token.fingerprint[0] = static_cast<char>(token.fingerprint[0] ^ 1);
  BOOST_TEST(join(token).find("is not the cluster that the token names") != std::string::npos);
  BOOST_TEST(member->joining.empty());
  BOOST_TEST(asked.empty());
}

BOOST_FIXTURE_TEST_CASE(a_member_that_is_not_there_is_named, joining) {
  auto token = give_out();
  token.address = "127.0.0.1:1";
  BOOST_TEST(join(token).find("the node at 127.0.0.1:1 cannot be reached") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_request_without_a_name_is_refused_before_anything_is_signed, joining) {
  const auto answer = welcome(authority, {make_key_request(numbered(2)).request, "", "h:1"}, file());
  BOOST_TEST(answer.refusal.find("needs a name") != std::string::npos);
  BOOST_TEST(answer.certificate.empty());
  BOOST_TEST(!welcome(authority, {"nonsense", "n", "h:1"}, file()).refusal.empty());
  BOOST_TEST(!welcome(authority, {make_key_request(numbered(2)).request, "n", "nowhere"}, file()).refusal.empty());
}

BOOST_AUTO_TEST_SUITE_END()
