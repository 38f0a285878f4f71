#pragma once

#include "tests/sim/raft_world.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hearth::sim {

/// What became of one seed: 20 s with faults, in which nothing may go wrong, and up to 10 s in which the healed majority must
/// find a leader and commit.
struct raft_result {
  std::uint64_t seed = 0;
  std::string broken; // the invariant, in a sentence; empty: all held
  std::uint64_t trace_hash = 0;
  std::uint64_t steps = 0;
  std::uint64_t committed = 0;
  std::uint64_t answered = 0;
  std::uint64_t reads = 0;
  std::uint32_t generations = 0;
  std::vector<std::string> lines; // the end of the trace, if it was asked for
};

raft_result run_raft(std::uint64_t seed, std::uint32_t mutations = 0, std::size_t lines_kept = 0);

/// For a person: the invariant, how to see it again, the last 100 lines.
std::string report(const raft_result& what);

} // namespace hearth::sim
