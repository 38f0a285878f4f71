#include "cluster/run_home.hpp"
#include "tests/sim/cluster_run.hpp"
#include "tests/sim/lease_scenarios.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>
#include <string_view>

using namespace hearth::sim;
using hearth::cluster::controller_mutation;
using hearth::cluster::home_mutation;
using state = hearth::cluster::control_state;

namespace {

/// At most so many seeds until a mutant is found.
constexpr std::uint64_t seeds_max = 400;
constexpr std::size_t lines_told = 1'000'000;

struct mutant {
  const char* name;
  cluster_faults faults;
  std::string (*scenario)(const cluster_faults&) = nullptr; // that finds it; none: seeds do
};

constexpr cluster_faults in(controller_mutation which) { return {static_cast<std::uint32_t>(which), 0, 0, 0, 0}; }
constexpr cluster_faults in(state::mutation which) { return {0, which, 0, 0, 0}; }
constexpr cluster_faults in(home_mutation which) { return {0, 0, static_cast<std::uint32_t>(which), 0, 0}; }
constexpr cluster_faults in(site_mutation which) { return {0, 0, 0, 0, static_cast<std::uint32_t>(which)}; }

const mutant mutants[] = {
  {"a new leader has no patience", in(controller_mutation::no_leader_grace)},
  {"a lease runs from when the renewal was seen", in(controller_mutation::lease_from_commit)},
  {"a leader's own renewal counts before it is committed", in(controller_mutation::lease_before_commit)},
  {"seats expire before their leases", in(controller_mutation::impatient)},
  {"heartbeats count from who does not see what is decided", in(controller_mutation::deaf_nodes_count), a_starved_node},
  {"a seat asked for twice gives a lease", in(controller_mutation::any_seat_leases), a_seat_asked_for_twice},
  {"a submission is answered when it is proposed", in(controller_mutation::answer_when_proposed)},
  {"a lost submission is not repeated", in(controller_mutation::submit_once)},
  {"nobody looks after orphans", in(controller_mutation::ignore_orphans)},
  {"a node that is being drained is given more", in(controller_mutation::ignore_draining)},
  {"a read is answered from what is here", in(controller_mutation::read_without_leader)},
  {"a second completion overwrites the first", in(state::complete_overwrites)},
  {"a new home has the same attempt", in(state::rehome_same_attempt)},
  {"a run without a home is dropped", in(state::rehome_drops)},
  {"submissions are forgotten with a snapshot", in(state::roots_lost_with_snapshot)},
  {"who asks for an environment gets it", in(state::grant_takes_over)},
  {"an environment stays with a seat that ended", in(state::seat_end_keeps_owner)},
  {"a claimed run starts again", in(state::restart_after_claim)},
  {"whoever claims may start", in(state::anybody_claims)},
  {"a former owner gives up what is another one's", in(state::anybody_releases)},
  {"an old copy of a disk takes a seat", in(state::old_copies_sit)},
  {"a removed node takes a seat", in(state::removed_nodes_sit)},
  {"a run starts before its claim", in(home_mutation::start_before_claim)},
  {"a call that may have run with lost=0 runs again", in(home_mutation::lost_zero_starts_again)},
  {"what was not decided in time is not proposed again", in(home_mutation::forgets_undecided)},
  {"an attempt does not look into the record", in(home_mutation::never_replays)},
  {"a node obeys a former owner", in(site_mutation::fence_is_open)},
  {"an owner goes on without a lease", in(site_mutation::owns_without_lease)},
  {"a child's result is kept without its run", in(site_mutation::records_by_place)},
};

} // namespace

BOOST_AUTO_TEST_SUITE(cluster_mutants)

BOOST_AUTO_TEST_CASE(each_deliberate_fault_is_found) {
  const auto* only = std::getenv("HEARTH_SIM_MUTANT");
  for (const auto& each : mutants) {
    if (only != nullptr && std::string_view(only) != each.name)
      continue;
    if (each.scenario != nullptr) {
      const auto found = each.scenario(each.faults);
      BOOST_TEST(!found.empty(), "\"" << each.name << "\" is not found");
      BOOST_TEST_MESSAGE(each.name << ": " << found);
      continue;
    }
    std::uint64_t seed = 1;
    std::string found;
    for (; seed <= seeds_max && found.empty(); ++seed)
      found = run_cluster(seed, each.faults).broken;
    BOOST_TEST(!found.empty(), "\"" << each.name << "\" is not found within " << seeds_max << " seeds");
    BOOST_TEST_MESSAGE(each.name << ": seed " << seed - 1 << ": " << found);
    if (only != nullptr)
      for (const auto& line : run_cluster(seed - 1, each.faults, lines_told).lines)
        std::cout << line << '\n';
  }
}

BOOST_AUTO_TEST_SUITE_END()
