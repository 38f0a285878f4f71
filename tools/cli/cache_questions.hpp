#pragma once

#include "tools/cli/commands.hpp"
#include "tools/cli/connection.hpp"

/// What the commands about kept results ask a node, and say of its answers.
namespace hearth::cli {

/// Which entries are meant.
json filter_of(const cache_options& options);

/// Whether the options name no entries in particular.
bool names_nothing(const cache_options& options);

/// Throws command_error (usage) for what cannot be the beginning of an entry's id, as the node reads it.
void check_id(const std::string& id);

void print_json(const surroundings& around, const json& what);

/// `said`, or {"done": said}.
exit_status say_done(const surroundings& around, const std::string& said, bool as_json);

/// The rows that answer `getCache`, readable; `others` takes what else comes. Throws command_error.
json cached_rows(connection& node, const json& question, const char* answer, const connection::frame_sink& others = {});

} // namespace hearth::cli
