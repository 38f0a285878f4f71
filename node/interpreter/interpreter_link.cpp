#include "node/interpreter/interpreter_link.hpp"

#include "core/defaults.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

namespace hearth::node {

namespace {

constexpr std::size_t last_words_bytes = 400;

bool peer_is_gone(int socket) {
  pollfd state{socket, POLLRDHUP, 0};
  return ::poll(&state, 1, 0) == 1 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

std::string in_mib(std::uint64_t bytes) { return std::to_string(bytes / defaults::mib) + " MiB"; }

/// `used` says how much, where that is known.
failure over_limit(pid_t pid, const std::string& used, std::uint64_t limit) {
  return {ec::out_of_memory, "The interpreter (pid " + std::to_string(pid)
                               + "), together with the processes that it started, used " + used
                               + " of memory; its limit is " + in_mib(limit)
                               + ". Raise it with TaskEnvironment(resources=Resources(memory=...)) or use less."};
}

} // namespace

failure obituary_of(pid_t pid, std::optional<exit_status> status, bool by_kernel_for_memory,
                    const std::string& last_words) {
  failure result{ec::interpreter_lost, "The interpreter (pid " + std::to_string(pid) + ") "};
  if (by_kernel_for_memory) {
    result.code = ec::out_of_memory;
    result.message += "was ended by the kernel because the machine ran out of memory";
  } else {
    result.message += status ? in_words(*status) : std::string("ended together with its zygote");
  }
  result.message += '.';
  if (!last_words.empty())
    result.message += " The last it wrote: " + last_words;
  return result;
}

interpreter_link::interpreter_link(work_loop& loop, process running, slot_table table, settings chosen)
  : process_(std::move(running)), settings_(std::move(chosen)), dialogue_(std::move(table), settings_.talk),
    status_expected_(!process_.is_child), patience_(loop.timers(), [this] { press_on(); }),
    output_(loop, kj::mv(process_.output), [this](std::string_view text) { tell_output(text); }),
    exit_(loop, kj::mv(process_.sandbox != 0 ? process_.sandbox_pidfd : process_.pidfd), [this] { on_exit(); }),
    stream_(loop, kj::mv(process_.socket), *this) {}

interpreter_link::~interpreter_link() {
  if (!exited_)
    kill();
}

/// A sandbox ends with its bwrap, and with it all that is inside.
void interpreter_link::kill() noexcept {
  kill_group(process_.sandbox != 0 ? process_.sandbox : process_.pid, exit_.pidfd());
}

// -- to the interpreter ----

void interpreter_link::dispatch(const std::vector<sent_call>& calls) {
  dispatched_at_ = std::chrono::steady_clock::now();
  for (const auto& call : calls)
    dialogue_.call(call, *this);
}

void interpreter_link::recall(const std::vector<std::uint32_t>& slots) {
  interpreter::events events;
  events.push_back(interpreter::recalled{dialogue_.recall(slots, *this)});
  tell(std::move(events));
}

void interpreter_link::cancel(std::uint32_t slot, call_id id) {
  switch (dialogue_.cancel(slot, id, *this)) {
    case dialogue::cancelled::stale:
      break;
    case dialogue::cancelled::unstarted: {
      interpreter::outcome outcome;
      outcome.slot = slot;
      outcome.unstarted = true;
      outcome.reply.id = id;
      outcome.reply.code = ec::aborted;
      outcome.reply.is_text = true;
      outcome.reply.value = payload::text(sentence(ec::aborted));
      interpreter::events events;
      events.push_back(std::move(outcome));
      tell(std::move(events));
      break;
    }
    case dialogue::cancelled::asked:
      // A sync task does not read frames while it runs; the handler of this signal looks at the slot table.
      send_signal(pidfd(), SIGUSR1);
      break;
  }
}

void interpreter_link::replies(const std::vector<call_reply>& replies) {
  for (const auto& reply : replies)
    dialogue_.reply(reply, *this);
}

void interpreter_link::opened(const opened_handle& handle) { dialogue_.opened(handle, *this); }

// -- its end ----

void interpreter_link::halt(bool at_once, failure why) {
  if (over_)
    return;
  // The first reason to kill it counts, or else why it was asked to end.
  if (!verdict_ || (at_once && !killed_))
    verdict_ = std::move(why);
  if (exited_)
    return;
  if (at_once) {
    killed_ = true;
    return kill();
  }
  if (std::exchange(asked_to_end_, true))
    return;
  // The end of its socket is how it is told; what was written before still goes out.
  stream_.flush();
  ::shutdown(stream_.fd(), SHUT_WR);
  patience_.set(settings_.end_grace);
}

void interpreter_link::press_on() {
  if (exited_)
    return finish();
  if (std::exchange(terminated_, true))
    return kill();
  send_signal(pidfd(), SIGTERM);
  patience_.set(defaults::kill_grace);
}

void interpreter_link::ended(exit_status status) {
  if (!status_)
    status_ = status;
  finish_if_over();
}

void interpreter_link::unattended() {
  status_expected_ = false;
  finish_if_over();
}

void interpreter_link::exceeded_memory(std::uint64_t used) {
  if (exited_ || killed_)
    return;
  halt(true, over_limit(process_.pid, in_mib(used), settings_.memory_limit));
}

void interpreter_link::measured(std::uint64_t used) {
  if (over_)
    return;
  interpreter::events events;
  events.push_back(interpreter::memory{used});
  tell(std::move(events));
}

void interpreter_link::on_exit() {
  exited_ = true;
  if (process_.is_child)
    status_ = reap(exit_.pidfd());
  if (status_ && process_.sandbox != 0)
    status_ = of_sandbox(*status_);
  output_.read_rest();
  // For what is left in the socket, and for the zygote's word; either may never come.
  patience_.set(defaults::exit_status_wait);
  finish_if_over();
}

bool interpreter_link::is_drained() const noexcept {
  int unread = 0;
  return stream_over_ || broken_ || ::ioctl(stream_.fd(), FIONREAD, &unread) != 0 || unread == 0;
}

void interpreter_link::finish_if_over() {
  // A socket that a forked child still holds does not end; that it is empty is enough.
  if (exited_ && (status_ || !status_expected_) && is_drained())
    finish();
}

void interpreter_link::finish() {
  if (std::exchange(over_, true))
    return;
  const auto keep = shared_from_this();
  patience_.cancel();
  auto why = verdict_ ? *std::move(verdict_) : obituary();
  interpreter::events events;
  events.push_back(interpreter::gone{why.code, std::move(why.message), dialogue_.begun()});
  tell(std::move(events));
  // Not `normal`, which an actor takes for somebody else's end.
  caf::anon_send_exit(std::exchange(door_, interpreter_actor{}), caf::exit_reason::user_shutdown);
  if (settings_.on_gone)
    std::exchange(settings_.on_gone, nullptr)();
}

failure interpreter_link::obituary() {
  const bool killed = status_ && status_->signal == SIGKILL;
  if (killed && settings_.group && settings_.group->ran_out_of_memory())
    return over_limit(process_.pid, "too much", settings_.memory_limit);
  auto result = obituary_of(process_.pid, status_, killed && kernel_ended_for_memory(),
                            output_.tail().last_line(last_words_bytes));
  if (!stream_end_.empty())
    result.message += " Before, it " + stream_end_ + '.';
  return result;
}

// -- from the interpreter ----

void interpreter_link::on_frames(std::vector<bytes>& frames) {
  if (broken_ || over_)
    return;
  // What a call's subprocesses have written comes before its reply; a call that took no time has started none.
  if (std::chrono::steady_clock::now() - dispatched_at_ > defaults::raw_output_call_time)
    output_.read_rest();
  interpreter::events events;
  events.reserve(frames.size());
  std::string fault;
  for (const auto& frame : frames)
    if (fault = dialogue_.take(frame, events, *this); !fault.empty())
      break;
  // The number that it knows may be one of its sandbox's own.
  for (auto& event : events)
    if (auto* hello = std::get_if<interpreter::hello>(&event))
      hello->pid = static_cast<std::uint32_t>(process_.pid);
  served_ = served_ || std::any_of(events.begin(), events.end(), [](const auto& e) {
              return std::holds_alternative<interpreter::outcome>(e);
            });
  if (!events.empty())
    tell(std::move(events));
  if (dialogue_.refusal())
    halt(false, *dialogue_.refusal());
  if (!fault.empty()) {
    broken_ = true;
    halt(true, {ec::protocol_broken,
                "The interpreter (pid " + std::to_string(process_.pid) + ") " + fault + ", and was ended."});
  }
  finish_if_over();
}

void interpreter_link::on_end(const std::string& reason) {
  stream_over_ = true;
  if (!exited_ && !reason.empty() && !peer_is_gone(stream_.fd())) {
    halt(true, {ec::protocol_broken,
                "The interpreter (pid " + std::to_string(process_.pid) + ") " + reason + ", and was ended."});
  } else {
    // A process that closes its socket is on its way out, or breaks off because it crashed.
    stream_end_ = reason;
    if (!exited_ && !patience_.is_set())
      patience_.set(defaults::kill_grace);
  }
  finish_if_over();
}

void interpreter_link::tell(interpreter::events events) {
  caf::anon_send(settings_.replica, atom::events::value, std::move(events));
}

void interpreter_link::tell_output(std::string_view text) {
  if (over_)
    return;
  interpreter::output output;
  output.text.replica = settings_.talk.replica.value;
  output.text.stream = wire::stream_out;
  output.text.unix_ns = static_cast<std::uint64_t>(
    std::chrono::duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  output.text.text = bytes::copy_of(text);
  if (const auto call = dialogue_.only_running()) {
    if (!(*call == raw_call_))
      raw_call_ = *call, raw_bytes_ = 0;
    if (raw_bytes_ > defaults::call_output_bytes_max)
      return;
    output.text.call = *call;
    raw_bytes_ += text.size();
    if (raw_bytes_ > defaults::call_output_bytes_max) {
      output.text.stream = wire::stream_system;
      output.text.text = bytes::copy_of("What this call writes past Python is more than "
                                        + in_mib(defaults::call_output_bytes_max) + "; the rest is dropped.\n");
    }
  }
  interpreter::events events;
  events.push_back(std::move(output));
  tell(std::move(events));
}

// -- the actor ----

namespace {

struct interpreter_state {
  static inline const char* name = "interpreter";
};

/// The INTERPRETER, the door to one Python process: hands its messages to the link, which owns the process and tells the
/// replica what comes of them.
///
/// Spawned by: the FOUNDRY's workshop, once the process exists.
/// Monitors:   its REPLICA, at whose end the process is killed.
/// Dies:       when the process is gone and the replica was told so.
interpreter_actor::behavior_type interpreter_behavior(interpreter_actor::stateful_pointer<interpreter_state> self,
                                                      const std::shared_ptr<interpreter_link>& link) {
  self->monitor(link->replica());
  self->set_down_handler([link](const caf::down_msg&) {
    link->halt(true, {ec::interpreter_lost, "The replica of this interpreter ended."});
  });
  return {
    [link](atom::dispatch, const std::vector<sent_call>& calls) { link->dispatch(calls); },
    [link](atom::recall, const std::vector<std::uint32_t>& slots) { link->recall(slots); },
    [link](atom::cancel, std::uint32_t slot, call_id id) { link->cancel(slot, id); },
    [link](atom::more, std::uint32_t slot, call_id id, std::uint64_t size) { link->more(slot, id, size); },
    [link](atom::input, std::uint32_t slot, const input_part& part) { link->input(slot, part); },
    [link](atom::replies, const std::vector<call_reply>& replies) { link->replies(replies); },
    [link](atom::open, const opened_handle& handle) { link->opened(handle); },
    [link](atom::halt, bool at_once, ec code, std::string& why) {
      link->halt(at_once, {code, std::move(why)});
    },
  };
}

} // namespace

interpreter_actor spawn_interpreter(work_loop& loop, const std::shared_ptr<interpreter_link>& link) {
  auto door = loop.system().spawn(interpreter_behavior, link);
  link->speaks(door);
  return door;
}

} // namespace hearth::node
