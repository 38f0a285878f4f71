#include "node/wire/link_write.hpp"

/// The record of a run and what happens to its actions, both ways.
namespace hearth::wire {

namespace {

using phase_t = action_event::phase_t;

said::Acted::Phase word_of(phase_t phase) {
  switch (phase) {
    case phase_t::queued:
      return said::Acted::Phase::QUEUED;
    case phase_t::running:
      return said::Acted::Phase::RUNNING;
    case phase_t::succeeded:
      return said::Acted::Phase::SUCCEEDED;
    case phase_t::aborted:
      return said::Acted::Phase::ABORTED;
    case phase_t::timed_out:
      return said::Acted::Phase::TIMED_OUT;
    case phase_t::failed:
      break;
  }
  return said::Acted::Phase::FAILED;
}

/// Nothing for one of a later version.
std::optional<phase_t> phase_of(said::Acted::Phase word) {
  switch (word) {
    case said::Acted::Phase::QUEUED:
      return phase_t::queued;
    case said::Acted::Phase::RUNNING:
      return phase_t::running;
    case said::Acted::Phase::SUCCEEDED:
      return phase_t::succeeded;
    case said::Acted::Phase::FAILED:
      return phase_t::failed;
    case said::Acted::Phase::ABORTED:
      return phase_t::aborted;
    case said::Acted::Phase::TIMED_OUT:
      return phase_t::timed_out;
  }
  return std::nullopt;
}

} // namespace

void write_children(const std::vector<finished_child>& what, capnp::List<said::Recorded::Item>::Builder into,
                    value_sink& values) {
  for (unsigned i = 0; i < into.size(); ++i) {
    write_id(what[i].root, into[i].initRoot());
    auto reply = into[i].initReply();
    write_reply(what[i].reply, reply, values);
    write_id(what[i].id, reply.getId());
  }
}

std::vector<finished_child> read_children(capnp::List<said::Recorded::Item>::Reader from, value_source& values) {
  std::vector<finished_child> children;
  for (auto i : from) {
    auto reply = read_reply(i.getReply(), values);
    const auto id = reply.id;
    children.push_back({call_of(i.getRoot()), id, std::move(reply)});
  }
  return children;
}

void write_recorded(const link::recorded& what, said::Recorded::Builder into, value_sink& values) {
  into.setNumber(what.number);
  write_children(what.items, into.initItems(size_of(what.items)), values);
}

link::recorded read_recorded(said::Recorded::Reader from, value_source& values) {
  return {from.getNumber(), read_children(from.getItems(), values)};
}

void write_found(const link::found& what, said::Found::Builder into, value_sink& values) {
  into.setNumber(what.number);
  auto items = into.initItems(size_of(what.items));
  for (unsigned i = 0; i < items.size(); ++i) {
    const auto& child = what.items[i];
    write_id(child.id, items[i].initId());
    items[i].setIsThere(child.reply.has_value());
    if (child.reply)
      write_reply(*child.reply, items[i].initReply(), values);
  }
}

link::found read_found(said::Found::Reader from, value_source& values) {
  link::found m{from.getNumber(), {}};
  for (auto i : from.getItems()) {
    auto& child = m.items.emplace_back();
    child.id = call_of(i.getId());
    if (i.getIsThere())
      child.reply = read_reply(i.getReply(), values);
  }
  return m;
}

void write_acted(const link::acted& what, said::Acted::Builder into) {
  into.setNumber(what.number);
  auto items = into.initItems(size_of(what.items));
  for (unsigned i = 0; i < items.size(); ++i) {
    const auto& e = what.items[i];
    auto item = items[i];
    write_id(e.root, item.initRoot());
    write_id(e.id, item.initId());
    write_id(e.parent, item.initParent());
    item.setDepth(e.depth);
    item.setTask(text_of(e.task));
    item.setKey(text_of(e.key));
    item.setPhase(word_of(e.phase));
    item.setAttempt(e.attempt);
    item.setCold(e.cold);
    item.setQueuedNs(count_of(e.queued));
    item.setStartNs(count_of(e.start));
    item.setForkNs(count_of(e.fork));
    item.setImportNs(count_of(e.import));
    item.setRunNs(count_of(e.run));
    item.setReplica(e.replica);
    item.setError(text_of(e.error));
    item.setCache(text_of(e.cache));
    item.setProducer(text_of(e.producer));
  }
}

link::acted read_acted(said::Acted::Reader from) {
  link::acted m{from.getNumber(), {}};
  for (auto i : from.getItems()) {
    const auto phase = phase_of(i.getPhase());
    if (!phase)
      continue;
    auto& e = m.items.emplace_back();
    e.root = call_of(i.getRoot());
    e.id = call_of(i.getId());
    e.parent = call_of(i.getParent());
    e.depth = i.getDepth();
    e.task = string_of(i.getTask());
    e.key = string_of(i.getKey());
    e.phase = *phase;
    e.attempt = i.getAttempt();
    e.cold = i.getCold();
    e.queued = ns_of(i.getQueuedNs());
    e.start = ns_of(i.getStartNs());
    e.fork = ns_of(i.getForkNs());
    e.import = ns_of(i.getImportNs());
    e.run = ns_of(i.getRunNs());
    e.replica = i.getReplica();
    e.error = string_of(i.getError());
    e.cache = string_of(i.getCache());
    e.producer = string_of(i.getProducer());
  }
  return m;
}

} // namespace hearth::wire
