#pragma once

#include "actors/interfaces.hpp"

/// Doors to what outlives the actors that use it: implemented in `node/`, faked under test.
namespace hearth {

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
