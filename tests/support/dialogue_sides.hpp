#pragma once

#include "node/interpreter/dialogue.hpp"
#include "tests/support/frame_recorder.hpp"

#include <boost/test/unit_test.hpp>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace hearth::test {

using node::dialogue;
using node::slot_state;
using node::slot_table;

inline constexpr std::uint32_t slots = 4;

inline sent_call call_in(std::uint32_t slot, std::uint64_t number, std::string_view arguments = "arguments") {
  sent_call call;
  call.header.id = {1, number};
  call.header.root = {2, number};
  call.slot = slot;
  call.arguments = payload::text(arguments);
  return call;
}

/// A dialogue, and the interpreter's side of it.
struct both_sides {
  slot_table node_table = slot_table::make(slots);
  slot_table table = slot_table::map(kj::AutoCloseFd(::dup(node_table.descriptor())), slots);
  frame_recorder out;
  dialogue talk;
  interpreter::events events;

  explicit both_sides(bool keeps_table = true, bool greeted = true)
    : talk(std::move(node_table), {replica_id{3}, "/usr/bin/python3", keeps_table}) {
    if (greeted) {
      BOOST_REQUIRE_EQUAL(say(hello()), "");
      events.clear();
    }
  }

  static wire::control hello() {
    wire::control frame;
    frame.body = R"({"hello": {"protocol": 1, "program": "replica", "pid": 77, "version": "3.11.2"}})";
    return frame;
  }

  template <class Frame>
  std::string say(const Frame& frame) {
    std::string text;
    wire::encode(frame, text);
    return talk.take(bytes::copy_of(text), events, out);
  }

  template <class Event>
  Event heard() {
    BOOST_REQUIRE_EQUAL(events.size(), 1);
    BOOST_REQUIRE(std::holds_alternative<Event>(events.front()));
    auto event = std::get<Event>(std::move(events.front()));
    events.clear();
    return event;
  }

  /// The call as the interpreter reads it.
  wire::call sent(const sent_call& call) {
    talk.call(call, out);
    const auto frames = out.take();
    BOOST_REQUIRE_EQUAL(frames.size(), 1);
    wire::call frame;
    BOOST_REQUIRE(wire::parse(frames.front().view(), frame));
    frame.body = {};
    return frame;
  }

  bool start(const wire::call& call) {
    return table.change(call.slot, call.generation, slot_state::sent, slot_state::started);
  }

  static wire::reply reply_to(const wire::call& call, std::string_view value) {
    wire::reply reply;
    reply.slot = call.slot;
    reply.generation = call.generation;
    reply.id = call.id;
    reply.size = value.size();
    reply.body = value;
    return reply;
  }
};

} // namespace hearth::test
