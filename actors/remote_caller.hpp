#pragma once

#include "actors/control.hpp"

namespace hearth {

/// The REMOTE CALLER stands for an actor of another node that waits for replies or takes output: what it hears, it has said
/// there.
///
/// Spawned by: the SWITCHBOARD, when the node of that actor first speaks of it.
/// Monitors:   nobody.
/// Dies:       when nobody refers to it any more.
caller_actor::behavior_type remote_caller(caller_actor::pointer self, const link::caller_ref& whom,
                                          const switchboard_actor& switchboard);

/// A RELAY shows what a run keeper sends to a session to a caller elsewhere.
///
/// Spawned by: the SWITCHBOARD, for a question about the output of a run.
/// Monitors:   nobody.
/// Dies:       when the question is answered.
session_actor::behavior_type output_relay(session_actor::pointer self, const caller_actor& whom);

} // namespace hearth
