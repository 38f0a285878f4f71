#include "node/gateway/client_desk.hpp"
#include "node/gateway/connection.hpp"
#include "node/store/digest.hpp"
#include "node/wire/frame.hpp"
#include "tests/support/connection_fixture.hpp"
#include "tests/support/stranger.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;
using hearth::test::link_fixture;
using hearth::test::numbered;

BOOST_AUTO_TEST_SUITE(gateway_client_desk, *boost::unit_test::timeout(240))

namespace {

using wall = std::chrono::system_clock;

/// A client on another machine, by hand: it does not block, and says what it is told.
class remote_client {
public:
  remote_client(std::uint16_t port, const std::string& fingerprint)
    : socket_(test::raw_connection(port)),
      tls_(tls_context::pinned_to(fingerprint), socket_.get(), tls_channel::side::dialing) {
    test::raw_send(socket_, std::string(1, static_cast<char>(link_kind::client)));
  }

  bool shake_hands() {
    const auto step = tls_.shake_hands();
    BOOST_REQUIRE_MESSAGE(step != tls_channel::step::failed, tls_.fault());
    return step == tls_channel::step::done;
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      const iovec part{const_cast<char*>(text.data()), text.size()};
      const auto n = tls_.send({&part, 1});
      if (n <= 0)
        return; // the node has closed, or reads no more
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  /// Takes in what is there; false at the end of the connection.
  bool receive() {
    std::string buffer(64 * defaults::kib, 0);
    for (;;) {
      const iovec part{buffer.data(), buffer.size()};
      const auto n = tls_.receive({&part, 1}, true);
      if (n > 0)
        received_.append(buffer, 0, static_cast<std::size_t>(n));
      else
        return !(is_over_ = n == 0 || errno != EAGAIN);
    }
  }

  /// The bodies of the Control frames that have come.
  std::vector<std::string> said() {
    std::vector<std::string> bodies;
    for (std::string_view rest = received_; rest.size() >= wire::prefix_bytes;) {
      const auto size = wire::frame_size(rest.data());
      BOOST_REQUIRE(size.has_value());
      if (rest.size() < *size)
        break;
      wire::control frame;
      BOOST_REQUIRE(wire::parse(rest.substr(0, *size), frame));
      BOOST_TEST(frame.request == 0u);
      bodies.emplace_back(frame.body);
      rest.remove_prefix(*size);
    }
    return bodies;
  }

  bool is_over() const { return is_over_; }

private:
  kj::AutoCloseFd socket_;
  tls_channel tls_;
  std::string received_;
  bool is_over_ = false;
};

/// A node reduced to its gate and the desk behind it.
struct desk_fixture : link_fixture {
  std::vector<cluster::token_record> tokens;
  wall::time_point now{std::chrono::seconds{1'800'000'000}};
  std::vector<std::string> warnings;
  std::vector<client_rights> let_in;
  std::shared_ptr<test::heard_t> heard = std::make_shared<test::heard_t>();
  std::vector<connection_actor> connections; // a real session would hold its own
  client_desk desk{loop, desk_config()};
  kj::AutoCloseFd socket = listen_at({"127.0.0.1", 0});
  std::size_t guests_max = 2;
  link_gate gate{loop, socket.get(), gate_config()};
  std::vector<std::unique_ptr<remote_client>> clients;

  desk_fixture() {
    desk.learn(control::standing{true, {7}, {}});
    give("laptop", "secret", {"invoke", "read"});
  }

  ~desk_fixture() {
    clients.clear();
    run_until([this] { return desk.clients() == 0; });
    run_until([this] { return heard->gone == static_cast<int>(let_in.size()); });
    BOOST_CHECK_EQUAL(heard->gone, static_cast<int>(let_in.size())); // each exactly once
    connections.clear();
    BOOST_CHECK_EQUAL(loop.stop({}, deadline()), 0u);
  }

  void give(const std::string& name, const std::string& secret, std::vector<std::string> scopes,
            std::optional<wall::time_point> end = {}) {
    const auto unix_ms = [](wall::time_point at) {
      return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count());
    };
    tokens.push_back({name, sha256_of(secret), std::move(scopes), end ? unix_ms(*end) : 0});
    tell();
  }

  void tell() {
    desk.learn(control::tokens_changed{std::make_shared<const std::vector<cluster::token_record>>(tokens)});
  }

  /// Somebody whose TLS handshake is done.
  remote_client& arrive() {
    clients.push_back(std::make_unique<remote_client>(port_of(socket.get()), authority.fingerprint()));
    auto& client = *clients.back();
    BOOST_REQUIRE(run_until([&] { return client.shake_hands(); }));
    return client;
  }

  remote_client& arrive_with(const std::string& secret) {
    auto& client = arrive();
    client.send(link_frame(secret));
    BOOST_REQUIRE(run_until([&] { return !client.receive() || !client.said().empty(); }));
    return client;
  }

  /// The one sentence with which the client was refused, after which there was nothing.
  std::string refusal(remote_client& client) {
    BOOST_REQUIRE(run_until([&] { return !client.receive(); }));
    const auto said = client.said();
    BOOST_REQUIRE_EQUAL(said.size(), 1u);
    return said.front();
  }

  bool was_warned_of(std::string_view what) const {
    return std::any_of(warnings.begin(), warnings.end(),
                       [&](const auto& warning) { return warning.find(what) != std::string::npos; });
  }

  static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

  client_desk::config desk_config() {
    client_desk::config config;
    config.now = [this] { return now; };
    config.warn = [this](std::string_view what) { warnings.emplace_back(what); };
    config.serve = [this](arrived connection, client_rights rights) {
      let_in.push_back(std::move(rights));
      connection_config serves;
      serves.loop = &loop;
      serves.is_remote = true;
      serves.peer = "client laptop";
      serves.default_python = "/usr/bin/python3";
      serves.unread_bytes_max = 8 * defaults::mib;
      serves.unread_log_bytes_max = 2 * defaults::mib;
      serves.close_grace = 5s;
      serves.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(connection.socket));
      serves.channel = std::make_shared<std::unique_ptr<byte_channel>>(std::move(connection.tls));
      serves.place = std::move(connection.place);
      serves.make_session = [heard = heard](connection_actor::pointer self) {
        return self->spawn(test::scripted, heard);
      };
      connections.push_back(loop.system().spawn([serves](connection_actor::stateful_pointer<connection_state> self) {
        return self->state.make_behavior(self, serves);
      }));
      return connections.back();
    };
    return config;
  }

