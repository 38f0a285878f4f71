#pragma once

#include "node/interpreter/child_process.hpp"
#include "node/interpreter/launch.hpp"
#include "node/interpreter/raw_output.hpp"
#include "node/interpreter/zygote_message.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hearth::node {

/// One zygote process and its control socket (schema/zygote.capnp), from its start until it ends or becomes a replica.
/// Destroying it kills the process and, with it, what it forked. Loop thread only.
class zygote {
public:
  /// Who owns a zygote. Each of these functions but on_exited may destroy it; none is called from a function of it.
  class owner {
  public:
    virtual void on_ready(zygote& from, const zygote_message::ready& what) = 0;
    /// A fork that was asked for exists. `pidfd` is the zygote's word for it; null when this process
    /// has no descriptor left.
    virtual void on_forked(zygote& from, const zygote_message::forked& what, kj::AutoCloseFd pidfd) = 0;
    virtual void on_exited(zygote& from, const zygote_message::exited& what) = 0;
    /// It has ended, or is of no use and was killed: why, for a person. The last call.
    virtual void on_end(zygote& from, const failure& why) = 0;

  protected:
    ~owner() = default;
  };

  /// A zygote that has become a replica.
  struct remains {
    pid_t pid = 0; // of the interpreter
    kj::AutoCloseFd pidfd;
    kj::AutoCloseFd output;
    pid_t sandbox = 0; // the bwrap around it; 0: there is none
    kj::AutoCloseFd sandbox_pidfd;
  };

  /// Sends `configure` to a process that was just launched, and waits for its answer no longer than
  /// defaults::zygote_start_timeout. Throws kj::Exception when its descriptors cannot be observed.
  /// `in_sandbox`: the process is bwrap, and the zygote is inside.
  zygote(work_loop& loop, launched process, bool in_sandbox, const environment_spec& spec, const std::string& configure,
         owner& owner);
  zygote(const zygote&) = delete;
  zygote& operator=(const zygote&) = delete;

  /// Of the process that was launched.
  pid_t pid() const noexcept { return process_.pid(); }

  /// What was left behind by what it forked: in its sandbox nobody else sees to that. Empty where there is none, because there
  /// such processes become the node's own children.
  std::vector<pid_t> strays() const;

  /// Sends an order with descriptors, which stay the caller's. When the zygote does not take it, it is killed, and
  /// on_end follows.
  void order(const std::string& json, const std::vector<int>& descriptors);

  /// What is left when the process is to be a replica (`become` was ordered). The zygote is of no further use. Throws
  /// std::system_error when no descriptor is left.
  remains release();

  /// Asks it to end; on_end follows, at the latest after defaults::kill_grace, or hook_grace where it runs functions of
  /// on_stop.
  void end();

private:
  struct message {
    zygote_message::event event;
    std::vector<kj::AutoCloseFd> descriptors;
    bool lost_some = false; // this process had no descriptor left
  };

  void read();
  std::optional<message> receive();
  void take(message received);
  void fail(failure why);
  failure obituary(exit_status status) const;
  void on_exit(exit_status status);
  std::string who() const;
  std::string last_words() const;

  owner& owner_;
  std::string environment_;
  std::string python_;
  milliseconds end_grace_;
  bool in_sandbox_;
  kj::AutoCloseFd self_; // the zygote's word for itself; in a sandbox the only one
  std::optional<failure> failed_;
  bool ready_ = false;
  bool ending_ = false;
  loop_timer patience_;
  raw_output output_;
  child_process process_;
  std::unique_ptr<fd_watch> control_;
};

} // namespace hearth::node
