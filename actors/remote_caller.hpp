#pragma once

#include "actors/control.hpp"

namespace hearth {

/// Whatever an actor of another node may be that is spoken of here: one that waits for replies and takes output, also in parts,
/// the recorder of a run, a replica that asked one or whose reply comes in parts.
using remote_caller_actor = recorder_actor::extend<
  // What the record of a run, which is on this node, holds.
  caf::reacts_to<atom::found, std::vector<found_child>>,
  // From a replica of this node.
  caf::reacts_to<atom::parts, std::vector<reply_part>>,
  // From either side of a call whose reply or input comes in parts.
  caf::reacts_to<atom::more, call_id, std::uint64_t>,
  // From a caller of this node.
  caf::reacts_to<atom::input, input_part>>;

/// The REMOTE CALLER stands for such an actor: what it hears, it has said there.
///
/// Spawned by: the SWITCHBOARD, when the node of that actor first speaks of it.
/// Monitors:   nobody.
/// Dies:       when nobody refers to it any more.
remote_caller_actor::behavior_type remote_caller(remote_caller_actor::pointer self, const link::caller_ref& whom,
                                                 const switchboard_actor& switchboard);

using output_relay_actor = session_actor::extend<
  // All that came before has been passed on; it quits.
  caf::replies_to<atom::stop>::with<bool>>;

/// A RELAY shows what a run keeper sends to a session to a caller, who may be elsewhere.
///
/// Spawned by: the SWITCHBOARD, for a question about the output of a run. What it passes on to another node goes straight
///             there, so that it goes before the answer.
/// Monitors:   nobody.
/// Dies:       when the question is answered.
output_relay_actor::behavior_type output_relay(output_relay_actor::pointer self, const link::caller_ref& whom,
                                               const switchboard_actor& switchboard);

} // namespace hearth
