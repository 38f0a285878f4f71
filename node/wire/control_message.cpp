#include "node/wire/control_message.hpp"

#include "node/wire/control_log.hpp"
#include "node/wire/control_log_parts.hpp"
#include "node/wire/raft_message.hpp"

#include <kj/debug.h>
#include <kj/exception.h>

namespace hearth::wire {

namespace {

using namespace cluster;
using wire::fill;
using wire::read;

void fill(log::Outcome::Builder into, const outcome& result) {
  into.setCode(static_cast<std::uint16_t>(result.code));
  into.setMessage(text_of(result.message));
  into.setIndex(result.index);
  into.setOwner(result.owner.value);
  into.setEpoch(result.epoch.value);
}

outcome read(log::Outcome::Reader from) {
  return {static_cast<ec>(from.getCode()), string_of(from.getMessage()), from.getIndex(), seat_id{from.getOwner()},
          hearth::epoch{from.getEpoch()}};
}

void put(log::ControlMessage::Builder into, const raft::message& what) { fill(into.initRaft(), what); }

void put(log::ControlMessage::Builder into, const messages::submit& what) {
  auto to = into.initSubmit();
  to.setNumber(what.number);
  fill(to.initCommand(), what.order);
}

void put(log::ControlMessage::Builder into, const messages::turned_down& what) {
  auto to = into.initTurnedDown();
  to.setNumber(what.number);
  to.setRetry(what.retry);
  fill(to.initResult(), what.result);
}

void put(log::ControlMessage::Builder into, const messages::ask_index& what) { into.setAskIndex(what.number); }

void put(log::ControlMessage::Builder into, const messages::tell_index& what) {
  auto to = into.initTellIndex();
  to.setNumber(what.number);
  to.setIndex(what.index);
}

void put(log::ControlMessage::Builder into, const messages::heartbeat& what) {
  auto to = into.initHeartbeat();
  to.setSeat(what.seat.value);
  to.setNumber(what.number);
  to.setApplied(what.applied);
  to.setLoopLagMs(what.loop_lag_ms);
  to.setRenewSeen(what.renew_seen);
  fill(to.initReach(count_of(what.reach.size())), what.reach);
}

messages::heartbeat read(log::NodeHeartbeat::Reader from) {
  return {seat_id{from.getSeat()}, from.getNumber(),    from.getApplied(),
          from.getLoopLagMs(),     from.getRenewSeen(), nodes_of(from.getReach())};
}

control_message read(log::ControlMessage::Reader from) {
  using which = log::ControlMessage::Which;
  KJ_REQUIRE(from.getFormat() == log::FORMAT_NUMBER, "a format of another Hearth", from.getFormat());
  switch (from.which()) {
    case which::UNKNOWN:
      break;
    case which::RAFT:
      return read_raft(from.getRaft());
    case which::SUBMIT:
      return messages::submit{from.getSubmit().getNumber(), wire::read(from.getSubmit().getCommand())};
    case which::TURNED_DOWN: {
      const auto down = from.getTurnedDown();
      return messages::turned_down{down.getNumber(), down.getRetry(), read(down.getResult())};
    }
    case which::ASK_INDEX:
      return messages::ask_index{from.getAskIndex()};
    case which::TELL_INDEX:
      return messages::tell_index{from.getTellIndex().getNumber(), from.getTellIndex().getIndex()};
    case which::HEARTBEAT:
      return read(from.getHeartbeat());
  }
  KJ_FAIL_REQUIRE("a message of a newer Hearth", static_cast<std::uint16_t>(from.which()));
}

} // namespace

std::string encode(const control_message& what) {
  capnp::MallocMessageBuilder message;
  auto into = message.initRoot<log::ControlMessage>();
  into.setFormat(log::FORMAT_NUMBER);
  std::visit([&](const auto& body) { put(into, body); }, what);
  return flat(message);
}

std::variant<control_message, failure> decode_message(std::string_view text) {
  try {
    flat_message message(text);
    return read(message.root<log::ControlMessage>());
  } catch (const kj::Exception& why) {
    return failure{ec::bad_request,
                   "A control message cannot be read: " + std::string(why.getDescription().cStr()) + "."};
  }
}

std::string encode_entry(const submission& entry) {
  capnp::MallocMessageBuilder message;
  auto into = message.initRoot<log::Entry>();
  fill(into.initOrigin(), entry.origin);
  into.setNumber(entry.number);
  fill(into.initCommand(), entry.order);
  return flat(message);
}

std::optional<submission> decode_entry(std::string_view text) {
  try {
    flat_message message(text);
    const auto from = message.root<log::Entry>();
    return submission{node_of(from.getOrigin()), from.getNumber(), wire::read(from.getCommand())};
  } catch (const kj::Exception&) {
    return std::nullopt; // the caller says in words what that means
  }
}

} // namespace hearth::wire
