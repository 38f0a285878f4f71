#pragma once

#include "tools/cli/connection.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace hearth::cli {

/// Spaces of each level where JSON is shown.
inline constexpr int json_indent = 2;

/// What a listing can be of.
enum class noun { apps, environments, replicas, runs, actions, events, nodes };

/// The name of the listing in the protocol and in messages: "environments".
const char* name_of(noun what);

/// `row` as people and programs read it: 64-bit integers, which the protocol's JSON carries as strings, are numbers, and a
/// pair of call id words is `id` in hex. Fields that the node left out have their default.
json readable(noun what, json row);

/// The same of the state of a cluster, with its `members`.
json readable_cluster(json state);

/// The same of a token for remote clients.
json readable_token(json row);

/// The same of a node's word that something was done.
json readable_done(json done);

/// The same of what is told of kept results, by the answer's name: "cacheEntries".
json readable_cached(std::string_view answer, json row);

/// The same of the echoes of a link.
json readable_echoes(json echoes);

/// Asks the node for a listing and returns readable rows. `limit` 0: the node's default. Throws command_error.
json rows_of(connection& node, noun what, const std::string& name, std::uint32_t limit);

/// A field of a readable row.
std::string text_in(const json& row, const char* field);
std::uint64_t number_in(const json& row, const char* field);
bool truth_in(const json& row, const char* field);

} // namespace hearth::cli
