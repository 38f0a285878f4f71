#pragma once

#include "actors/interfaces.hpp"
#include "node/interpreter/cgroup.hpp"
#include "node/interpreter/child_process.hpp"
#include "node/interpreter/dialogue.hpp"
#include "node/interpreter/raw_output.hpp"
#include "node/loop/stream.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace hearth::node {

/// One interpreter process: its socket, its slot table, its life. The shell around `dialogue`; the INTERPRETER actor
/// speaks through it. Whatever happens, the replica hears `gone` exactly once, after everything else. Loop thread only.
class interpreter_link final : public std::enable_shared_from_this<interpreter_link>,
                               private frame_stream::owner,
                               private wire::frame_writer {
public:
  struct process {
    pid_t pid = 0;
    kj::AutoCloseFd pidfd;
    kj::AutoCloseFd socket;
    kj::AutoCloseFd output;
    bool is_child =
      false;           // of this process, as its sandbox if it has one: reaped here; otherwise its zygote says how it
                       // ended
    pid_t sandbox = 0; // the bwrap that holds this process alone, and whose end is its end; 0: none
    kj::AutoCloseFd sandbox_pidfd{};
  };

  struct settings {
    dialogue::settings talk;
    replica_actor replica;
    std::uint64_t memory_limit = 0;                // bytes; 0: none
    std::shared_ptr<const cgroup> group;           // in which the kernel enforces that; null: somebody watches
    milliseconds end_grace = defaults::kill_grace; // from "end" to SIGTERM
    std::function<void()> on_gone;                 // after `gone` was sent
  };

  /// Throws kj::Exception or std::system_error when the descriptors are not what they should be; the process is killed
  /// then.
  interpreter_link(work_loop& loop, process running, slot_table table, settings chosen);
  ~interpreter_link();

  // -- for the actor ----

  /// The actor that speaks for this link; it is asked to exit after `gone`.
  void speaks(interpreter_actor door) { door_ = std::move(door); }

  void dispatch(const std::vector<sent_call>& calls);
  void recall(const std::vector<std::uint32_t>& slots);
  void cancel(std::uint32_t slot, call_id id);
  void more(std::uint32_t slot, call_id id, std::uint64_t size) { dialogue_.more(slot, id, size, *this); }
  void input(std::uint32_t slot, const input_part& part) { dialogue_.input(slot, part, *this); }
  void replies(const std::vector<call_reply>& replies);
  void opened(const opened_handle& handle);

  /// Ends the process: asks it to, or kills it with its process group. `gone` will carry this reason, unless another
  /// was faster.
  void halt(bool at_once, failure why);

  // -- for the foundry ----

  pid_t pid() const noexcept { return process_.pid; }
  /// Whether it is this child of the node, or the sandbox of it is.
  bool is_child(pid_t pid) const noexcept { return pid == process_.pid || pid == process_.sandbox; }
  const replica_actor& replica() const noexcept { return settings_.replica; }

  /// How it ended, as its zygote saw it.
  void ended(exit_status status);

  /// Its zygote has ended: nobody will say how this process did.
  void unattended();

  /// It uses this much memory, together with what it forked, and that is more than it may: the process is ended.
  void exceeded_memory(std::uint64_t used);
  /// What is to be watched; 0: nothing, there is no limit or the kernel enforces it.
  std::uint64_t watched_limit() const noexcept { return settings_.group ? 0 : settings_.memory_limit; }

  /// Whether calls have ended here since this was asked before.
  bool has_served() noexcept { return std::exchange(served_, false); }
  /// It uses this much memory, together with what it forked: the replica is told.
  void measured(std::uint64_t used);

private:
  // frame_stream::owner
  void on_frames(std::vector<bytes>& frames) override;
  void on_end(const std::string& reason) override;
  // wire::frame_writer
  void write(std::string_view text) override { stream_.write(text); }
  void write(bytes memory) override { stream_.write(std::move(memory)); }

  void tell(interpreter::events events);
  void tell_output(std::string_view text);
  /// For signals to the interpreter.
  int pidfd() const noexcept { return process_.sandbox != 0 ? process_.pidfd.get() : exit_.pidfd(); }
  void kill() noexcept;
  void on_exit();
  void press_on();
  bool is_drained() const noexcept;
  void finish_if_over();
  void finish();
  failure obituary();

  process process_; // its descriptors, but that of an interpreter in a sandbox, are moved to the members below
  settings settings_;
  dialogue dialogue_;
  interpreter_actor door_;
  std::optional<failure> verdict_; // why it was ended, when somebody decided so
  std::optional<exit_status> status_;
  std::string stream_end_;
  bool status_expected_;      // from the zygote
  bool asked_to_end_ = false; // politely
  bool terminated_ = false;
  bool killed_ = false;
  bool broken_ = false; // what it sends does not count any more
  bool exited_ = false;
  bool served_ = false;
  bool stream_over_ = false;
  bool over_ = false;
  loop_timer patience_; // the next harsher step, or the end of waiting for what is left of it
  std::chrono::steady_clock::time_point dispatched_at_{};
  call_id raw_call_;            // the last one that wrote past Python,
  std::uint64_t raw_bytes_ = 0; // and how much
  raw_output output_;
  exit_watch exit_;
  frame_stream stream_;
};

/// Spawns the INTERPRETER of a link on the link's loop.
interpreter_actor spawn_interpreter(work_loop& loop, const std::shared_ptr<interpreter_link>& link);

/// What is said of a process that ended by itself. Pure.
failure obituary_of(pid_t pid, std::optional<exit_status> status, bool by_kernel_for_memory,
                    const std::string& last_words);

} // namespace hearth::node
