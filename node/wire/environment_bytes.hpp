#pragma once

#include "actors/messages.hpp"
#include "core/bytes.hpp"

/// An environment version as bytes, for the control log and other nodes: an Environment of schema/environment.capnp. Pure;
/// any thread.
namespace hearth::wire {

bytes encode_environment(const environment_spec& spec);

/// With its version, which is computed anew. Null when the bytes hold none.
spec_ptr decode_environment(const bytes& encoded);

} // namespace hearth::wire
