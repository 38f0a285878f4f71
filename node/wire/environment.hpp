#pragma once

#include "actors/environment.hpp"
#include "schema/environment.capnp.h"

/// environment_spec and its twin in schema/environment.capnp, both ways. Pure; any thread.
namespace hearth::wire {

/// The environment a peer described; `version` stays empty. Values are taken as they come: whoever opens the
/// environment decides what it accepts. Throws kj::Exception when the message is malformed.
environment_spec read_environment(::Environment::Reader from);

void write_environment(const environment_spec& spec, ::Environment::Builder into);

} // namespace hearth::wire
