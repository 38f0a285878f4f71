#pragma once

#include <kj/io.h>

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What the node knows of processes it started, and what it does to them. Thin: each function is a system call or
/// two. Any thread.
namespace hearth::node {

/// How a process ended: by `signal` (not 0), else with `code`.
struct exit_status {
  int code = 0;
  int signal = 0;
};

/// "was ended by signal 9 (SIGKILL)", "exited with status 3"; what follows the name of the process in a sentence.
std::string in_words(exit_status status);

/// A descriptor that becomes readable when the process ends. Throws std::system_error, for example when it is gone.
kj::AutoCloseFd open_pidfd(pid_t pid);

/// The number of its process here, whatever number the process has in a namespace of its own; 0 when it has been reaped, or
/// when `pidfd` is none.
pid_t pid_of(int pidfd) noexcept;

/// Nothing happens to a process that is gone.
void send_signal(int pidfd, int signal) noexcept;

/// SIGKILL to the process group of `leader` and to the process itself. `leader` must not have been reaped yet.
void kill_group(pid_t leader, int pidfd) noexcept;

/// How the process in a sandbox ended, from the end of its bwrap, which says 128 + signal.
exit_status of_sandbox(exit_status of_bubblewrap) noexcept;

/// The end of a child of ours, and its pid is free again; nothing while it lives or when it is not our child.
std::optional<exit_status> reap(int pidfd) noexcept;

/// Orphans among the descendants become children of this process, so that nothing they fork escapes. For the process
/// that runs foundries only.
void adopt_orphans();

/// Children of this process that have not been reaped, adopted ones included. Costs a scan of /proc on kernels without
/// lists of children: about a millisecond per 500 processes of the machine.
std::vector<pid_t> children();

/// The same of another process: what it has forked, or adopted.
std::vector<pid_t> children_of(pid_t pid);

/// Bytes in memory; 0 when the process is gone. `resident` is cheap and counts pages shared with the zygote;
/// `proportional` divides those among their users and costs a walk through the page tables.
std::uint64_t resident_bytes_of(pid_t pid) noexcept;
std::uint64_t proportional_bytes(pid_t pid) noexcept;

/// A process that may use this much memory together with everything below it.
struct memory_bound {
  pid_t pid = 0;
  std::uint64_t limit = 0;
};

/// What these use, in order: proportional bytes where they exceed the limit, 0 elsewhere. What they forked counts, in
/// whatever session it is. Walks through /proc and page tables, which takes milliseconds: not for a loop.
std::vector<std::uint64_t> excesses(const std::vector<memory_bound>& bounds);

/// Whether the kernel has ended a process of this machine for want of memory since the last time this was asked;
/// the first answer covers the time since the machine started and means nothing. One thread only.
bool kernel_ended_for_memory() noexcept;

} // namespace hearth::node
