#pragma once

#include "actors/link_messages.hpp"
#include "schema/link_messages.capnp.h"

#include <algorithm>
#include <string>

/// The small parts of which link messages are made, both ways. Reading takes values as they come; whoever uses them decides
/// what it accepts. May throw kj::Exception when a message is malformed.
namespace hearth::wire {

inline std::string string_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
inline capnp::Text::Reader text_of(const std::string& string) { return {string.data(), string.size()}; }

/// A length of time of a careless peer stays one that can be added to a time.
inline nanoseconds ns_of(std::uint64_t count) {
  return nanoseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(count, std::uint64_t{1} << 61)));
}
inline milliseconds ms_of_count(std::uint64_t count) {
  return milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(count, std::uint64_t{1} << 41)));
}
template <class Duration>
std::uint64_t count_of(Duration length) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, length.count()));
}

template <class Pair>
void write_id(Pair id, said::Id::Builder into) {
  into.setHi(id.hi);
  into.setLo(id.lo);
}
inline call_id call_of(said::Id::Reader from) { return {from.getHi(), from.getLo()}; }
inline node_uuid node_of(said::Id::Reader from) { return {from.getHi(), from.getLo()}; }

inline void write_caller(const link::caller_ref& whom, said::Caller::Builder into) {
  write_id(whom.node, into.initNode());
  into.setNumber(whom.number);
}
inline link::caller_ref caller_of(said::Caller::Reader from) {
  return {nullptr, node_of(from.getNode()), from.getNumber()};
}

inline void write_failure(const failure& why, said::Failure::Builder into) {
  into.setCode(static_cast<std::uint16_t>(why.code));
  into.setMessage(text_of(why.message));
}
inline failure failure_of(said::Failure::Reader from) {
  return {static_cast<ec>(from.getCode()), string_of(from.getMessage())};
}

inline void write_header(const call_header& header, said::Header::Builder into) {
  write_id(header.id, into.initId());
  write_id(header.root, into.initRoot());
  write_id(header.parent, into.initParent());
  into.setDepth(header.depth);
  into.setTask(header.task);
  into.setDeadlineMs(count_of(header.deadline));
  into.setTraceHi(header.trace.hi);
  into.setTraceLo(header.trace.lo);
  into.setSpan(header.trace.span);
  into.setCache(header.cache);
}
inline call_header header_of(said::Header::Reader from) {
  call_header header;
  header.id = call_of(from.getId());
  header.root = call_of(from.getRoot());
  header.parent = call_of(from.getParent());
  header.depth = from.getDepth();
  header.task = from.getTask();
  header.deadline = ms_of_count(from.getDeadlineMs());
  header.trace = {from.getTraceHi(), from.getTraceLo(), from.getSpan()};
  header.cache = from.getCache();
  return header;
}

inline void write_attachment(const attachment& how, said::Attachment::Builder into) {
  into.setSlots(how.slots);
  into.setCanHoldAhead(how.can_hold_ahead);
  into.setForked(how.forked);
  into.setSpawnReason(text_of(how.spawn_reason));
  into.setForkNs(count_of(how.fork));
  into.setImportNs(count_of(how.import));
}
inline attachment attachment_of(said::Attachment::Reader from) {
  attachment how;
  how.slots = from.getSlots();
  how.can_hold_ahead = from.getCanHoldAhead();
  how.forked = from.getForked();
  how.spawn_reason = string_of(from.getSpawnReason());
  how.fork = ns_of(from.getForkNs());
  how.import = ns_of(from.getImportNs());
  return how;
}

template <class Ids>
void write_numbers(const Ids& ids, capnp::List<std::uint64_t>::Builder into) {
  for (unsigned i = 0; i < into.size(); ++i)
    into.set(i, ids[i].value);
}
inline std::vector<ticket> tickets_of(capnp::List<std::uint64_t>::Reader from) {
  std::vector<ticket> found;
  for (auto number : from)
    found.push_back({number});
  return found;
}

inline std::vector<call_id> calls_of(capnp::List<said::Id>::Reader from) {
  std::vector<call_id> found;
  for (auto id : from)
    found.push_back(call_of(id));
  return found;
}
inline void write_calls(const std::vector<call_id>& calls, capnp::List<said::Id>::Builder into) {
  for (unsigned i = 0; i < into.size(); ++i)
    write_id(calls[i], into[i]);
}

template <class Items>
unsigned size_of(const Items& items) {
  return static_cast<unsigned>(items.size());
}

} // namespace hearth::wire
