#include "tests/sim/raft_run.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth::sim;
using hearth::cluster::raft::mutation;

namespace {

/// At most so many seeds until a mutant is found.
constexpr std::uint64_t seeds_max = 2000;

struct mutant {
  const char* name;
  mutation which;
};

constexpr mutant mutants[] = {
  {"acknowledges before the store is durable", mutation::ack_before_durable},
  {"forgets its vote when it restarts", mutation::forget_vote},
  {"votes twice in a term", mutation::vote_twice},
  {"commits entries of old terms by counting", mutation::count_old_terms},
  {"campaigns without asking, and hears campaigns beside a leader", mutation::no_pre_vote},
  {"leads on without a majority", mutation::no_check_quorum},
  {"answers reads without a round", mutation::read_without_round},
  {"vouches for its whole stored log after a restart", mutation::whole_log_matches},
  {"appends without comparing what is before", mutation::no_prev_check},
  {"commits beyond what matches", mutation::commit_beyond_match},
  {"truncates what it already has", mutation::truncate_always},
  {"keeps what conflicts", mutation::no_truncation},
  {"applies an entry twice after a restart", mutation::apply_twice},
  {"counts learners", mutation::count_learners},
  {"votes for a shorter log", mutation::vote_for_shorter_log},
  {"keeps a suffix that conflicts with an installed state", mutation::install_keeps_suffix},
  {"accepts entries behind a seal", mutation::sealed_accepts},
  {"takes part in two generations", mutation::votes_in_both},
  {"begins a generation by a seal that is not committed", mutation::uncommitted_seal_counts},
  {"counts what it has not stored itself", mutation::leader_counts_undurable},
  {"answers reads before its first entry is committed", mutation::read_before_first_commit},
  {"votes before the vote is durable", mutation::term_not_durable},
  {"takes late rejections for lost entries", mutation::late_rejections_count},
};

} // namespace

BOOST_AUTO_TEST_SUITE(raft_mutants)

BOOST_AUTO_TEST_CASE(each_deliberate_fault_is_found) {
  for (const auto& each : mutants) {
    std::uint64_t seed = 1;
    std::string found;
    for (; seed <= seeds_max && found.empty(); ++seed)
      found = run_raft(seed, static_cast<std::uint32_t>(each.which)).broken;
    BOOST_TEST(!found.empty(), "a node that " << each.name << " is not found within " << seeds_max << " seeds");
    BOOST_TEST_MESSAGE("a node that " << each.name << ": " << seed - 1 << " seeds; " << found);
  }
}

BOOST_AUTO_TEST_SUITE_END()
