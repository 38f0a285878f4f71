#include "node/link/peer.hpp"

#include "actors/error.hpp"
#include "core/defaults.hpp"
#include "tests/support/actor_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <optional>
#include <string>
#include <tuple>

using namespace hearth;
using namespace hearth::node;
using namespace hearth::test;
using cluster::channel;

namespace {

constexpr node_uuid there{2, 2};

/// Keeps what is sent until it is delivered by hand.
class held_transport final : public cluster::transport {
public:
  using cluster::transport::send;
  bool send(node_uuid, channel on, std::span<const bytes> parts) override {
    if (refuses)
      return false;
    std::string whole;
    for (const auto& part : parts)
      whole += part.view();
    (on == channel::bulk ? bulk : calls).push_back(bytes::copy_of(whole));
    return true;
  }
  void drop(node_uuid, const std::string& why) override { dropped = why; }

  std::deque<bytes> calls, bulk;
  std::string dropped;
  bool refuses = false;
};

struct two_ends : actor_fixture {
  two_ends() {
    switchboard = sys.spawn([this](switchboard_actor::pointer self) { return listening(self); });
    board = std::make_unique<peer_board>(sys, switchboard);
    board->attach(wire);
    board->on_up(there, 5);
    run();
  }
  ~two_ends() {
    board.reset();
    caf::anon_send_exit(switchboard, caf::exit_reason::kill);
    door = peer_actor{};
    run();
  }

  switchboard_actor::behavior_type listening(switchboard_actor::pointer self) {
    return {
      [](atom::attach, const node_parts&) {},
      [this](atom::events, node_uuid, link::messages& what) {
        for (auto& m : what)
          heard.push_back(std::move(m));
      },
      [this, self](atom::up, node_uuid, std::uint64_t, const peer_actor& peer) {
        door = peer;
        self->monitor(peer);
        self->set_down_handler([this](caf::down_msg&) { door_is_down = true; });
      },
      [this](atom::down, node_uuid, const std::string& why) { down = why; },
      [](atom::events, const control::facts&) {},
      [](atom::send, node_uuid, const link::messages&) {},
      [](atom::open, node_uuid, const link::open_environment&) { return false; },
      [](atom::ask, node_uuid, const link::ask&, milliseconds) { return link::answer{}; },
      [](atom::ping, node_uuid, std::uint32_t) { return std::vector<std::uint64_t>{}; },
      [](atom::ask, const link::ask&, milliseconds) { return link::member_answers{}; },
      [](atom::watch, const std::string&, const gate_actor&) {},
      [](atom::tick) {},
      [](atom::retry, std::uint64_t) {},
    };
  }

  void say(link::message what) {
    link::messages batch;
    batch.push_back(std::move(what));
    tell(door, atom::send::value, std::move(batch));
  }

  void ping(std::uint32_t count) {
    pinging.push_back(sys.spawn([this, count](caf::event_based_actor* self) {
      self->request(door, caf::infinite, atom::ping::value, count)
        .then([this](const std::vector<std::uint64_t>& times) { echoed = times; },
              [this](const caf::error& error) { not_echoed = failure_of(error); });
    }));
    run();
  }

  link::replies value_of(std::size_t size) {
    link::replies m{1, {}};
    m.items.emplace_back();
    m.items[0].value = payload::text(std::string(size, 'v'));
    return m;
  }

