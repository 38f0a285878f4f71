#pragma once

#include "tools/cli/node_address.hpp"

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <vector>

namespace hearth::cli {

/// Exit statuses of every command.
enum class exit_status : int {
  ok = 0,
  failed = 1,  // the thing asked about failed
  usage = 2,   // the command line is wrong
  no_node = 3, // nobody answers at the socket
};

/// Ends a command: the text goes to stderr, the status to the shell.
class command_error : public std::runtime_error {
public:
  command_error(exit_status status, const std::string& text) : std::runtime_error(text), status_(status) {}

  exit_status status() const noexcept { return status_; }

private:
  exit_status status_;
};

/// The command was said wrongly: the sentence says how to say it.
inline command_error misused(const std::string& text) { return {exit_status::usage, text}; }
/// What it asks for is not so, or cannot be done.
inline command_error failed(const std::string& text) { return {exit_status::failed, text}; }

/// Reads a variable of the process's environment; null when it is not set.
using variable_reader = std::function<const char*(const char* name)>;

/// What a command sees of the outside, so that a test can be the outside. The streams outlive it.
struct surroundings {
  std::ostream& out;
  std::ostream& err;
  bool colours = false; // stdout is a terminal whose user wants them
  variable_reader variable;
  std::function<std::uint64_t()> unix_ms; // now
  std::string socket;                     // path of the socket of the user's own node, or of the one that was named
  bool socket_is_chosen = false;          // the user named it, so its folder is theirs to decide
  std::string cluster{};                  // to talk to; empty: to the node at `socket`
  std::vector<node_address> cluster_nodes{};
};

} // namespace hearth::cli
