#include "node/wire/environment.hpp"
#include "node/wire/link_write.hpp"

/// Messages from schema/link_messages.capnp; the way there is in link_write.cpp.
namespace hearth::wire {

namespace {

spec_ptr read_spec(said::Spec::Reader from) {
  auto spec = std::make_shared<environment_spec>(read_environment(from.getEnvironment()));
  spec->version = string_of(from.getVersion());
  return spec;
}

link::invoke read(said::Invoke::Reader from, value_source& values) {
  link::invoke m{string_of(from.getKey()), {from.getEpoch()}, {}};
  for (auto c : from.getCalls()) {
    auto& call = m.calls.emplace_back();
    call.header = header_of(c.getHeader());
    call.arguments = values.read(c.getArguments());
    call.version = string_of(c.getVersion());
    call.caller = caller_of(c.getCaller());
    call.output = caller_of(c.getOutput());
    call.in_run = c.getInRun();
    call.replays = c.getReplays();
    call.streams = c.getStreams();
    call.has_input = c.getHasInput();
  }
  return m;
}

link::cancel read(said::Cancel::Reader from) {
  link::cancel m{string_of(from.getKey()), {}};
  for (auto i : from.getItems())
    m.items.push_back(
      {caller_of(i.getCaller()), call_of(i.getId()), static_cast<ec>(i.getCode()), string_of(i.getReason())});
  return m;
}

link::replies read(said::Replies::Reader from, value_source& values) {
  link::replies m{from.getNumber(), {}};
  for (auto r : from.getItems())
    m.items.push_back(read_reply(r, values));
  return m;
}

/// In one piece; seldom it comes in several.
bytes whole(const payload& value) {
  if (value.rest.empty())
    return value.head;
  std::string text(value.head.view());
  for (const auto& part : value.rest)
    text += part.view();
  return bytes::copy_of(text);
}

link::logged read(said::Logged::Reader from, value_source& values) {
  link::logged m{from.getNumber(), {}};
  for (auto t : from.getItems()) {
    auto& text = m.items.emplace_back();
    text.call = call_of(t.getCall());
    text.root = call_of(t.getRoot());
    text.replica = t.getReplica();
    text.stream = t.getStream();
    text.dropped = t.getDropped();
    text.unix_ns = t.getUnixNs();
    text.text = whole(values.read(t.getText()));
  }
  return m;
}

link::order read(said::Order::Reader from) {
  link::order m;
  m.key = string_of(from.getKey());
  m.epoch = {from.getEpoch()};
  m.spec = read_spec(from.getSpec());
  m.id = {from.getReplica()};
  m.concurrency = from.getConcurrency();
  m.slots = from.getSlots();
  m.fresh = from.getFresh();
  m.for_nested = from.getForNested();
  m.rehearses = from.getRehearses();
  return m;
}

link::dispatch read(said::Dispatch::Reader from, value_source& values) {
  link::dispatch m{{from.getReplica()}, {from.getEpoch()}, {}};
  for (auto i : from.getItems()) {
    auto& item = m.items.emplace_back();
    item.id = {i.getTicket()};
    item.attempt = i.getAttempt();
    item.cold = i.getCold();
    item.queued = ns_of(i.getQueuedNs());
    item.header = header_of(i.getHeader());
    item.arguments = values.read(i.getArguments());
    item.in_run = i.getInRun();
    item.replays = i.getReplays();
    item.streams = i.getStreams();
    item.has_input = i.getHasInput();
    item.caller = caller_of(i.getCaller());
    item.output = caller_of(i.getOutput());
  }
  return m;
}

link::adopted read(said::Adopted::Reader from) {
  link::adopted m{string_of(from.getKey()), {from.getEpoch()}, {}};
  for (auto i : from.getItems())
    m.items.push_back({{i.getReplica()},
                       string_of(i.getVersion()),
                       i.getConcurrency(),
                       attachment_of(i.getHow()),
                       i.getPid(),
                       ns_of(i.getStartNs())});
  return m;
}

link::free_capacity read(said::FreeCapacity::Reader from) {
  link::free_capacity m;
  m.memory_bytes = from.getMemoryBytes();
  m.cpu_millis = from.getCpuMillis();
  m.gpus = from.getGpus();
  m.replicas = from.getReplicas();
  m.load = from.getLoad();
  return m;
}

link::ask read(said::Ask::Reader from, value_source& values) {
  link::ask m;
  m.request = from.getRequest();
  m.what = string_of(from.getWhat());
  for (auto w : from.getWords())
    m.words.push_back(string_of(w));
  m.limit = from.getLimit();
  m.follow = from.getFollow();
  m.caller = caller_of(from.getCaller());
  m.calls = calls_of(from.getCalls());
  m.children = read_children(from.getChildren(), values);
  m.value = values.read(from.getValue());
  return m;
}

link::parts read(said::Parts::Reader from, value_source& values) {
  link::parts m{from.getNumber(), {}, caller_of(from.getReplica())};
  for (auto i : from.getItems())
    m.items.push_back({call_of(i.getId()), i.getAttempt(), whole(values.read(i.getData()))});
  return m;
}

link::input read(said::Input::Reader from, value_source& values) {
  return {from.getNumber(), {call_of(from.getId()), whole(values.read(from.getData())), from.getIsLast()}};
}

link::open_environment read(said::OpenEnvironment::Reader from) {
  return {from.getRequest(), read_spec(from.getSpec()), from.getDeploy(), {from.getEpoch()}};
}

link::probe read(said::Probe::Reader from) {
  return {string_of(from.getKey()), {from.getEpoch()}, caller_of(from.getCaller()), calls_of(from.getCalls())};
}

link::strays read(said::Strays::Reader from) {
  return {string_of(from.getKey()), {from.getEpoch()}, calls_of(from.getCalls()), string_of(from.getReason())};
}

link::retire read(said::Retire::Reader from) {
  return {{from.getReplica()}, from.getAtOnce(), string_of(from.getReason())};
}

link::more read(said::More::Reader from) {
  return {from.getNumber(), call_of(from.getId()), from.getSize(), caller_of(from.getSender())};
}

link::sought read(said::Sought::Reader from) {
  return {from.getNumber(), call_of(from.getRoot()), calls_of(from.getCalls()), caller_of(from.getSeeker())};
}

} // namespace

std::optional<link::message> read_message(said::Message::Reader from, value_source& values) {
  switch (from.which()) {
    case said::Message::OPEN_ENVIRONMENT:
      return read(from.getOpenEnvironment());
    case said::Message::OPENED:
      return link::opened{from.getOpened().getRequest(), from.getOpened().getIsNew(),
                          failure_of(from.getOpened().getError())};
    case said::Message::INVOKE:
      return read(from.getInvoke(), values);
    case said::Message::CANCEL:
      return read(from.getCancel());
    case said::Message::PROBE:
      return read(from.getProbe());
    case said::Message::STRAYS:
      return read(from.getStrays());
    case said::Message::REPLIES:
      return read(from.getReplies(), values);
    case said::Message::LOGGED:
      return read(from.getLogged(), values);
    case said::Message::ORDER:
      return read(from.getOrder());
    case said::Message::WITHDRAW:
      return link::withdraw{{from.getWithdraw()}};
    case said::Message::PROMOTE:
      return link::promote{{from.getPromote()}};
    case said::Message::FORGET:
      return link::forget{string_of(from.getForget().getKey()), string_of(from.getForget().getVersion())};
    case said::Message::DISPATCH:
      return read(from.getDispatch(), values);
    case said::Message::RECALL:
      return link::recall{{from.getRecall().getReplica()}, tickets_of(from.getRecall().getTickets())};
    case said::Message::CANCEL_TICKET:
      return link::cancel_ticket{{from.getCancelTicket().getReplica()}, {from.getCancelTicket().getTicket()}};
    case said::Message::RETIRE:
      return read(from.getRetire());
    case said::Message::ADOPT:
      return link::adopt{string_of(from.getAdopt().getKey()), {from.getAdopt().getEpoch()}};
    case said::Message::REPLICA_EVENT:
      return read_replica_event(from.getReplicaEvent(), values);
    case said::Message::ADOPTED:
      return read(from.getAdopted());
    case said::Message::FREE_CAPACITY:
      return read(from.getFreeCapacity());
    case said::Message::ASK:
      return read(from.getAsk(), values);
    case said::Message::ANSWER:
      return read_answer(from.getAnswer(), values);
    case said::Message::RECORDED:
      return read_recorded(from.getRecorded(), values);
    case said::Message::SOUGHT:
      return read(from.getSought());
    case said::Message::FOUND:
      return read_found(from.getFound(), values);
    case said::Message::ACTED:
      return read_acted(from.getActed());
    case said::Message::PARTS:
      return read(from.getParts(), values);
    case said::Message::MORE:
      return read(from.getMore());
    case said::Message::INPUT:
      return read(from.getInput(), values);
    case said::Message::LARGE:
    case said::Message::UNSPECIFIED:
      break;
  }
  return std::nullopt;
}

} // namespace hearth::wire
