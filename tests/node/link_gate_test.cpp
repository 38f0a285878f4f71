#include "tests/support/long_run.hpp"
#include "tests/support/stranger.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::test;
using cluster::channel;
using node::credentials;
using node::tls_context;

BOOST_AUTO_TEST_SUITE(link_gate, *boost::unit_test::timeout(240))

namespace {

/// Node 2 behind its gate; node 1 is a member that has not come yet.
struct gate_fixture : link_fixture {
  std::unique_ptr<link_node> b = make_node(2);

  gate_fixture() { b->knows(numbered(1), {"127.0.0.1", 1}); }

  /// Trusts the cluster, and shows what it has.
  std::shared_ptr<const tls_context> showing(const credentials& own) {
    return tls_context::of_member_dialing({authority.pem(), own.certificate, own.key});
  }

  /// Nothing of it got past the handshake, and nothing was sent to it.
  void check_refused(stranger& who) {
    BOOST_REQUIRE(run_until([&] { return who.is_over() && b->gate.strangers() == 0; }));
    BOOST_TEST(who.received().empty());
    BOOST_TEST(b->gate.refused() >= 1u);
    BOOST_TEST(b->control_heard.ups.empty());
    BOOST_TEST(b->clients.empty());
    BOOST_TEST(b->joining.empty());
  }

