#pragma once

#include "actors/environment.hpp"

namespace hearth::node {

/// Gives each task of `spec` whose results are kept its scope. Pure.
void name_scopes(environment_spec& spec);

} // namespace hearth::node
