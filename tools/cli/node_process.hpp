#pragma once

#include "tools/cli/connection.hpp"

#include <chrono>
#include <filesystem>
#include <ios>
#include <string>
#include <vector>

/// The node as a process of this user: started and waited for.
namespace hearth::cli {

/// How a node is started.
struct node_start {
  std::filesystem::path daemon; // the program hearthd
  std::string socket;
  std::string idle_exit;                       // seconds or "10m"; empty: the node's default
  std::filesystem::path log;                   // what it writes before it has its own log
  std::vector<std::string> words{"--private"}; // its command line, in the background
};

/// A node that was started in the background.
struct spawned_node {
  pid_t pid = 0;
  std::streamoff log_begin = 0; // where its words begin in the log
};

/// Starts a node that outlives this process; waits for nothing. Throws command_error.
spawned_node spawn_node(const node_start& how);

/// The turn to start nodes: closing the descriptor gives it on. `of`.lock is its file. Throws command_error when others have
/// had it for `timeout`.
file_descriptor take_turn(const std::string& of, std::chrono::milliseconds timeout);

/// The last lines of a log after `begin`, each on a line of its own and indented; " It wrote nothing." without any.
std::string last_lines(const std::filesystem::path& file, std::streamoff begin);

/// Starts a private node that outlives this process, and waits until it answers. One starts, however many processes ask
/// at the same moment: they take turns under the lock file `<socket>.lock`, as the SDK's clients do. Throws
/// command_error, with the node's last words when it ended.
connection start_node(const node_start& how, std::chrono::milliseconds timeout);

/// Becomes the node: it runs in the foreground and logs to stderr. Returns only by throwing command_error.
[[noreturn]] void become_node(const node_start& how);

/// Waits until the process `pid` is gone; false when it is still there after `timeout`.
bool wait_for_end(pid_t pid, std::chrono::milliseconds timeout);

} // namespace hearth::cli