  /// A member that keeps the rules gets in.
  void check_open_for_members() {
    auto a = make_node(1);
    introduce(*a, *b);
    run_until_up(*a, *b);
  }
};

std::string random_text(std::size_t size, unsigned seed) {
  std::minstd_rand random(seed);
  std::string text(size, 0);
  for (auto& c : text)
    c = static_cast<char>(random());
  return text;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_certificate_of_another_authority_is_refused_in_the_handshake, gate_fixture) {
  auto foreign = node::authority::create(directory / "foreign", "test");
  stranger who(loop, *b, channel::control, showing(foreign.issue(numbered(1), "n1", defaults::certificate_validity)));
  check_refused(who);
  BOOST_TEST(b->was_warned_of("its certificate is refused"));
  check_open_for_members();
}

BOOST_FIXTURE_TEST_CASE(who_shows_no_certificate_is_refused_in_the_handshake, gate_fixture) {
  stranger who(loop, *b, channel::calls, tls_context::pinned_to(authority.fingerprint()));
  check_refused(who);
  check_open_for_members();
}

BOOST_FIXTURE_TEST_CASE(a_node_that_is_no_member_or_no_longer_gets_nothing_after_the_handshake, gate_fixture) {
  stranger who(loop, *b, channel::bulk, showing(credentials_of(7)));
  check_refused(who);
  BOOST_TEST(b->was_warned_of("no member of the cluster, or no longer"));
}

BOOST_FIXTURE_TEST_CASE(a_certificate_that_has_ended_is_refused, gate_fixture) {
  stranger who(loop, *b, channel::control, showing(authority.issue(numbered(1), "n1", std::chrono::seconds{-60})));
  check_refused(who);
  BOOST_TEST(b->was_warned_of("expired"));
}

BOOST_FIXTURE_TEST_CASE(the_authoritys_own_certificate_is_no_nodes, gate_fixture) {
  const auto key = content_of(directory.path() / "cluster" / "ca.key");
  stranger who(loop, *b, channel::control, showing({authority.pem(), authority.pem(), key}));
  check_refused(who);
}

BOOST_FIXTURE_TEST_CASE(an_older_tls_is_refused, gate_fixture) {
  const auto old = showing(credentials_of(1));
  BOOST_REQUIRE(SSL_CTX_set_min_proto_version(&old->native(), TLS1_2_VERSION) == 1);
  BOOST_REQUIRE(SSL_CTX_set_max_proto_version(&old->native(), TLS1_2_VERSION) == 1);
  stranger who(loop, *b, channel::control, old);
  check_refused(who);
  BOOST_TEST(!who.is_connected());
}

BOOST_FIXTURE_TEST_CASE(a_dialer_refuses_a_node_that_is_not_the_one_it_dialed, gate_fixture) {
  stranger who(loop, numbered(3), b->address(), channel::control, showing(credentials_of(1)));
  check_refused(who);
  BOOST_TEST(!who.is_connected());
  BOOST_TEST(who.why().find("certificate is refused") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_node_that_says_it_is_another_one_is_refused, gate_fixture) {
  link_node::options o;
  o.self_changes = {authority.cluster(), numbered(0), 1, 5};
  o.has_changes = true;
  link_node liar(loop, credentials_of(1), authority.cluster(), numbered(0), o);
  liar.knows(*b);
  BOOST_REQUIRE(run_until([&] { return b->was_warned_of("says that it is"); }));
  BOOST_TEST(b->control_heard.ups.empty());
}

BOOST_FIXTURE_TEST_CASE(a_node_of_another_cluster_with_our_certificate_is_refused, gate_fixture) {
  link_node::options o;
  o.self_changes = {numbered(77), numbered(1), 1, 5};
  o.has_changes = true;
  auto other = make_node(1, o);
  other->knows(*b);
  BOOST_REQUIRE(run_until([&] { return other->was_warned_of("certificate that is not its own"); }));
  BOOST_TEST(b->control_heard.ups.empty());
}

BOOST_FIXTURE_TEST_CASE(random_bytes_are_closed_and_others_get_in, gate_fixture) {
  std::vector<kj::AutoCloseFd> noise;
  for (unsigned i = 0; i < 100; ++i) {
    noise.push_back(raw_connection(b->port()));
    const auto text = random_text(1 + i * 50, i);
    raw_send(noise.back(), i % 2 == 0 ? text : std::string(1, static_cast<char>(1 + i % 5)) + text);
  }
  check_open_for_members();
  noise.clear();
  BOOST_REQUIRE(run_until([&] { return b->gate.strangers() == 0; }));
  BOOST_TEST(b->gate.refused() >= 100u);
}

BOOST_FIXTURE_TEST_CASE(who_never_finishes_a_handshake_is_closed_after_a_while_and_turns_no_loop, gate_fixture) {
  std::vector<kj::AutoCloseFd> stalled;
  for (int i = 0; i < 3; ++i)
    stalled.push_back(raw_connection(b->port()));
  raw_send(stalled[1], "\x01");
  raw_send(stalled[2], std::string("\x02\x16\x03\x01\x02\x00\x01\x00", 8)); // the beginning of a ClientHello
  BOOST_REQUIRE(run_until([&] { return b->gate.strangers() == 3; }));
  pass_time();
  const auto before = loop.turns();
  BOOST_REQUIRE(run_until([&] { return b->gate.strangers() == 0; }));
  BOOST_TEST(loop.turns() - before < 100u);
  BOOST_TEST(b->was_warned_of("did not finish its handshake in time"));
}

BOOST_FIXTURE_TEST_CASE(thousands_of_half_open_connections_cost_no_memory_and_keep_no_peer_out, gate_fixture) {
  const std::size_t count = test::is_long_run() ? 10'000 : 2'000;
  file_limit limit(count + 2'000); // the gate keeps few of them
  BOOST_REQUIRE(limit.is_set());
  pass_time();
  const auto before = resident_bytes();
  std::vector<kj::AutoCloseFd> half_open;
  for (std::size_t i = 0; i < count; ++i) {
    half_open.push_back(raw_connection(b->port()));
    if (i % 2 == 0)
      raw_send(half_open.back(), "\x01");
    if (i % 20 == 19) // the loop accepts on this thread
      pass_time();
    BOOST_REQUIRE(b->gate.strangers() <= defaults::link_strangers_per_address_max);
  }
  BOOST_REQUIRE(run_until([&] { return b->gate.refused() >= count - defaults::link_strangers_per_address_max; }));
  BOOST_TEST(resident_bytes() < before + 24 * defaults::kib * count); // the sanitizer keeps what was freed
  check_open_for_members();
}

BOOST_FIXTURE_TEST_CASE(without_a_free_descriptor_the_gate_stays_and_lets_in_when_there_is_one, gate_fixture) {
  pass_time();
  std::vector<kj::AutoCloseFd> waiting;
  for (int i = 0; i < 3; ++i)
    waiting.push_back(raw_connection(b->port()));
  {
    kj::AutoCloseFd next(::dup(0)); // the lowest that is free
    file_limit limit(static_cast<rlim_t>(next.get()));
    next = nullptr;
    BOOST_REQUIRE(limit.is_set());
    BOOST_REQUIRE(run_until([&] { return b->was_warned_of("no free file descriptor"); }));
  }
  check_open_for_members();
}

BOOST_FIXTURE_TEST_CASE(a_members_forged_length_ends_its_connection, gate_fixture) {
  const std::vector<std::string> forged{
    std::string("\xff\xff\xff\xff\0\0\0\0", 8),   // 4 GiB
    std::string("\x01\x00\x40\x00\0\0\0\0", 8),   // a byte more than control takes
    std::string("\x08\x00\x00\x00\x01\0\0\0", 8), // no zeros where they belong
  };
  for (const auto& prefix : forged) {
    stranger who(loop, *b, channel::control, showing(credentials_of(1)));
    BOOST_REQUIRE(run_until([&] { return who.is_connected(); }));
    who.send(prefix);
    BOOST_REQUIRE(run_until([&] { return who.is_over(); }));
  }
  BOOST_TEST(b->was_warned_of("sent a frame of 4294967295 bytes; at most 4194304 are accepted"));
  BOOST_TEST(b->control_heard.ups.empty());
}

BOOST_FIXTURE_TEST_CASE(a_guests_forged_length_ends_its_connection_and_its_token_comes_alone, gate_fixture) {
  const auto connect = [&](channel as) { // the byte of the kind is made right by hand below
    return std::make_unique<stranger>(loop, *b, as, tls_context::pinned_to(authority.fingerprint()));
  };
  const auto client = static_cast<channel>(static_cast<int>(node::link_kind::client) - 1);
  for (const auto& wrong : {std::string("\xff\xff\xff\xff\0\0\0\0", 8), std::string(8, '\0')}) {
    auto who = connect(client);
    BOOST_REQUIRE(run_until([&] { return who->is_connected(); }));
    who->send(wrong);
    BOOST_REQUIRE(run_until([&] { return who->is_over(); }));
    BOOST_TEST(who->received().empty());
  }
  BOOST_TEST(b->clients.empty());
  auto good = connect(client);
  BOOST_REQUIRE(run_until([&] { return good->is_connected(); }));
  good->send(node::link_frame("a token") + "what follows");
  BOOST_REQUIRE(run_until([&] { return b->clients.size() == 1; }));
  auto& arrived = b->clients.front();
  BOOST_TEST(arrived.token == "a token");
  std::string rest(100, 0);
  const iovec part{rest.data(), rest.size()};
  const auto n = arrived.tls->receive({&part, 1}, true);
  BOOST_REQUIRE(n > 0);
  BOOST_TEST(rest.substr(0, static_cast<std::size_t>(n)) == "what follows");
  BOOST_TEST(b->gate.guests() == 1u);
  b->clients.clear();
  BOOST_TEST(b->gate.guests() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_reads_no_bulk_gets_control_and_then_a_refusal_of_bulk, gate_fixture) {
  const node::link_hello hello{
    defaults::link_version, defaults::link_version_min, authority.cluster(), numbered(1), 1, 5};
  std::vector<std::unique_ptr<stranger>> lines;
  for (const auto on : {channel::control, channel::calls, channel::bulk})
    lines.push_back(std::make_unique<stranger>(loop, *b, on, showing(credentials_of(1))));
  BOOST_REQUIRE(
    run_until([&] { return lines[0]->is_connected() && lines[1]->is_connected() && lines[2]->is_connected(); }));
  for (auto& one : lines)
    one->send(node::link_frame(encode(hello)) + node::link_frame(""));
  BOOST_REQUIRE(run_until([&] { return b->is_up(numbered(1)); }));
  lines[2]->pause();
  const auto chunk = frame_of(std::string(200 * defaults::kib, 'c'));
  std::size_t sent = 0;
  std::size_t refused = 0;
  for (; refused < 3; pass_time()) { // refused three turns in a row: the socket takes no more
    bool any = false;
    while (b->work.send(numbered(1), channel::bulk, chunk)) {
      ++sent;
      any = true;
    }
    refused = any ? 0 : refused + 1;
    BOOST_REQUIRE(sent < 1000u);
  }
  BOOST_TEST(b->work.queued_bytes(numbered(1), channel::bulk)
             <= defaults::link_bulk_queue_bytes_max + 2 * defaults::tls_turn_bytes);
  const auto heard = lines[0]->received().size();
  BOOST_TEST(b->control.send(numbered(1), channel::control, frame_of("heartbeat")));
  BOOST_REQUIRE(run_until([&] { return lines[0]->received().find("heartbeat", heard) != std::string::npos; }));
  BOOST_TEST(b->work.send(numbered(1), channel::calls, frame_of("call")));
  BOOST_REQUIRE(run_until([&] { return lines[1]->received().find("call") != std::string::npos; }));
  const auto turns = loop.turns();
  for (int i = 0; i < 10; ++i)
    pass_time();
  BOOST_TEST(loop.turns() - turns <= 40u); // a clogged channel is no reason to turn
}

BOOST_AUTO_TEST_SUITE_END()
