#include "tests/sim/cluster_run.hpp"

#include "tests/sim/cluster_clients.hpp"
#include "tests/sim/cluster_nemesis.hpp"

#include <algorithm>
#include <set>

namespace hearth::sim {

namespace {

constexpr auto faults_for = std::chrono::seconds(20);
constexpr auto accepts_within = std::chrono::seconds(12);
constexpr auto ends_within = std::chrono::seconds(25);
constexpr auto quiet_for = std::chrono::seconds(2);
constexpr double quiet_loss = 0.02;
// Longer than a request waits for a decision, and a late timer.
constexpr auto answers_within = std::chrono::milliseconds(6000);

/// What differs from seed to seed besides the faults.
cluster_options drawn(std::uint64_t seed, const cluster_faults& faults, std::size_t lines_kept) {
  chance random(seed * 0x2545f4914f6cdd1dULL + 1);
  cluster_options how;
  how.seed = random.bits();
  const std::size_t voters[] = {1, 3, 3, 3, 3, 3, 5};
  how.voters = voters[random.below(std::size(voters))];
  how.nodes = how.voters + (random.happens(0.5) ? 1 : 0);
  how.faults = faults;
  how.clock_error = random.happens(0.7) ? 0.024 : 0;
  how.snapshot_entries = random.happens(0.7) ? random.between(15, 120) : 100'000;
  const std::size_t behind[] = {0, 5, 1024};
  how.entries_behind_snapshot = behind[random.below(std::size(behind))];
  how.lines_kept = lines_kept;
  return how;
}

/// Who must be well for progress: a majority of each set of voters that may have a say, and a node that knows the newest
/// generation.
std::vector<std::size_t> healed(cluster_world& world, const cluster_nemesis& nemesis) {
  std::set<std::size_t> result{world.in_newest_generation()};
  for (auto voters : world.electorates()) {
    for (auto i = voters.size(); i > 1; --i)
      std::swap(voters[i - 1], voters[world.random().below(i)]);
    voters.resize(voters.size() / 2 + 1);
    result.insert(voters.begin(), voters.end());
  }
  if (world.random().happens(0.3)) // all of them
    for (std::size_t i = 0; i < world.size(); ++i)
      if (!nemesis.removed(i))
        result.insert(i);
  return {result.begin(), result.end()};
}

/// A healed majority that has to reach something in a bounded time.
class recovery {
public:
  recovery(cluster_world& world, cluster_clients& clients, cluster_nemesis& nemesis)
    : world_(world), clients_(clients), nemesis_(nemesis) {
    heal(healed(world, nemesis));
  }

  /// `left` says what is not reached yet.
  void demand(instant within, const std::function<std::string()>& left) {
    auto end = world_.now() + within;
    for (auto what = left(); !what.empty(); what = left()) {
      if (world_.now() > end) {
        // A wish for other voters may have been under way when the faults ended; then those have to be well, too.
        if (world_.electorates() == electorates_)
          throw violation(what);
        heal(everyone());
        end = world_.now() + within;
      }
      world_.run_until(world_.now() + from_ms(100));
    }
  }

private:
  std::vector<std::size_t> everyone() const {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < world_.size(); ++i)
      all.push_back(i);
    return all;
  }

  void heal(std::vector<std::size_t> core) {
    electorates_ = world_.electorates();
    nemesis_.rest(core);
    std::erase_if(core, [&](std::size_t node) { return nemesis_.removed(node); });
    clients_.restrict_to(core);
    clients_.rest();
  }

  cluster_world& world_;
  cluster_clients& clients_;
  cluster_nemesis& nemesis_;
  std::vector<std::vector<std::size_t>> electorates_;
};

/// I7, I19: within a bounded time there is a leader and an answer; then every run ends, and every environment has an owner.
void demand_progress(cluster_world& world, cluster_clients& clients, cluster_nemesis& nemesis) {
  recovery from(world, clients, nemesis);
  const std::uint64_t first = 1'000'000;
  clients.submit(first, 3);
  clients.submit(first + 1, 0);
  const auto before = world.truth().accepted();
  from.demand(accepts_within, [&] {
    return world.truth().accepted() >= before + 2 ? "" : "I19: a healthy, connected majority accepts nothing for 12 s.";
  });
  from.demand(ends_within, [&] {
    const auto who = world.leader();
    return who ? world.truth().unfinished(world.state(*who)) : "I19: there is no leader.";
  });
}

/// With a majority that is well, and links that lose little, nothing is given up.
void demand_answers(cluster_world& world, cluster_clients& clients) {
  const auto led = [&] {
    const auto who = world.leader();
    return who ? world.plane(*who).log().term() : 0;
  };
  const auto term = led();
  world.links().loss = quiet_loss;
  clients.take_undecided();
  clients.start(from_ms(40));
  world.run_until(world.now() + quiet_for);
  clients.rest();
  world.links().loss = 0;
  world.run_until(world.now() + answers_within);
  if (const auto late = world.unanswered(answers_within); !late.empty())
    throw violation(late);
  // A request that was under way when leaders changed may wait for too long.
  if (clients.take_undecided() > 0 && led() == term)
    throw violation("I19: a request was given up although a majority is well.");
  for (std::size_t i = 0; i < world.size(); ++i)
    if (world.up(i))
      world.truth().compare(world.state(i));
}

} // namespace

cluster_result run_cluster(std::uint64_t seed, const cluster_faults& faults, std::size_t lines_kept) {
  cluster_result result;
  result.seed = seed;
  cluster_world world(drawn(seed, faults, lines_kept));
  cluster_clients clients(world);
  cluster_nemesis nemesis(world);
  try {
    clients.start(from_ms(world.random().real(150, 500)));
    nemesis.start();
    while (world.now() < faults_for) {
      world.run_until(world.now() + std::chrono::seconds(1));
      if (const auto late = world.unanswered(answers_within); !late.empty())
        throw violation(late);
    }
    demand_progress(world, clients, nemesis);
    demand_answers(world, clients);
  } catch (const violation& it) {
    result.broken = it.what();
    world.say("It is wrong: " + result.broken);
  }
  result.trace_hash = world.trace_hash();
  result.steps = world.steps();
  result.entries = world.truth().seen();
  result.accepted = world.truth().accepted();
  result.child_runs = world.truth().child_runs();
  result.children_replayed = world.truth().children_replayed;
  result.generations = world.newest_generation();
  result.lines = {world.lines().begin(), world.lines().end()};
  return result;
}

std::string report(const cluster_result& what) {
  auto text = "seed " + std::to_string(what.seed) + ": " + what.broken + "\nHEARTH_SIM_SEED="
              + std::to_string(what.seed) + " tells it from the beginning. The end of the chronicle:\n";
  for (const auto& line : what.lines)
    text += line + "\n";
  return text;
}

} // namespace hearth::sim
