#pragma once

#include "tools/cli/rows.hpp"
#include "tools/cli/table.hpp"

#include <string>
#include <vector>

/// Apps as people read of them. Pure.
namespace hearth::cli {

table apps_table(const json& rows);

/// One app in full. `socket`: where the node that told of it takes requests over HTTP; empty: not on this machine.
table app_details(const json& row, const std::string& socket);

/// "/apps/PROJECT/DOMAIN/NAME/": where an app is found below the HTTP address of a node.
std::string endpoint_of(const json& row);

/// What to do about the state of an app, each a sentence or two; empty: nothing. `pools`: the rows of its environment; `events`:
/// what happened to it, oldest first.
std::vector<std::string> advice_of(const json& app, const json& pools, const json& events);

} // namespace hearth::cli
