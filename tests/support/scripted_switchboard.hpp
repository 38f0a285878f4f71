#pragma once

#include "actors/control.hpp"
#include "actors/link_messages.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace hearth::test {

/// A switchboard that does what a test says with questions, messages and pings, and nothing else. Each is called as the
/// switchboard's own handler would be (actors/interfaces.hpp).
template <class Ask, class Send, class Ping>
switchboard_actor::behavior_type scripted_switchboard(Ask ask, Send send, Ping ping) {
  return {
    [](atom::attach, const node_parts&) {},
    [](atom::events, node_uuid, const link::messages&) {},
    [](atom::up, node_uuid, std::uint64_t, const peer_actor&) {},
    [](atom::down, node_uuid, const std::string&) {},
    [](atom::events, const control::facts&) {},
    [send = std::move(send)](atom::send, node_uuid to, link::messages& messages) { send(to, messages); },
    [](atom::open, node_uuid, const link::open_environment&) { return false; },
    [ask = std::move(ask)](atom::ask, node_uuid to, link::ask& what, milliseconds) { return ask(to, what); },
    [ping = std::move(ping)](atom::ping, node_uuid node, std::uint32_t count) { return ping(node, count); },
    [](atom::ask, const link::ask&, milliseconds) { return link::member_answers{}; },
    [](atom::watch, const std::string&, const gate_actor&) {},
    [](atom::tick) {},
    [](atom::retry, std::uint64_t) {},
  };
}

template <class Ask, class Send>
switchboard_actor::behavior_type scripted_switchboard(Ask ask, Send send) {
  return scripted_switchboard(std::move(ask), std::move(send),
                              [](node_uuid, std::uint32_t) { return std::vector<std::uint64_t>{}; });
}

template <class Ask>
switchboard_actor::behavior_type scripted_switchboard(Ask ask) {
  return scripted_switchboard(std::move(ask), [](node_uuid, const link::messages&) {});
}

} // namespace hearth::test
