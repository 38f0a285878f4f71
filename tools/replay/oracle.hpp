#pragma once

#include "tools/replay/simulation.hpp"

namespace hearth::replay {

/// What it costs to serve every call warm when the trace is known.
///
/// The trace is replayed on `max` warm replicas. While n calls run, at least ceil(n / concurrency) replicas are needed; the
/// k-th replica is needed while there are more than k - 1. It is started a start-up time before it is needed, and kept
/// through a gap only if that costs less than ending it and starting it anew: a gap costs the smaller of its length and the
/// start-up time. This is a lower bound for serving warm, exact for a concurrency of one: calls do not move, so that with
/// several slots no schedule may reach it. It is no lower bound for policies that let calls wait: those may pay less.
outcome oracle(const trace& what, const machine& where);

} // namespace hearth::replay
