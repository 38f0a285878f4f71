#pragma once

#include "tools/cli/surroundings.hpp"

#include <string>
#include <vector>

namespace hearth::cli {

/// What the node can add to the completion of a command's argument.
enum class completion_kind { none, runs, replicas, environments, apps };

/// Names that the running node knows; empty when none answers. Never throws: a shell asks, nobody reads an error.
std::vector<std::string> known_names(const surroundings& around, completion_kind kind);

/// What the next argument of a command may be, after these.
completion_kind argument_kind(const std::string& command, const std::vector<std::string>& arguments);

} // namespace hearth::cli
