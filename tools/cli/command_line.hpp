#pragma once

#include "tools/cli/surroundings.hpp"

#include <string>
#include <vector>

namespace hearth::cli {

/// Does what the words after `hearth` say. Errors are written to `around.err`; returns the exit status. `around.socket` is
/// set from --socket, HEARTH_SOCKET or its default.
exit_status run_command_line(surroundings around, const std::vector<std::string>& words);

} // namespace hearth::cli
