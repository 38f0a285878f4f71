#pragma once

#include "actors/environment.hpp"

#include <string>

namespace hearth {

/// What makes `after` another version than `before`, for a person: "its code changed (3f2a91c -> 9bc0017), concurrency 1 ->
/// 4". Empty when nothing that counts differs.
std::string difference(const environment_spec& before, const environment_spec& after);

/// What differs in what acts on a running pool: "replicas 1-2 -> 1-4, idle_ttl 30.0 s -> 60.0 s". Empty when nothing does.
std::string policy_difference(const environment_spec& before, const environment_spec& after);

} // namespace hearth
