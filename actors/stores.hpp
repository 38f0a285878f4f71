#pragma once

#include "actors/child_record.hpp"
#include "actors/interfaces.hpp"

#include <caf/all.hpp>

#include <set>
#include <string>
#include <vector>

/// The doors to what a node keeps of durable runs outside of the control log; implemented in `node/`, faked under test.
namespace hearth {

namespace atom {
using pin = caf::atom_constant<caf::atom("pin")>;
using find = caf::atom_constant<caf::atom("find")>;
} // namespace atom

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

/// RECORDS is the door to how the children of durable runs ended.
using records_actor = caf::typed_actor<
  // Adds these, all or none; true when they are on disk (the last ones before a crash of the machine may be missing then).
  caf::replies_to<atom::append, std::vector<child_record>>::with<bool>,
  // Those of these children that are known, under the first root, or otherwise under the second (none: {}), in this order.
  caf::replies_to<atom::find, call_id, std::vector<call_id>, call_id>::with<std::vector<child_record>>,
  // Forgets all of a run.
  caf::reacts_to<atom::forget, call_id>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::payload)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::set<std::string>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::call_id>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::child_record>)
