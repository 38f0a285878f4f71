#include "node/link/loopback.hpp"
#include "tests/support/link_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

using namespace hearth;
using namespace hearth::test;
using cluster::channel;

BOOST_AUTO_TEST_SUITE(link_loopback, *boost::unit_test::timeout(120))

namespace {

struct hub_fixture : loop_fixture {
  node::loopback_hub hub{loop};
  link_recorder a_heard;
  link_recorder b_heard;
  std::unique_ptr<node::loopback_transport> a = make(1, 1, a_heard);
  std::unique_ptr<node::loopback_transport> b = make(2, 5, b_heard);

  hub_fixture() {
    BOOST_REQUIRE(run_until([&] { return !a_heard.ups.empty() && !b_heard.ups.empty(); }));
  }

  std::unique_ptr<node::loopback_transport> make(std::uint64_t number, std::uint64_t incarnation,
                                                 link_recorder& heard) {
    return std::make_unique<node::loopback_transport>(hub, numbered(number), incarnation, heard);
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(nodes_of_a_hub_come_up_with_their_incarnations, hub_fixture) {
  BOOST_TEST((a_heard.ups.front() == std::pair{numbered(2), std::uint64_t{5}}));
  BOOST_TEST((b_heard.ups.front() == std::pair{numbered(1), std::uint64_t{1}}));
}

BOOST_FIXTURE_TEST_CASE(frames_arrive_in_order_and_never_from_within_send, hub_fixture) {
  for (int i = 0; i < 100; ++i)
    BOOST_REQUIRE(a->send(numbered(2), channel::calls, frame_of(std::to_string(i))));
  BOOST_TEST(b_heard.frames.empty());
  BOOST_REQUIRE(run_until([&] { return b_heard.frames.size() == 100; }));
  for (int i = 0; i < 100; ++i)
    BOOST_TEST(b_heard.frames[static_cast<std::size_t>(i)].frame == std::to_string(i));
}

BOOST_FIXTURE_TEST_CASE(a_full_channel_refuses_and_says_when_there_is_room, hub_fixture) {
  const auto chunk = frame_of(std::string(256 * defaults::kib, 'c'));
  std::size_t accepted = 0;
  while (a->send(numbered(2), channel::bulk, chunk))
    ++accepted;
  BOOST_TEST(accepted == defaults::link_bulk_queue_bytes_max / chunk.size());
  BOOST_TEST(a->send(numbered(2), channel::control, frame_of("heartbeat")));
  BOOST_REQUIRE(run_until([&] { return a_heard.rooms.size() == 1; }));
  BOOST_TEST(a->send(numbered(2), channel::bulk, chunk));
}

BOOST_FIXTURE_TEST_CASE(a_node_that_leaves_is_down_and_gone_and_may_come_back, hub_fixture) {
  b.reset();
  BOOST_REQUIRE(run_until([&] { return a_heard.gone.size() == 1; }));
  BOOST_TEST(a_heard.downs.size() == 1u);
  BOOST_TEST(!a->send(numbered(2), channel::calls, frame_of("x")));
  b = make(2, 6, b_heard);
  BOOST_REQUIRE(run_until([&] { return a_heard.ups.size() == 2; }));
  BOOST_TEST(a_heard.ups.back().second == 6u);
}

BOOST_FIXTURE_TEST_CASE(a_dropped_peer_is_down_and_up_again_on_both_sides, hub_fixture) {
  a->drop(numbered(2), "is slow");
  BOOST_TEST(a_heard.downs.empty());
  BOOST_REQUIRE(run_until([&] { return a_heard.ups.size() == 2 && b_heard.ups.size() == 2; }));
  BOOST_TEST(a_heard.downs.front().reason == "is slow");
  BOOST_TEST(b_heard.downs.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
