#include "node/wire/link_write.hpp"

#include "node/wire/environment.hpp"

#include <type_traits>
#include <variant>

/// Messages to schema/link_messages.capnp; the way back is in link_read.cpp.
namespace hearth::wire {

namespace {

void write_spec(const spec_ptr& spec, said::Spec::Builder into) {
  if (!spec)
    return;
  write_environment(*spec, into.initEnvironment());
  into.setVersion(text_of(spec->version));
}

struct message_writer {
  said::Message::Builder into;
  value_sink& values;

  void operator()(const link::open_environment& what) {
    auto m = into.initOpenEnvironment();
    m.setRequest(what.request);
    write_spec(what.spec, m.initSpec());
    m.setDeploy(what.deploy);
    m.setEpoch(what.epoch.value);
  }

  void operator()(const link::opened& what) {
    auto m = into.initOpened();
    m.setRequest(what.request);
    m.setIsNew(what.is_new);
    write_failure(what.error, m.initError());
  }

  void operator()(const link::invoke& what) {
    auto m = into.initInvoke();
    m.setKey(text_of(what.key));
    m.setEpoch(what.epoch.value);
    auto calls = m.initCalls(size_of(what.calls));
    for (unsigned i = 0; i < calls.size(); ++i) {
      const auto& c = what.calls[i];
      write_header(c.header, calls[i].initHeader());
      values.write(c.arguments, calls[i].initArguments());
      calls[i].setVersion(text_of(c.version));
      write_caller(c.caller, calls[i].initCaller());
      write_caller(c.output, calls[i].initOutput());
      calls[i].setInRun(c.in_run);
      calls[i].setReplays(c.replays);
      calls[i].setStreams(c.streams);
      calls[i].setHasInput(c.has_input);
    }
  }

  void operator()(const link::cancel& what) {
    auto m = into.initCancel();
    m.setKey(text_of(what.key));
    auto items = m.initItems(size_of(what.items));
    for (unsigned i = 0; i < items.size(); ++i) {
      write_caller(what.items[i].caller, items[i].initCaller());
      write_id(what.items[i].id, items[i].initId());
      items[i].setCode(static_cast<std::uint16_t>(what.items[i].code));
      items[i].setReason(text_of(what.items[i].reason));
    }
  }

  void operator()(const link::probe& what) {
    auto m = into.initProbe();
    m.setKey(text_of(what.key));
    m.setEpoch(what.epoch.value);
    write_caller(what.caller, m.initCaller());
    write_calls(what.calls, m.initCalls(size_of(what.calls)));
  }

  void operator()(const link::strays& what) {
    auto m = into.initStrays();
    m.setKey(text_of(what.key));
    m.setEpoch(what.epoch.value);
    write_calls(what.calls, m.initCalls(size_of(what.calls)));
    m.setReason(text_of(what.reason));
  }

  void operator()(const link::replies& what) {
    auto m = into.initReplies();
    m.setNumber(what.number);
    auto items = m.initItems(size_of(what.items));
    for (unsigned i = 0; i < items.size(); ++i)
      write_reply(what.items[i], items[i], values);
  }

  void operator()(const link::logged& what) {
    auto m = into.initLogged();
    m.setNumber(what.number);
    auto items = m.initItems(size_of(what.items));
    for (unsigned i = 0; i < items.size(); ++i) {
      const auto& t = what.items[i];
      write_id(t.call, items[i].initCall());
      write_id(t.root, items[i].initRoot());
      items[i].setReplica(t.replica);
      items[i].setStream(t.stream);
      items[i].setDropped(t.dropped);
      items[i].setUnixNs(t.unix_ns);
      values.write({t.text, {}}, items[i].initText());
    }
  }

  void operator()(const link::order& what) {
    auto m = into.initOrder();
    m.setKey(text_of(what.key));
    m.setEpoch(what.epoch.value);
    write_spec(what.spec, m.initSpec());
    m.setReplica(what.id.value);
    m.setConcurrency(what.concurrency);
    m.setSlots(what.slots);
    m.setFresh(what.fresh);
    m.setForNested(what.for_nested);
    m.setRehearses(what.rehearses);
  }

  void operator()(const link::withdraw& what) { into.setWithdraw(what.id.value); }
  void operator()(const link::promote& what) { into.setPromote(what.id.value); }

  void operator()(const link::forget& what) {
    auto m = into.initForget();
    m.setKey(text_of(what.key));
    m.setVersion(text_of(what.version));
  }

