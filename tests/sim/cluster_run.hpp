#pragma once

#include "tests/sim/cluster_world.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::sim {

/// What became of one seed: 20 s with faults, in which nothing may go wrong, and then a healed majority that must lead, own,
/// accept, end every run and give up no request.
struct cluster_result {
  std::uint64_t seed = 0;
  std::string broken; // the rule, in a sentence; empty: all held
  std::uint64_t trace_hash = 0;
  std::uint64_t steps = 0;
  std::uint64_t entries = 0;
  std::uint64_t accepted = 0;
  std::uint64_t child_runs = 0, children_replayed = 0;
  std::uint32_t generations = 0;
  std::vector<std::string> lines; // the end of the chronicle, if it was asked for
};

cluster_result run_cluster(std::uint64_t seed, const cluster_faults& faults = {}, std::size_t lines_kept = 0);

/// For a person: the rule, how to see it again, the end of the chronicle.
std::string report(const cluster_result& what);

} // namespace hearth::sim
