#pragma once

#include "tools/cli/commands.hpp"
#include "tools/cli/connection.hpp"

/// What the commands about kept results ask a node.
namespace hearth::cli {

/// Which entries are meant.
json filter_of(const cache_options& options);

/// The rows that answer `getCache`, readable; `others` takes what else comes. Throws command_error.
json cached_rows(connection& node, const json& question, const char* answer, const connection::frame_sink& others = {});

} // namespace hearth::cli
