#pragma once

#include "tools/replay/policy.hpp"
#include "tools/replay/trace.hpp"

#include <cstdint>

namespace hearth::replay {

/// What became of a trace under one policy.
struct outcome {
  std::uint64_t calls = 0;
  std::uint64_t cold = 0; // found no free slot when they came, though more replicas could have been ready
  std::uint64_t lost = 0; // not answered an hour after the trace had ended
  seconds wait_mean = 0;
  seconds wait_p50 = 0;
  seconds wait_p99 = 0;
  seconds last_end = 0;        // of a call
  double replica_seconds = 0;  // from the request of a start (its placement, where machines are full) to the end
  double service_seconds = 0;  // of all calls
  std::uint32_t peak = 0;      // replicas at a time, those that start and drain too
  std::uint64_t starts = 0;    // replicas
  std::uint64_t decisions = 0; // answers of the policy that changed something

  double cold_share() const noexcept { return calls > 0 ? static_cast<double>(cold) / static_cast<double>(calls) : 0; }
};

/// How the simulated machines behave, besides the trace.
struct machine {
  seconds start_up = 2;  // from the request to the first call taken
  bool is_warm = false;  // `max` replicas are there from the beginning, whatever the policy says
  seconds tail = 900;    // how long replicas are counted after the trace's end: the longest keep-alive ends within it
  seconds limit = 3'600; // after the trace's end; calls that are still open then are lost
};

/// Replays a trace against one policy in virtual time: one queue, first come first served; a call is given to a replica
/// when a slot is free there, never before. Deterministic. Ends when no call is open and no replica is left, at the latest
/// a tail after the trace's end, or, with open calls, at the limit.
outcome simulate(const trace& what, policy& how, const machine& where);

} // namespace hearth::replay