  link_gate::config gate_config() {
    const auto own = credentials_of(1);
    link_gate::config config;
    config.contexts = {tls_context::of_member_accepting(own), tls_context::for_guests(own)};
    config.cluster = authority.cluster();
    config.is_member = [](node_uuid) { return false; };
    config.on_client = [this](arrived connection) { desk.receive(std::move(connection)); };
    config.warn = [this](std::string_view what) { warnings.emplace_back(what); };
    config.guests_max = guests_max;
    return config;
  }
};

std::string hello() {
  std::string out;
  wire::control frame;
  frame.request = 1;
  const std::string body = R"({"hello": {"protocol": 1, "program": "x", "pid": 1, "version": "0"}})";
  frame.body = body;
  wire::encode(frame, out);
  return out;
}

std::string random_text(std::size_t size, unsigned seed) {
  std::minstd_rand random(seed);
  std::string text(size, 0);
  for (auto& c : text)
    c = static_cast<char>(random());
  return text;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_token_lets_in_with_the_scopes_that_it_has, desk_fixture) {
  auto& client = arrive_with("secret");
  BOOST_TEST(client.said().front() == R"x({"done":{"detail":"laptop (invoke, read)","count":"0"}})x");
  BOOST_REQUIRE_EQUAL(let_in.size(), 1u);
  BOOST_TEST(let_in.front().principal == "laptop");
  BOOST_TEST((let_in.front().scopes == scope_set{scope::invoke, scope::read}));
  client.send(hello());
  BOOST_REQUIRE(run_until([&] { return heard->events.size() == 1; }));
  BOOST_TEST(desk.clients() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_wrong_token_is_refused_with_a_sentence_and_nothing_after_it_is_read, desk_fixture) {
  auto& client = arrive();
  client.send(link_frame("Secret") + hello());
  const auto said = refusal(client);
  BOOST_TEST(has(said, R"("name":"unauthenticated")"));
  BOOST_TEST(has(said, "does not know this token"));
  BOOST_TEST(let_in.empty());
  BOOST_TEST(was_warned_of("127.0.0.1 was refused"));
}

BOOST_FIXTURE_TEST_CASE(an_expired_token_is_refused_by_its_name, desk_fixture) {
  give("old", "past", {"read"}, now);
  BOOST_TEST(has(refusal(arrive_with("past")), "Token old has expired"));
  BOOST_TEST(let_in.empty());
}

BOOST_FIXTURE_TEST_CASE(a_revoked_token_is_refused, desk_fixture) {
  tokens.clear();
  tell();
  BOOST_TEST(has(refusal(arrive_with("secret")), "unauthenticated"));
}

BOOST_FIXTURE_TEST_CASE(a_node_that_may_not_act_for_its_cluster_judges_nobody, desk_fixture) {
  desk.learn(control::standing{false, {}, "Too few voters are reached."});
  const auto said = refusal(arrive_with("secret"));
  BOOST_TEST(has(said, "no_quorum"));
  BOOST_TEST(has(said, "Too few voters are reached."));
}

BOOST_FIXTURE_TEST_CASE(who_is_in_is_put_out_with_a_sentence_when_its_token_is_revoked, desk_fixture) {
  give("other", "another", {"read"});
  auto& client = arrive_with("secret");
  auto& other = arrive_with("another");
  client.send(hello());
  BOOST_REQUIRE(run_until([&] { return heard->events.size() == 1; }));
  tokens.erase(tokens.begin());
  tell();
  for (int i = 0; i < 500; ++i) // on their way when it is put out: they take no sentence back
    client.send(hello());
  BOOST_REQUIRE(run_until([&] { return !client.receive(); }));
  BOOST_REQUIRE_EQUAL(client.said().size(), 2u);
  BOOST_TEST(has(client.said().back(), "Your token was revoked"));
  clients.erase(clients.begin());
  BOOST_REQUIRE(run_until([&] { return heard->gone == 1; }));
  BOOST_TEST(other.receive());
  BOOST_TEST(desk.clients() == 1u);
}

BOOST_FIXTURE_TEST_CASE(who_is_in_is_put_out_when_its_token_ends, desk_fixture) {
  give("short", "brief", {"read"}, now + 20ms);
  auto& client = arrive_with("brief");
  BOOST_REQUIRE_EQUAL(let_in.size(), 1u);
  now += 20ms;
  BOOST_REQUIRE(run_until([&] { return !client.receive(); }));
  BOOST_TEST(has(client.said().back(), "Token short has expired"));
}

BOOST_FIXTURE_TEST_CASE(beyond_the_limit_clients_hear_why_and_a_place_that_is_free_again_is_given, desk_fixture) {
  arrive_with("secret");
  arrive_with("secret");
  BOOST_TEST(has(refusal(arrive_with("secret")), "queue_full"));
  clients.erase(clients.begin());
  BOOST_REQUIRE(run_until([&] { return gate.guests() == 1; }));
  BOOST_TEST(has(arrive_with("secret").said().front(), "done"));
}

BOOST_FIXTURE_TEST_CASE(who_says_nothing_after_the_handshake_or_in_it_loses_its_place, desk_fixture) {
  auto& silent = arrive();
  const auto stalled = test::raw_connection(port_of(socket.get()));
  test::raw_send(stalled, std::string(1, static_cast<char>(link_kind::client)) + "\x16\x03\x01");
  BOOST_REQUIRE(run_until([&] { return gate.strangers() == 2; }));
  BOOST_REQUIRE(run_until([&] { return !silent.receive() && gate.strangers() == 0; }));
  BOOST_TEST(silent.said().empty());
  BOOST_TEST(was_warned_of("did not finish its handshake in time"));
  BOOST_TEST(let_in.empty());
}

BOOST_FIXTURE_TEST_CASE(what_is_no_token_ends_the_connection_without_a_word, desk_fixture) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    auto& client = arrive();
    client.send("\xff\xff\xff\xff" + random_text(2000, seed));
    BOOST_REQUIRE(run_until([&] { return !client.receive(); }));
    BOOST_TEST(client.said().empty());
  }
  BOOST_TEST(let_in.empty());
  BOOST_TEST(was_warned_of("showed no token"));
  BOOST_TEST(has(arrive_with("secret").said().front(), "done"));
}

BOOST_FIXTURE_TEST_CASE(a_client_that_sends_no_frames_or_too_long_ones_harms_itself_alone, desk_fixture) {
  auto& good = arrive_with("secret");
  for (unsigned seed = 0; seed < 20; ++seed) {
    auto& bad = arrive_with("secret");
    const std::string forged("\0\0\0\0\xff\xff\xff\x7f", 8); // a frame of 16 GiB
    bad.send(seed == 0 ? forged : "\xff\xff\xff\xff" + random_text(4000, seed));
    BOOST_REQUIRE(run_until([&] { return !bad.receive(); }));
    clients.pop_back();
    BOOST_REQUIRE(run_until([&] { return gate.guests() == 1; }));
  }
  good.send(hello());
  BOOST_REQUIRE(run_until([&] { return heard->events.size() == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()
