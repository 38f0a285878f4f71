#include "node/wire/link_write.hpp"

/// Replies, and what replicas tell, both ways.
namespace hearth::wire {

void write_reply(const call_reply& reply, said::Reply::Builder into, value_sink& values) {
  write_id(reply.id, into.initId());
  into.setCode(static_cast<std::uint16_t>(reply.code));
  into.setIsText(reply.is_text);
  into.setCold(reply.cold);
  into.setAttempt(reply.attempt);
  into.setRunNs(count_of(reply.run));
  into.setQueuedNs(count_of(reply.queued));
  into.setStartNs(count_of(reply.start));
  into.setForkNs(count_of(reply.fork));
  into.setImportNs(count_of(reply.import));
  into.setInitNs(count_of(reply.init));
  values.write(reply.value, into.initValue());
}

call_reply read_reply(said::Reply::Reader from, value_source& values) {
  call_reply reply;
  reply.id = call_of(from.getId());
  reply.code = static_cast<ec>(from.getCode());
  reply.is_text = from.getIsText();
  reply.cold = from.getCold();
  reply.attempt = from.getAttempt();
  reply.run = ns_of(from.getRunNs());
  reply.queued = ns_of(from.getQueuedNs());
  reply.start = ns_of(from.getStartNs());
  reply.fork = ns_of(from.getForkNs());
  reply.import = ns_of(from.getImportNs());
  reply.init = ns_of(from.getInitNs());
  reply.value = values.read(from.getValue());
  return reply;
}

namespace {

struct event_writer {
  said::ReplicaEvent::Item::Builder into;
  value_sink& values;

  void operator()(const replica::ready& e) {
    auto ready = into.initReady();
    write_attachment(e.how, ready.initHow());
    ready.setPid(e.pid);
    ready.setStartNs(count_of(e.start));
  }
  void operator()(const replica::start_failed& e) { write_failure(e.why, into.initStartFailed()); }
  void operator()(const replica::done& e) {
    auto done = into.initDone();
    done.setTicket(e.call.value);
    done.setCode(static_cast<std::uint16_t>(e.code));
    done.setUnstarted(e.unstarted);
    done.setRunNs(count_of(e.run));
    if (e.code != ec::none || e.unstarted)
      write_reply(e.failed, done.initFailed(), values);
  }
  void operator()(const replica::parked& e) { into.setParked(e.call.value); }
  void operator()(const replica::resumed& e) { into.setResumed(e.call.value); }
  void operator()(const replica::recalled& e) { write_numbers(e.calls, into.initRecalled(size_of(e.calls))); }
  void operator()(const replica::lost& e) {
    auto lost = into.initLost();
    write_failure(e.why, lost.initWhy());
    write_numbers(e.begun, lost.initBegun(size_of(e.begun)));
    write_numbers(e.unbegun, lost.initUnbegun(size_of(e.unbegun)));
  }
  void operator()(const replica::waiting& e) { into.setWaiting(text_of(e.resource)); }
  void operator()(const replica::overcommitted& e) { into.setOvercommitted(text_of(e.resource)); }
  void operator()(const replica::memory& e) { into.setMemory(e.bytes); }
};

std::optional<replica::event> read_event(said::ReplicaEvent::Item::Reader from, value_source& values) {
  using item = said::ReplicaEvent::Item;
  const replica_id id{from.getReplica()};
  switch (from.which()) {
    case item::READY:
      return replica::ready{id, nullptr, attachment_of(from.getReady().getHow()), from.getReady().getPid(),
                            ns_of(from.getReady().getStartNs())};
    case item::START_FAILED:
      return replica::start_failed{id, failure_of(from.getStartFailed())};
    case item::DONE: {
      const auto e = from.getDone();
      replica::done done{id, {e.getTicket()}, static_cast<ec>(e.getCode()), e.getUnstarted(), ns_of(e.getRunNs()), {}};
      if (done.code != ec::none || done.unstarted)
        done.failed = read_reply(e.getFailed(), values);
      return done;
    }
    case item::PARKED:
      return replica::parked{id, {from.getParked()}};
    case item::RESUMED:
      return replica::resumed{id, {from.getResumed()}};
    case item::RECALLED:
      return replica::recalled{id, tickets_of(from.getRecalled())};
    case item::LOST:
      return replica::lost{id, failure_of(from.getLost().getWhy()), tickets_of(from.getLost().getBegun()),
                           tickets_of(from.getLost().getUnbegun())};
    case item::WAITING:
      return replica::waiting{id, string_of(from.getWaiting())};
    case item::OVERCOMMITTED:
      return replica::overcommitted{id, string_of(from.getOvercommitted())};
    case item::MEMORY:
      return replica::memory{id, from.getMemory()};
    case item::UNSPECIFIED:
      break;
  }
  return std::nullopt;
}

} // namespace

void write_replica_event(const link::replica_event& what, said::ReplicaEvent::Builder into, value_sink& values) {
  into.setKey(text_of(what.key));
  into.setEpoch(what.epoch.value);
  auto items = into.initItems(size_of(what.items));
  for (unsigned i = 0; i < items.size(); ++i) {
    std::visit([&](const auto& e) { items[i].setReplica(e.id.value); }, what.items[i]);
    std::visit(event_writer{items[i], values}, what.items[i]);
  }
}

link::replica_event read_replica_event(said::ReplicaEvent::Reader from, value_source& values) {
  link::replica_event m{string_of(from.getKey()), {from.getEpoch()}, {}};
  for (auto item : from.getItems())
    if (auto event = read_event(item,
                                values)) // one of a later version is no loss: each kind is only sent when it is known
      m.items.push_back(std::move(*event));
  return m;
}

} // namespace hearth::wire
