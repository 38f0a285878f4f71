#pragma once

#include "tools/cli/connection.hpp"

#include <chrono>
#include <filesystem>
#include <string>

/// The node as a process of this user: started and waited for.
namespace hearth::cli {

/// How a node is started.
struct node_start {
  std::filesystem::path daemon; // the program hearthd
  std::string socket;
  std::string idle_exit;     // seconds or "10m"; empty: the node's default
  std::filesystem::path log; // what it writes before it has its own log
};

/// Starts a private node that outlives this process, and waits until it answers. One starts, however many processes ask
/// at the same moment: they take turns under the lock file `<socket>.lock`, as the SDK's clients do. Throws
/// command_error, with the node's last words when it ended.
connection start_node(const node_start& how, std::chrono::milliseconds timeout);

/// Becomes the node: it runs in the foreground and logs to stderr. Returns only by throwing command_error.
[[noreturn]] void become_node(const node_start& how);

/// Waits until the process `pid` is gone; false when it is still there after `timeout`.
bool wait_for_end(pid_t pid, std::chrono::milliseconds timeout);

} // namespace hearth::cli
