#pragma once

#include "actors/interfaces.hpp"

#include <string>
#include <vector>

/// The doors to what a node keeps on its disk for durable runs.
namespace hearth {

/// BLOBS is the door to values that are too large for the control log, each under its SHA-256.
using blobs_actor = caf::typed_actor<
  // Keeps a value; answered with its digest when it is on disk.
  caf::replies_to<atom::store, payload>::with<std::string>,
  // The value with this digest; error `gone` when it is not here.
  caf::replies_to<atom::read, std::string>::with<payload>,
  // Nobody needs these any more.
  caf::reacts_to<atom::forget, std::vector<std::string>>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::payload)
