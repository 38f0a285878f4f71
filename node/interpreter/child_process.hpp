#pragma once

#include "node/interpreter/fd_watch.hpp"
#include "node/interpreter/process.hpp"

#include <functional>

namespace hearth::node {

/// Calls a function once, on the loop, when the process of a pidfd has ended. The function may destroy the watch.
class exit_watch {
public:
  /// Throws kj::Exception when `pidfd` is none.
  exit_watch(work_loop& loop, kj::AutoCloseFd pidfd, std::function<void()> on_exit);

  int pidfd() const noexcept { return watch_.fd(); }

private:
  void look();

  std::function<void()> on_exit_;
  fd_watch watch_;
};

/// A child of this process: reaped when it ends, killed with its process group when this object goes first. Loop thread
/// only.
class child_process {
public:
  /// `on_exit` is called once; it may destroy the object.
  child_process(work_loop& loop, pid_t pid, kj::AutoCloseFd pidfd, std::function<void(exit_status)> on_exit);
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  pid_t pid() const noexcept { return pid_; }
  void signal(int number) noexcept { send_signal(watch_.pidfd(), number); }
  /// Leaves the process to somebody else: on_exit is not called any more.
  void release() noexcept { released_ = true; }
  void kill() noexcept { kill_group(pid_, watch_.pidfd()); }

private:
  pid_t pid_;
  bool released_ = false; // or reaped
  exit_watch watch_;
};

} // namespace hearth::node
