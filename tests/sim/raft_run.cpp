#include "tests/sim/raft_run.hpp"

#include "tests/sim/raft_clients.hpp"
#include "tests/sim/raft_nemesis.hpp"

#include <algorithm>
#include <set>

namespace hearth::sim {

namespace {

constexpr auto faults_for = std::chrono::seconds(20);
constexpr auto progress_within = std::chrono::seconds(10);
constexpr auto settles_for = std::chrono::milliseconds(1500);
constexpr auto longest_freeze = std::chrono::milliseconds(4100); // what waited for a thaw comes until then
constexpr auto quiet_for = std::chrono::seconds(4);

/// What differs from seed to seed besides the faults.
world_options drawn(std::uint64_t seed, std::uint32_t mutations, std::size_t lines_kept) {
  chance random(seed * 0x2545f4914f6cdd1dULL + 1);
  world_options how;
  how.seed = random.bits();
  const std::size_t voters[] = {1, 3, 3, 3, 3, 5, 5};
  how.voters = voters[random.below(std::size(voters))];
  how.nodes = how.voters + (random.happens(0.5) ? random.between(1, 2) : 0);
  how.mutations = mutations;
  how.snapshot_every = random.happens(0.7) ? random.between(4, 40) : 100'000;
  how.snapshot_bytes = random.between(50, 600);
  how.clock_error = random.happens(0.5) ? 0.05 : 0;
  how.disk_latency = from_ms(random.happens(0.4) ? random.real(3, 200) : 3);
  how.damage = random.happens(0.2) ? 0.2 : 0;
  how.late_joiners = random.happens(0.5);
  how.limits.append_entries_max = random.happens(0.3) ? 1 : random.between(1, 16);
  how.limits.append_bytes_max = random.between(64, 4096);
  how.limits.appends_in_flight_max = random.between(1, 8);
  how.limits.proposals_max = random.between(4, 64);
  const std::size_t behind[] = {0, 3, 50};
  how.limits.entries_behind_snapshot = behind[random.below(std::size(behind))];
  how.lines_kept = lines_kept;
  return how;
}

/// Who must be well for progress: a majority of each set of voters that may have a say, and a node that knows the newest
/// generation.
std::vector<std::size_t> healed(raft_world& world) {
  std::set<std::size_t> result{world.in_newest_generation()};
  for (std::size_t i = 0; i < world.size(); ++i)
    if (world.up(i) && world.core(i).generation() > world.newest_generation())
      result.insert(i);
  for (auto voters : world.electorates()) {
    for (auto i = voters.size(); i > 1; --i)
      std::swap(voters[i - 1], voters[world.random().below(i)]);
    // Often without the leader: how it stays behind is what may hold the others up.
    if (world.random().happens(0.6))
      std::stable_partition(voters.begin(), voters.end(), [&](std::size_t node) { return node != world.leader(); });
    voters.resize(voters.size() / 2 + 1);
    result.insert(voters.begin(), voters.end());
  }
  return {result.begin(), result.end()};
}

std::uint64_t highest_term(const raft_world& world) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < world.size(); ++i)
    if (world.up(i))
      result = std::max(result, world.core(i).term());
  return result;
}

/// I19: a leader and an answered proposal within 10 s; then the rest of the nodes, which may be cut off in any way, does not
/// unseat leaders again and again.
void demand_progress(raft_world& world, raft_clients& clients, raft_nemesis& nemesis) {
  const auto core = healed(world);
  nemesis.rest(core);
  clients.restrict_to(core);
  const auto begin = world.now();
  const auto before = clients.done();
  // Two: the first may have been on its way.
  while (clients.done() < before + 2) {
    if (world.now() >= begin + progress_within)
      throw violation("I19, liveness: a healthy, connected majority commits nothing for 10 s.");
    world.run_until(world.now() + from_ms(100));
  }
  world.run_until(std::max<instant>(world.now() + settles_for, begin + longest_freeze));
  const auto term = highest_term(world);
  const std::uint64_t electing = world.leader() ? 0 : 1; // after a late seal
  const auto settled = clients.done();
  const auto generation = world.newest_generation();
  world.run_until(world.now() + quiet_for);
  // A seal that was under way may have its election.
  if (highest_term(world) > term + electing + (world.newest_generation() - generation))
    throw violation("I19, no flapping: the term rises from " + std::to_string(term) + " to "
                    + std::to_string(highest_term(world)) + " within 4 s although a majority is well.");
  if (clients.done() == settled)
    throw violation("I19, liveness: a healthy, connected majority stops committing.");
}

} // namespace

raft_result run_raft(std::uint64_t seed, std::uint32_t mutations, std::size_t lines_kept) {
  raft_result result;
  result.seed = seed;
  raft_world world(drawn(seed, mutations, lines_kept));
  raft_clients clients(world, 3, from_ms(world.random().real(40, 200)));
  raft_nemesis nemesis(world);
  try {
    clients.start();
    nemesis.start();
    world.run_until(faults_for);
    demand_progress(world, clients, nemesis);
  } catch (const violation& it) {
    result.broken = it.what();
  }
  result.trace_hash = world.trace_hash();
  result.steps = world.steps();
  result.committed = world.truth().last();
  result.answered = clients.done();
  result.reads = clients.reads();
  result.generations = world.truth().at(world.truth().last()).generation;
  result.lines = {world.lines().begin(), world.lines().end()};
  return result;
}

std::string report(const raft_result& what) {
  auto text = "seed " + std::to_string(what.seed) + ": " + what.broken
              + "\nHEARTH_SIM_SEED=" + std::to_string(what.seed) + " shows it again. The end of the trace:\n";
  for (const auto& line : what.lines)
    text += line + "\n";
  return text;
}

} // namespace hearth::sim
