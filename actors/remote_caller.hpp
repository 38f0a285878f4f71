#pragma once

#include "actors/control.hpp"

namespace hearth {

/// Whatever an actor of another node may be that is spoken of here: one that waits for replies and takes output, the recorder
/// of a run, a replica that asked one.
using remote_caller_actor = recorder_actor::extend<
  // What the record of a run, which is on this node, holds.
  caf::reacts_to<atom::found, std::vector<found_child>>>;

/// The REMOTE CALLER stands for such an actor: what it hears, it has said there.
///
/// Spawned by: the SWITCHBOARD, when the node of that actor first speaks of it.
/// Monitors:   nobody.
/// Dies:       when nobody refers to it any more.
remote_caller_actor::behavior_type remote_caller(remote_caller_actor::pointer self, const link::caller_ref& whom,
                                                 const switchboard_actor& switchboard);

/// A RELAY shows what a run keeper sends to a session to a caller elsewhere.
///
/// Spawned by: the SWITCHBOARD, for a question about the output of a run.
/// Monitors:   nobody.
/// Dies:       when the question is answered.
session_actor::behavior_type output_relay(session_actor::pointer self, const caller_actor& whom);

} // namespace hearth
