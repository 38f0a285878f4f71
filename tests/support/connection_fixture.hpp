#pragma once

#include "core/defaults.hpp"
#include "node/gateway/connection.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/raw_client.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hearth::test {

using namespace hearth::node;

/// What a scripted session has heard.
struct heard_t {
  client::events events;
  std::vector<std::size_t> batches;
  int gone = 0;
  std::string reason;
};

inline session_actor::behavior_type scripted(session_actor::pointer self, std::shared_ptr<heard_t> heard) {
  return {
    [](atom::replies, std::vector<call_reply>&) {},
    [](atom::logged, std::vector<log_text>&) {},
    [=](atom::events, client::events& events) {
      heard->batches.push_back(events.size());
      for (auto& event : events) {
        if (auto* gone = std::get_if<client::gone>(&event)) {
          ++heard->gone;
          heard->reason = gone->reason;
          self->quit();
        } else {
          heard->events.push_back(std::move(event));
        }
      }
    },
    [](atom::watch, call_id, std::uint64_t) {},
    [self](atom::tick) { self->quit(caf::exit_reason::unhandled_exception); },
  };
}

struct connection_fixture : loop_fixture {
  std::shared_ptr<heard_t> heard = std::make_shared<heard_t>();
  std::shared_ptr<int> place = std::make_shared<int>();
  connection_actor connection;
  session_actor session;
  std::optional<raw_client> client;
  connection_config config;

  connection_fixture() {
    config.loop = &loop;
    config.peer = "client 1";
    config.default_python = "/usr/bin/python3";
    config.unread_bytes_max = 8 * defaults::mib;
    config.unread_log_bytes_max = 2 * defaults::mib;
    config.close_grace = std::chrono::milliseconds{50};
  }

  void open() {
    auto [ours, theirs] = socket_pair();
    client.emplace(kj::mv(theirs));
    config.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(ours));
    config.place = place;
    config.make_session = [this](connection_actor::pointer self) {
      session = self->spawn(scripted, heard);
      return session;
    };
    connection = loop.system().spawn([config = config](connection_actor::stateful_pointer<connection_state> self) {
      return self->state.make_behavior(self, config);
    });
    config.place.reset();
    config.socket.reset();
    BOOST_REQUIRE(run_until([&] { return static_cast<bool>(session); }));
  }

  ~connection_fixture() {
    client.reset();
    if (connection) {
      run_until([&] { return heard->gone == 1; });
      BOOST_CHECK_EQUAL(heard->gone, 1); // exactly once, whatever happened
    }
    connection = connection_actor{};
    session = session_actor{};
    BOOST_CHECK_EQUAL(loop.stop({}, deadline()), 0u);
    BOOST_CHECK_EQUAL(place.use_count(), 1);
  }

  void tell(client::effects effects) { caf::anon_send(connection, atom::effects::value, std::move(effects)); }

  template <class Effect>
  void tell_one(Effect effect) {
    client::effects effects;
    effects.emplace_back(std::move(effect));
    tell(std::move(effects));
  }

  std::string answer() {
    std::optional<std::string> body;
    BOOST_REQUIRE(run_until([&] {
      client->receive();
      return (body = client->answer()).has_value() || !client->is_open();
    }));
    BOOST_REQUIRE_MESSAGE(body, "the connection was closed without an answer");
    return *body;
  }

  bool closed() {
    return run_until([&] { return !client->receive(); });
  }

  /// Sends all of it, turning the loop while the socket is full.
  void send_all(std::string_view data) {
    BOOST_REQUIRE(run_until([&] {
      data.remove_prefix(client->send(data));
      return data.empty() || heard->gone > 0;
    }));
  }
};

} // namespace hearth::test