  void operator()(const link::dispatch& what) {
    auto m = into.initDispatch();
    m.setReplica(what.id.value);
    m.setEpoch(what.epoch.value);
    auto items = m.initItems(size_of(what.items));
    for (unsigned i = 0; i < items.size(); ++i) {
      const auto& d = what.items[i];
      items[i].setTicket(d.id.value);
      items[i].setAttempt(d.attempt);
      items[i].setCold(d.cold);
      items[i].setQueuedNs(count_of(d.queued));
      write_header(d.header, items[i].initHeader());
      values.write(d.arguments, items[i].initArguments());
      items[i].setInRun(d.in_run);
      items[i].setReplays(d.replays);
      items[i].setStreams(d.streams);
      items[i].setHasInput(d.has_input);
      write_caller(d.caller, items[i].initCaller());
      write_caller(d.output, items[i].initOutput());
    }
  }

  void operator()(const link::recall& what) {
    auto m = into.initRecall();
    m.setReplica(what.id.value);
    write_numbers(what.items, m.initTickets(size_of(what.items)));
  }

  void operator()(const link::cancel_ticket& what) {
    auto m = into.initCancelTicket();
    m.setReplica(what.id.value);
    m.setTicket(what.item.value);
  }

  void operator()(const link::retire& what) {
    auto m = into.initRetire();
    m.setReplica(what.id.value);
    m.setAtOnce(what.at_once);
    m.setReason(text_of(what.reason));
  }

  void operator()(const link::adopt& what) {
    auto m = into.initAdopt();
    m.setKey(text_of(what.key));
    m.setEpoch(what.epoch.value);
  }

  void operator()(const link::replica_event& what) { write_replica_event(what, into.initReplicaEvent(), values); }

  void operator()(const link::adopted& what) {
    auto m = into.initAdopted();
    m.setKey(text_of(what.key));
    m.setEpoch(what.epoch.value);
    auto items = m.initItems(size_of(what.items));
    for (unsigned i = 0; i < items.size(); ++i) {
      items[i].setReplica(what.items[i].id.value);
      items[i].setVersion(text_of(what.items[i].version));
      items[i].setConcurrency(what.items[i].concurrency);
      write_attachment(what.items[i].how, items[i].initHow());
      items[i].setPid(what.items[i].pid);
      items[i].setStartNs(count_of(what.items[i].start));
    }
  }

  void operator()(const link::free_capacity& what) {
    auto m = into.initFreeCapacity();
    m.setMemoryBytes(what.memory_bytes);
    m.setCpuMillis(what.cpu_millis);
    m.setGpus(what.gpus);
    m.setReplicas(what.replicas);
    m.setLoad(what.load);
  }

  void operator()(const link::ask& what) {
    auto m = into.initAsk();
    m.setRequest(what.request);
    m.setWhat(text_of(what.what));
    auto words = m.initWords(size_of(what.words));
    for (unsigned i = 0; i < words.size(); ++i)
      words.set(i, text_of(what.words[i]));
    m.setLimit(what.limit);
    m.setFollow(what.follow);
    write_caller(what.caller, m.initCaller());
    write_calls(what.calls, m.initCalls(size_of(what.calls)));
    write_children(what.children, m.initChildren(size_of(what.children)), values);
    values.write(what.value, m.initValue());
  }

  void operator()(const link::recorded& what) { write_recorded(what, into.initRecorded(), values); }

  void operator()(const link::sought& what) {
    auto m = into.initSought();
    m.setNumber(what.number);
    write_id(what.root, m.initRoot());
    write_calls(what.ids, m.initCalls(size_of(what.ids)));
    write_caller(what.seeker, m.initSeeker());
  }

  void operator()(const link::parts& what) {
    auto m = into.initParts();
    m.setNumber(what.number);
    auto items = m.initItems(size_of(what.items));
    for (unsigned i = 0; i < items.size(); ++i) {
      write_id(what.items[i].id, items[i].initId());
      items[i].setAttempt(what.items[i].attempt);
      values.write({what.items[i].data, {}}, items[i].initData());
    }
    write_caller(what.replica, m.initReplica());
  }

  void operator()(const link::more& what) {
    auto m = into.initMore();
    m.setNumber(what.number);
    write_id(what.id, m.initId());
    m.setSize(what.size);
    write_caller(what.sender, m.initSender());
  }

  void operator()(const link::input& what) {
    auto m = into.initInput();
    m.setNumber(what.number);
    write_id(what.item.id, m.initId());
    values.write({what.item.data, {}}, m.initData());
    m.setIsLast(what.item.is_last);
  }

  void operator()(const link::found& what) { write_found(what, into.initFound(), values); }
  void operator()(const link::acted& what) { write_acted(what, into.initActed()); }

  void operator()(const link::answer& what) { write_answer(what, into.initAnswer(), values); }
};

} // namespace

void write_message(const link::message& what, said::Message::Builder into, value_sink& values) {
  std::visit(message_writer{into, values}, what);
}

} // namespace hearth::wire
