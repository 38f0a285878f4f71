#pragma once

#include "tools/cli/connection.hpp"
#include "tools/cli/node_process.hpp"
#include "tools/cli/surroundings.hpp"

#include <string>

/// The node of this user, whatever cluster is in use.
namespace hearth::cli {

/// `idle_exit` is empty for the node's default. Throws command_error where the program `hearthd` is missing.
node_start how_to_start(const surroundings& around, const std::string& idle_exit);

/// Starts it, unless it runs by then. Throws command_error.
connection start_own_node(const surroundings& around, const std::string& idle_exit);

} // namespace hearth::cli
