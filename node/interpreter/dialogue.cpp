#include "node/interpreter/dialogue.hpp"

#include "node/wire/control.hpp"

#include <algorithm>
#include <utility>

namespace hearth::node {

namespace {

constexpr std::uint32_t low_half(std::uint64_t generation) noexcept { return static_cast<std::uint32_t>(generation); }

milliseconds ms_of(std::uint64_t count) {
  constexpr auto longest = std::chrono::duration_cast<milliseconds>(std::chrono::hours(24 * 365 * 100));
  return milliseconds(std::min<std::uint64_t>(count, static_cast<std::uint64_t>(longest.count())));
}

nanoseconds ns_of(std::uint64_t count) {
  return nanoseconds(std::min<std::uint64_t>(count, static_cast<std::uint64_t>(nanoseconds::max().count())));
}

constexpr const char* not_laid_out = "sent a frame whose layout is not that of its kind";
constexpr const char* before_hello = "sent something else before its hello";

} // namespace

dialogue::dialogue(slot_table table, settings chosen)
  : table_(std::move(table)), settings_(std::move(chosen)), uses_(table_.size()) {}

bool dialogue::is_open(std::uint32_t slot, std::uint32_t generation, call_id id) const noexcept {
  return slot < uses_.size() && uses_[slot].open && low_half(uses_[slot].generation) == generation
         && uses_[slot].id == id;
}

// -- to the interpreter ----

void dialogue::call(const sent_call& what, wire::frame_writer& out) {
  auto& use = uses_[what.slot];
  use.id = what.header.id;
  use.open = true;
  use.replying = false;
  use.streams = what.streams;
  use.streamed = use.taken = 0;
  use.has_input = what.has_input;
  use.asked = use.given = 0;
  ++use.generation;
  table_.send(what.slot, use.generation);
  wire::call frame;
  frame.flags = static_cast<std::uint16_t>(what.header.cache | (what.in_run ? wire::call_in_run : 0)
                                           | (what.streams ? wire::call_streams : 0)
                                           | (what.has_input ? wire::call_input : 0));
  frame.depth = what.header.depth;
  frame.attempt = what.attempt;
  frame.task = what.header.task;
  frame.slot = what.slot;
  frame.generation = low_half(use.generation);
  frame.id = what.header.id;
  frame.root = what.header.root;
  frame.parent = what.header.parent;
  frame.deadline_ms = static_cast<std::uint64_t>(what.header.deadline.count());
  frame.trace_hi = what.header.trace.hi;
  frame.trace_lo = what.header.trace.lo;
  frame.span = what.header.trace.span;
  wire::write_value(frame, what.arguments, out);
}

void dialogue::reply(const call_reply& what, wire::frame_writer& out) {
  wire::reply frame;
  frame.flags = static_cast<std::uint16_t>((what.code != ec::none ? wire::reply_failed : 0)
                                           | (what.is_text ? wire::reply_text : 0)
                                           | (what.cold ? wire::reply_cold : 0));
  frame.code = static_cast<std::uint16_t>(what.code);
  frame.attempt = what.attempt;
  frame.id = what.id;
  frame.run_ns = static_cast<std::uint64_t>(what.run.count());
  frame.queued_ns = static_cast<std::uint64_t>(what.queued.count());
  frame.start_ns = static_cast<std::uint64_t>(what.start.count());
  frame.fork_ns = static_cast<std::uint64_t>(what.fork.count());
  frame.import_ns = static_cast<std::uint64_t>(what.import.count());
  wire::write_value(frame, what.value, out);
}

void dialogue::opened(const opened_handle& what, wire::frame_writer& out) {
  wire::control frame;
  frame.flags = wire::control_response;
  frame.request = what.request;
  wire::write_frame(frame, bytes::copy_of(wire::write_response(what)), out);
}

wire::signal dialogue::signal_for(std::uint32_t slot, wire::signal_what what) const noexcept {
  wire::signal frame;
  frame.what = static_cast<std::uint16_t>(what);
  frame.slot = slot;
  frame.generation = low_half(uses_[slot].generation);
  frame.id = uses_[slot].id;
  return frame;
}

std::vector<std::uint32_t> dialogue::recall(const std::vector<std::uint32_t>& slots, wire::frame_writer& out) {
  std::vector<std::uint32_t> back;
  for (const auto slot : slots) {
    if (slot >= uses_.size() || !uses_[slot].open || uses_[slot].replying || !settings_.keeps_table
        || !table_.recall(slot, uses_[slot].generation))
      continue;
    uses_[slot].open = false;
    wire::write_frame(signal_for(slot, wire::signal_what::recalled), {}, out);
    back.push_back(slot);
  }
  return back;
}

dialogue::cancelled dialogue::cancel(std::uint32_t slot, call_id id, wire::frame_writer& out) {
  if (slot >= uses_.size() || !uses_[slot].open || uses_[slot].id != id)
    return cancelled::stale;
  if (!recall({slot}, out).empty())
    return cancelled::unstarted;
  // A swap that fails: it has just ended, and its reply is on its way.
  table_.cancel(slot, uses_[slot].generation);
  auto frame = signal_for(slot, wire::signal_what::cancel);
  frame.code = static_cast<std::uint16_t>(ec::aborted);
  wire::write_frame(frame, {}, out);
  return cancelled::asked;
}

void dialogue::more(std::uint32_t slot, call_id id, std::uint64_t size, wire::frame_writer& out) {
  if (slot >= uses_.size() || !uses_[slot].open || uses_[slot].id != id)
    return; // its reply was faster
  auto& use = uses_[slot];
  use.taken = std::min(use.taken + size, use.streamed);
  auto frame = signal_for(slot, wire::signal_what::more);
  frame.value = size;
  wire::write_frame(frame, {}, out);
}

void dialogue::input(std::uint32_t slot, const input_part& part, wire::frame_writer& out) {
  if (slot >= uses_.size() || !uses_[slot].open || uses_[slot].id != part.id)
    return; // its reply was faster
  auto& use = uses_[slot];
  wire::chunk frame;
  frame.flags = wire::chunk_of_stream | (part.is_last ? wire::chunk_last : 0);
  frame.request = slot + 1;
  frame.id = part.id;
  frame.offset = use.given;
  use.given += part.data.size();
  wire::write_frame(frame, part.data, out);
}

// -- from the interpreter ----

std::string dialogue::take(const bytes& frame, interpreter::events& events, wire::frame_writer& out) {
  const auto kind = wire::kind_of(frame.view());
  if (!greeted_ && kind != wire::frame_kind::control)
    return before_hello;
  switch (kind) {
    case wire::frame_kind::reply:
      return take_reply(frame, events);
    case wire::frame_kind::call:
      return take_call(frame, events);
    case wire::frame_kind::chunk:
      return take_chunk(frame, events);
    case wire::frame_kind::signal:
      return take_signal(frame, events);
    case wire::frame_kind::control:
      return take_control(frame, events, out);
    case wire::frame_kind::log:
      return take_log(frame, events);
    case wire::frame_kind::unspecified:
      break;
  }
  return "sent a frame of an unknown kind";
}

std::string dialogue::take_reply(const bytes& frame, interpreter::events& events) {
  wire::reply r;
  if (!wire::parse(frame.view(), r))
    return not_laid_out;
  if (!is_open(r.slot, r.generation, r.id) || uses_[r.slot].replying)
    return "replied to a call that it does not have";
  const bool failed = (r.flags & wire::reply_failed) != 0;
  if (failed != (r.code != 0))
    return "sent a reply that is neither a value nor a failure";
  interpreter::outcome outcome;
  outcome.slot = r.slot;
  outcome.unstarted = (r.flags & wire::reply_unstarted) != 0;
  outcome.reply.id = r.id;
  outcome.reply.code = static_cast<ec>(r.code);
  outcome.reply.is_text = (r.flags & wire::reply_text) != 0;
  outcome.reply.run = ns_of(r.run_ns);
  uses_[r.slot].replying = true;
  if (r.size != r.body.size())
    return replies_.begin(r.id, r.size, std::move(outcome), wire::slice_of(frame, r.body));
  outcome.reply.value.head = wire::slice_of(frame, r.body);
  answer(std::move(outcome), events);
  return {};
}

void dialogue::answer(interpreter::outcome outcome, interpreter::events& events) {
  uses_[outcome.slot].open = false;
  parked_.erase(uses_[outcome.slot].id);
  events.push_back(std::move(outcome));
}

std::string dialogue::take_call(const bytes& frame, interpreter::events& events) {
  wire::call c;
  if (!wire::parse(frame.view(), c))
    return not_laid_out;
  interpreter::child_call child;
  child.environment = c.environment;
  child.parks = (c.flags & wire::call_parks) != 0;
  if (child.parks && parked_.size() < uses_.size()) // no more calls than slots can wait
    parked_.insert(c.parent);
  child.header = {c.id, c.root, c.parent, c.depth, c.task, ms_of(c.deadline_ms), {c.trace_hi, c.trace_lo, c.span}};
  if (c.size != c.body.size())
    return calls_.begin(c.id, c.size, std::move(child), wire::slice_of(frame, c.body));
  child.arguments.head = wire::slice_of(frame, c.body);
  events.push_back(std::move(child));
  return {};
}

std::string dialogue::take_chunk(const bytes& frame, interpreter::events& events) {
  wire::chunk c;
  if (!wire::parse(frame.view(), c))
    return not_laid_out;
  if ((c.flags & wire::chunk_of_stream) != 0)
    return take_part(c, wire::slice_of(frame, c.body), events);
  if ((c.flags & wire::chunk_of_reply) != 0) {
    std::optional<std::pair<interpreter::outcome, payload>> done;
    auto fault = replies_.add(c, wire::slice_of(frame, c.body), done);
    if (done) {
      done->first.reply.value = std::move(done->second);
      answer(std::move(done->first), events);
    }
    return fault;
  }
  std::optional<std::pair<interpreter::child_call, payload>> done;
  auto fault = calls_.add(c, wire::slice_of(frame, c.body), done);
  if (done) {
    done->first.arguments = std::move(done->second);
    events.push_back(std::move(done->first));
  }
  return fault;
}

std::string dialogue::take_part(const wire::chunk& part, bytes data, interpreter::events& events) {
  const auto slot = part.request - 1; // 0 is beyond all
  if (slot >= uses_.size() || !uses_[slot].open || uses_[slot].id != part.id || uses_[slot].replying
      || !uses_[slot].streams)
    return "sent a part of a reply that it does not owe";
  auto& use = uses_[slot];
  if (part.offset != use.streamed)
    return "sent the parts of a reply in disorder";
  use.streamed += data.size();
  if (use.streamed - use.taken > defaults::reply_window_bytes)
    return "sent more of a reply than its caller takes";
  if (!data.empty())
    events.push_back(interpreter::part{slot, std::move(data)});
  return {};
}

std::string dialogue::take_signal(const bytes& frame, interpreter::events& events) {
  wire::signal s;
  if (!wire::parse(frame.view(), s))
    return not_laid_out;
  const auto what = static_cast<wire::signal_what>(s.what);
  if (what == wire::signal_what::cancel) {
    events.push_back(interpreter::child_cancel{s.id});
    return {};
  }
  if (what != wire::signal_what::parked && what != wire::signal_what::resumed && what != wire::signal_what::more)
    return "sent a signal that is not an interpreter's to send";
  if (!is_open(s.slot, s.generation, s.id))
    return "sent a signal of a call that it does not have";
  if (what == wire::signal_what::more)
    return take_wish(s, events);
  if (what == wire::signal_what::parked) {
    parked_.insert(s.id);
    events.push_back(interpreter::parked{s.slot});
  } else {
    parked_.erase(s.id);
    events.push_back(interpreter::resumed{s.slot});
  }
  return {};
}

std::string dialogue::take_wish(const wire::signal& wish, interpreter::events& events) {
  auto& use = uses_[wish.slot];
  if (!use.has_input || wish.value > defaults::reply_window_bytes
      || use.asked + wish.value - use.given > defaults::reply_window_bytes)
    return "asked for more input of a call than it may have";
  use.asked += wish.value;
  events.push_back(interpreter::wanted{wish.slot, wish.value});
  return {};
}

std::string dialogue::take_control(const bytes& frame, interpreter::events& events, wire::frame_writer& out) {
  wire::control c;
  if (!wire::parse(frame.view(), c))
    return not_laid_out;
  if ((c.flags & wire::control_response) != 0)
    return "sent a response to a request that nobody made";
  auto request = wire::read_request(c.request, c.body, settings_.default_python);
  if (auto* event = std::get_if<client::event>(&request))
    return take_request(*event, events);
  auto& why = std::get<failure>(request);
  if (!greeted_)
    return "did not say hello. " + why.message;
  // What a task asks for may be wrong without the interpreter being so.
  opened({c.request, 0, {}, false, std::move(why)}, out);
  return {};
}

std::string dialogue::take_request(client::event& request, interpreter::events& events) {
  if (auto* hello = std::get_if<client::hello>(&request)) {
    if (greeted_)
      return "said hello twice";
    if (hello->protocol != defaults::protocol_version)
      return "speaks protocol " + std::to_string(hello->protocol) + "; this node speaks "
             + std::to_string(defaults::protocol_version);
    greeted_ = true;
    if (!hello->failure.empty()) {
      refusal_ = failure{ec::module_load, std::move(hello->failure)};
      return {};
    }
    events.push_back(interpreter::hello{hello->pid, std::move(hello->version)});
    return {};
  }
  if (!greeted_)
    return before_hello;
  auto* open = std::get_if<client::open_environment>(&request);
  if (open == nullptr || open->deploy)
    return "sent a request that is not an interpreter's to make";
  events.push_back(interpreter::open_environment{open->request, std::move(open->spec)});
  return {};
}

std::string dialogue::take_log(const bytes& frame, interpreter::events& events) {
  wire::log l;
  if (!wire::parse(frame.view(), l))
    return not_laid_out;
  interpreter::output output;
  output.text.call = l.id;
  output.text.replica = settings_.replica.value;
  output.text.stream = l.flags;
  output.text.dropped = l.dropped;
  output.text.unix_ns = l.unix_ns;
  output.text.text = wire::slice_of(frame, l.body);
  events.push_back(std::move(output));
  return {};
}

// -- output ----

std::optional<call_id> dialogue::only_running() const {
  std::optional<call_id> found;
  for (std::uint32_t slot = 0; slot < uses_.size(); ++slot) {
    const auto& use = uses_[slot];
    if (!use.open || parked_.count(use.id) > 0 || (settings_.keeps_table && !table_.is_running(slot, use.generation)))
      continue;
    if (found)
      return std::nullopt;
    found = use.id;
  }
  return found;
}

// -- at the end ----

std::vector<std::uint32_t> dialogue::begun() {
  std::vector<std::uint32_t> result;
  for (std::uint32_t slot = 0; slot < uses_.size(); ++slot) {
    if (!std::exchange(uses_[slot].open, false))
      continue;
    // Swapped, not only read: whoever still holds the table cannot begin the call any more.
    if (!settings_.keeps_table || !table_.recall(slot, uses_[slot].generation))
      result.push_back(slot);
  }
  return result;
}

} // namespace hearth::node
