#include "tests/sim/cluster_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth::sim;
using hearth::cluster::controller_mutation;
using state = hearth::cluster::control_state;

namespace {

cluster_options seeded(std::uint64_t seed) {
  cluster_options how;
  how.seed = seed;
  return how;
}

/// The first seed whose history breaks a rule, and which; "" when none of them does.
std::string found_within(std::uint64_t seeds, const std::function<void(cluster_options&)>& change) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto how = seeded(seed);
    change(how);
    if (const auto result = run_cluster(how); !result.broken.empty())
      return "seed " + std::to_string(seed) + ", " + result.broken;
  }
  return {};
}

struct mutant {
  const char* name;
  std::uint32_t controller = 0;
  std::uint32_t state = 0;
  bool early_start = false;
};

constexpr std::uint32_t bit(controller_mutation which) { return static_cast<std::uint32_t>(which); }

const mutant mutants[] = {
  {"a new leader has no patience", bit(controller_mutation::no_leader_grace)},
  {"a lease runs from when the renewal was seen", bit(controller_mutation::lease_from_commit)},
  {"seats expire before their leases", bit(controller_mutation::impatient)},
  {"a submission is answered when it is proposed", bit(controller_mutation::answer_when_proposed)},
  {"nobody looks after orphans", bit(controller_mutation::ignore_orphans)},
  {"a read is answered from what is here", bit(controller_mutation::read_without_leader)},
  {"a second completion overwrites the first", 0, state::complete_overwrites},
  {"a new home has the same attempt", 0, state::rehome_same_attempt},
  {"a run without a home is dropped", 0, state::rehome_drops},
  {"submissions are forgotten with a snapshot", 0, state::roots_lost_with_snapshot},
  {"who asks for an environment gets it", 0, state::grant_takes_over},
  {"an environment stays with a seat that ended", 0, state::seat_end_keeps_owner},
  {"a claimed run starts again", 0, state::restart_after_claim},
  {"a run starts before its claim", 0, 0, true},
};

} // namespace

BOOST_AUTO_TEST_SUITE(cluster_seeds)

BOOST_AUTO_TEST_CASE(no_history_breaks_a_rule) {
  std::size_t accepted = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto result = run_cluster(seeded(seed));
    BOOST_TEST(result.broken == "", "seed " << seed << ", " << result.broken);
    accepted += result.accepted;
  }
  BOOST_TEST(accepted > 60U * 50U);
}

BOOST_AUTO_TEST_CASE(every_mutant_is_found) {
  for (const auto& mutant : mutants) {
    const auto why = found_within(60, [&](cluster_options& how) {
      how.mutations = mutant.controller;
      how.state_mutations = mutant.state;
      how.start_before_claim = mutant.early_start;
    });
    BOOST_TEST(!why.empty(), "not found: " << mutant.name);
    BOOST_TEST_MESSAGE(mutant.name << ": " << why);
  }
}

BOOST_AUTO_TEST_SUITE_END()
