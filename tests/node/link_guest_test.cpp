#include "node/identity/authority.hpp"
#include "node/link/tls.hpp"
#include "node/loop/stream.hpp"
#include "node/wire/frame.hpp"
#include "tests/support/connection_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace hearth;
using namespace hearth::node;

BOOST_AUTO_TEST_SUITE(link_guest, *boost::unit_test::timeout(120))

namespace {

/// What the client has heard, and its end of the connection.
struct far_end final : frame_stream::owner {
  std::vector<std::string> frames;
  std::vector<std::string> ends;
  std::unique_ptr<frame_stream> stream;

  void on_frames(std::vector<bytes>& batch) override {
    for (const auto& frame : batch)
      frames.emplace_back(frame.view());
  }
  void on_end(const std::string& reason) override { ends.push_back(reason); }
};

/// A client whose connection is encrypted, as a gate hands it over.
struct guest : test::connection_fixture {
  test::scratch directory;
  far_end far;

  guest() {
    const auto made = authority::create(directory / "cluster", "test");
    const auto own = made.issue({1, 2}, "n1", defaults::certificate_validity);
    auto [ours, theirs] = test::socket_pair();
    auto server = std::make_unique<tls_channel>(tls_context::for_guests(own), ours.get(), tls_channel::side::accepting);
    auto client = std::make_unique<tls_channel>(tls_context::pinned_to(made.fingerprint()), theirs.get(),
                                                tls_channel::side::dialing);
    shake_hands(*client, *server);
    config.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(ours));
    config.channel = std::make_shared<std::unique_ptr<byte_channel>>(std::move(server));
    config.place = place;
    config.make_session = [this](connection_actor::pointer self) {
      session = self->spawn(test::scripted, heard);
      return session;
    };
    connection = loop.system().spawn([config = config](connection_actor::stateful_pointer<connection_state> self) {
      return self->state.make_behavior(self, config);
    });
    config.place.reset();
    far.stream = std::make_unique<frame_stream>(loop, kj::mv(theirs), std::move(client), client_framing, far);
    BOOST_REQUIRE(run_until([&] { return static_cast<bool>(session); }));
  }

  void call(std::uint64_t number, const std::string& body) {
    wire::call call;
    call.id = {1, number};
    call.body = body;
    call.size = body.size();
    far.stream->write_with([&](std::string& out) { wire::encode(call, out); });
  }

private:
  static void shake_hands(tls_channel& client, tls_channel& server) {
    for (bool done = false; !done;) {
      const auto one = client.shake_hands();
      const auto other = server.shake_hands();
      BOOST_REQUIRE_MESSAGE(one != tls_channel::step::failed, client.fault());
      BOOST_REQUIRE_MESSAGE(other != tls_channel::step::failed, server.fault());
      done = one == tls_channel::step::done && other == tls_channel::step::done;
    }
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(calls_and_replies_of_any_size_pass_through_tls_as_through_a_local_socket, guest) {
  for (std::uint64_t n = 1; n <= 20; ++n)
    call(n, std::string(n * n * 2'000, 'x'));
  BOOST_REQUIRE(run_until([&] { return heard->events.size() == 20; }));
  call_reply reply;
  reply.id = {1, 1};
  reply.value.head = bytes::copy_of(std::string(900'000, 'r'));
  tell_one(std::move(reply));
  BOOST_REQUIRE(run_until([&] { return far.frames.size() == 1; }));
  wire::reply read;
  BOOST_REQUIRE(wire::parse(far.frames.front(), read));
  BOOST_TEST((read.body == std::string(900'000, 'r')));
}

BOOST_FIXTURE_TEST_CASE(a_client_that_goes_away_is_gone_once, guest) {
  call(1, "x");
  BOOST_REQUIRE(run_until([&] { return heard->events.size() == 1; }));
  far.stream.reset();
  BOOST_REQUIRE(run_until([&] { return heard->gone == 1; }));
  BOOST_TEST(heard->reason == "");
}

BOOST_FIXTURE_TEST_CASE(a_client_that_is_told_to_go_has_read_its_last_reply, guest) {
  call_reply reply;
  reply.id = {1, 1};
  reply.value.head = bytes::copy_of(std::string(300'000, 'r'));
  client::effects effects;
  effects.emplace_back(std::move(reply));
  effects.emplace_back(client::close{});
  tell(std::move(effects));
  BOOST_REQUIRE(run_until([&] { return !far.ends.empty(); }));
  BOOST_TEST(far.frames.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
