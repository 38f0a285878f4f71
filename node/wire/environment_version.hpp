#pragma once

#include "actors/environment.hpp"

#include <string>

namespace hearth::node {

/// 15 hex digits of the SHA-256 of everything in `spec` that decides what runs: all fields except those that
/// schema/environment.capnp marks (live), and `version` itself. Two specs with the same version may share a pool. Pure.
std::string environment_version(const environment_spec& spec);

} // namespace hearth::node
