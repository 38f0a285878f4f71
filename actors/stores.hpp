#pragma once

#include "actors/interfaces.hpp"

#include <caf/all.hpp>

#include <set>
#include <string>
#include <vector>

/// The doors to what a node keeps of durable runs outside of the control log; implemented in `node/`, faked under test.
namespace hearth {

/// BLOBS is the door to the values on disk that are too large for the control log or a record, named by their content.
using blobs_actor = caf::typed_actor<
  // Stores a value; its SHA-256 in hex when it is durable. Error storage_failed.
  caf::replies_to<atom::store, payload>::with<std::string>,
  // The value of this name; error gone when it is not here, or was found damaged.
  caf::replies_to<atom::read, std::string>::with<payload>,
  // Whether it is here (and marks it as used); only a read tells whether it is whole.
  caf::replies_to<atom::has, std::string>::with<bool>,
  // All that open runs and kept results name: everything else may go from now on. Until the first one nothing goes.
  caf::reacts_to<atom::pin, std::set<std::string>>>;

/// RECORDS is the door to the results of finished children. A child goes by its name there, which is its id XOR that of its
/// root (schema/frame.capnp): a run that is run once more, under another root, gives its calls the same names.
using records_actor = caf::typed_actor<
  // Keeps these; `id` of each, and of its reply, is the name. Dropped, and counted, where there is no room.
  caf::reacts_to<atom::append, std::vector<finished_child>>,
  // What is kept below the first root of the calls of these names, else below the second (empty: there is none).
  caf::replies_to<atom::find, call_id, call_id, std::vector<call_id>>::with<std::vector<found_child>>,
  // Nobody will ask for the children of this root any more.
  caf::reacts_to<atom::forget, call_id>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::payload)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::set<std::string>)
