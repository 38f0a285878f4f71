#include "tests/sim/cluster_run.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>

using namespace hearth::sim;

namespace {

constexpr std::size_t lines_shown = 100000;
constexpr std::size_t lines_told = 100'000;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const auto* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

} // namespace

BOOST_AUTO_TEST_SUITE(cluster_seeds)

BOOST_AUTO_TEST_CASE(no_invariant_breaks_whatever_happens_to_the_cluster) {
  const auto count = from_environment("HEARTH_SIM_SEEDS", 2000);
  std::uint64_t steps = 0, entries = 0, accepted = 0, children = 0, replayed = 0, generations = 0;
  for (std::uint64_t seed = from_environment("HEARTH_SIM_FIRST", 1); seed <= count; ++seed) {
    const auto result = run_cluster(seed);
    if (!result.broken.empty())
      BOOST_ERROR(report(run_cluster(seed, {}, lines_shown)));
    steps += result.steps;
    entries += result.entries;
    accepted += result.accepted;
    children += result.child_runs;
    replayed += result.children_replayed;
    generations += result.generations - 1;
  }
  BOOST_TEST_MESSAGE(steps << " steps, " << entries << " entries, " << accepted << " runs, " << children
                           << " children run and " << replayed << " answered from records, " << generations
                           << " new generations");
}

BOOST_AUTO_TEST_SUITE_END()
