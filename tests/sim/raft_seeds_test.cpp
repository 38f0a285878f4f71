#include "tests/sim/raft_run.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>

using namespace hearth::sim;

namespace {

constexpr std::size_t lines_shown = 100, lines_told = 1'000'000;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const auto* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

} // namespace

BOOST_AUTO_TEST_SUITE(raft_seeds)

BOOST_AUTO_TEST_CASE(no_invariant_breaks_whatever_happens_to_the_nodes) {
  const auto count = from_environment("HEARTH_SIM_SEEDS", 2000);
  const auto only = from_environment("HEARTH_SIM_SEED", 0);
  std::uint64_t steps = 0, committed = 0, answered = 0, reads = 0, generations = 0, stuck = 0;
  for (auto seed = only != 0 ? only : 1; seed <= (only != 0 ? only : count); ++seed) {
    if (only != 0) {
      const auto told = run_raft(only, 0, lines_told);
      for (const auto& line : told.lines)
        std::cout << line << '\n';
      BOOST_TEST(told.broken == "");
      return;
    }
    const auto result = run_raft(seed);
    if (!result.broken.empty())
      BOOST_FAIL(report(run_raft(seed, 0, lines_shown)));
    steps += result.steps;
    committed += result.committed;
    answered += result.answered;
    reads += result.reads;
    generations += result.generations - 1;
    stuck += result.answered < 10 ? 1 : 0;
  }
  BOOST_TEST_MESSAGE(steps << " steps, " << committed << " entries, " << answered << " answers, " << reads << " reads, "
                           << generations << " new generations; " << stuck << " seeds with hardly an answer");
  BOOST_TEST(answered > 0u);
  BOOST_TEST(reads > 0u);
}

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_trace_each_time) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto first = run_raft(seed), again = run_raft(seed), traced = run_raft(seed, 0, lines_shown);
    BOOST_TEST(first.trace_hash == again.trace_hash);
    BOOST_TEST(first.trace_hash == traced.trace_hash);
    BOOST_TEST(first.trace_hash != run_raft(seed + 100).trace_hash);
  }
}

BOOST_AUTO_TEST_SUITE_END()