  held_transport wire;
  switchboard_actor switchboard;
  std::unique_ptr<peer_board> board;
  peer_actor door;
  bool door_is_down = false;
  std::string down;
  link::messages heard;
  std::vector<caf::actor> pinging;
  std::optional<std::vector<std::uint64_t>> echoed;
  failure not_echoed;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(link_peer, two_ends)

BOOST_AUTO_TEST_CASE(what_is_said_at_one_end_is_heard_at_the_other) {
  say(link::withdraw{{7}});
  say(value_of(2 * defaults::link_chunk_bytes));
  for (const auto& frame : wire.calls)
    board->on_frame(there, channel::calls, frame); // both ends speak alike
  run();
  BOOST_REQUIRE_EQUAL(heard.size(), 1u);
  for (const auto& frame : wire.bulk)
    board->on_frame(there, channel::bulk, frame);
  run();
  BOOST_REQUIRE_EQUAL(heard.size(), 2u);
  BOOST_CHECK_EQUAL(std::get<link::replies>(heard[1]).items.at(0).value.size(), 2 * defaults::link_chunk_bytes);
}

BOOST_AUTO_TEST_CASE(a_full_channel_is_waited_for_and_nothing_is_lost) {
  wire.refuses = true;
  say(link::withdraw{{7}});
  say(value_of(defaults::link_chunk_bytes));
  BOOST_CHECK(wire.calls.empty() && wire.bulk.empty());
  wire.refuses = false;
  board->on_room(there, channel::calls);
  BOOST_CHECK_EQUAL(wire.calls.size(), 2u);
  board->on_room(there, channel::bulk);
  BOOST_CHECK_EQUAL(wire.bulk.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_short_value_does_not_wait_for_a_long_one) {
  wire.refuses = true;
  say(value_of(10 * defaults::link_chunk_bytes));
  say(value_of(defaults::link_chunk_bytes));
  wire.refuses = false;
  board->on_room(there, channel::calls);
  board->on_room(there, channel::bulk);
  BOOST_REQUIRE_EQUAL(wire.bulk.size(), 11u);
  for (const auto& frame : wire.calls)
    board->on_frame(there, channel::calls, frame);
  for (std::size_t i = 0; i < 2; ++i)
    board->on_frame(there, channel::bulk, wire.bulk[i]);
  run();
  BOOST_CHECK_EQUAL(heard.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_node_that_takes_nothing_in_loses_its_link) {
  wire.refuses = true;
  const auto each = value_of(60 * defaults::kib);
  for (std::size_t sent = 0; sent <= defaults::link_waiting_bytes_max; sent += 60 * defaults::kib)
    say(each);
  BOOST_CHECK_NE(wire.dropped, "");
}

BOOST_AUTO_TEST_CASE(a_node_that_says_what_nobody_understands_loses_its_link) {
  board->on_frame(there, channel::calls, bytes::copy_of("what is this"));
  BOOST_CHECK_NE(wire.dropped, "");
}

// -- echoes ----

BOOST_AUTO_TEST_CASE(an_echo_is_answered_without_anybody_being_asked) {
  board->on_frame(there, channel::calls, hearth::wire::echo_frame({7, false}));
  BOOST_REQUIRE_EQUAL(wire.calls.size(), 1u);
  const auto answer = hearth::wire::echo_in(wire.calls.front());
  BOOST_REQUIRE(answer);
  BOOST_CHECK(answer->is_answer);
  BOOST_CHECK_EQUAL(answer->number, 7u);
  run();
  BOOST_CHECK(heard.empty());
}

BOOST_AUTO_TEST_CASE(echoes_go_one_after_another_and_each_has_its_time) {
  ping(3);
  for (std::size_t n = 1; n <= 3; ++n) {
    BOOST_REQUIRE_EQUAL(wire.calls.size(), n);
    BOOST_CHECK(!echoed);
    board->on_frame(there, channel::calls,
                    hearth::wire::echo_frame({hearth::wire::echo_in(wire.calls.back())->number, true}));
    run();
  }
  BOOST_REQUIRE(echoed);
  BOOST_CHECK_EQUAL(echoed->size(), 3u);
  BOOST_CHECK_EQUAL(wire.calls.size(), 3u);
}

BOOST_AUTO_TEST_CASE(a_link_that_ends_owes_no_echo) {
  ping(3);
  board->on_down(there, 5, "it said goodbye");
  run();
  BOOST_CHECK(!echoed);
  BOOST_CHECK_EQUAL(not_echoed.message, "The link ended before all echoes were back.");
}

BOOST_AUTO_TEST_CASE(an_answer_to_nothing_ends_the_link) {
  board->on_frame(there, channel::calls, hearth::wire::echo_frame({1, true}));
  BOOST_CHECK_NE(wire.dropped, "");
}

BOOST_AUTO_TEST_CASE(too_many_who_measure_at_once_are_refused) {
  for (std::size_t n = 0; n <= defaults::pings_waiting_max; ++n)
    ping(1);
  BOOST_CHECK(not_echoed.code == ec::overloaded);
  BOOST_CHECK_EQUAL(wire.calls.size(), 1u);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_link_is_the_end_of_its_peer) {
  board->on_down(there, 5, "it said goodbye");
  run();
  BOOST_CHECK(door_is_down);
  BOOST_CHECK_EQUAL(down, "it said goodbye");
  say(link::withdraw{{7}});
  BOOST_CHECK(wire.calls.empty());
}

BOOST_AUTO_TEST_CASE(a_peer_that_says_nothing_is_asked_for_an_echo_and_then_given_up) {
  const auto look = [this](int times) {
    for (int n = 0; n < times; ++n)
      board->look();
    run();
  };
  look(defaults::link_looks_until_echo - 1);
  BOOST_CHECK(wire.calls.empty());
  look(1);
  BOOST_REQUIRE_EQUAL(wire.calls.size(), 1u); // once, however long it takes
  look(defaults::link_looks_max - defaults::link_looks_until_echo - 1);
  BOOST_CHECK_EQUAL(wire.calls.size(), 1u);
  BOOST_CHECK_EQUAL(wire.dropped, "");
  look(1);
  BOOST_CHECK_EQUAL(wire.dropped, "has said nothing for 10 s");
}

BOOST_AUTO_TEST_CASE(a_peer_that_says_something_or_goes_on_reading_is_kept) {
  const auto almost = [this] {
    for (int n = 1; n < defaults::link_looks_max; ++n)
      board->look();
    run();
  };
  almost();
  board->on_frame(there, channel::calls, wire.calls.front()); // it asks for an echo as we did
  almost();
  board->on_room(there, channel::bulk);
  almost();
  BOOST_CHECK_EQUAL(wire.dropped, "");
}

BOOST_AUTO_TEST_SUITE_END()
