#pragma once

#include "actors/cache_entry.hpp"
#include "actors/environment.hpp"

namespace hearth::node {

/// What a scope is the digest of: SHA-256 over its parts, each with its length before it, except the names of inputs, which are
/// part of the signature. Pure.
digest digest_of(const cache_scope& scope);

/// Gives each task of `spec` whose results are kept its scope. Pure.
void name_scopes(environment_spec& spec);

} // namespace hearth::node
