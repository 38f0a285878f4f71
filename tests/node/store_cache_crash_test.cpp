#include "tests/support/cache_fixture.hpp"
#include "tests/support/long_run.hpp"
#include "tests/support/told.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>

using namespace hearth;
using namespace hearth::node;
using test::cache_now;
using test::told;

BOOST_AUTO_TEST_SUITE(store_cache_crash)

namespace {

constexpr std::uint64_t arguments = 64;

cache_scope scope() { return test::scope_of("default", "square"); }

/// What round `round` leaves under an argument: large and small ones by turns.
std::string value_of(std::uint64_t argument, std::uint64_t round) {
  const auto size = argument % 8 == 0 ? 100'000 : argument * 50;
  return std::to_string(argument) + " in " + std::to_string(round) + std::string(size, 'v');
}

/// Replaces all entries in one round after the other, some to a commit, and removes some.
void write_for_ever(const std::filesystem::path& directory, const told::tell& tell) {
  cache_store store({directory, {64 * defaults::mib, 64 * defaults::mib, {}}, 0, nullptr, nullptr});
  std::uint64_t round = 0;
  for (const auto& row : store.list({{}, arguments}, {}, cache_now))
    round = std::max(round, row.entry.generation);
  while (true) {
    ++round;
    for (std::uint64_t first = 0; first < arguments; first += 16) {
      std::vector<cache_entry> batch;
      for (auto i = first; i < first + 16; ++i) {
        batch.push_back(test::entry_of(test::key_of(scope(), i), value_of(i, round)));
        batch.back().generation = round;
      }
      store.put(batch, {scope()}, cache_now);
    }
    tell(round);
    if (round % 5 == 0) {
      cache_filter two;
      two.keys = {test::key_of(scope(), 8), test::key_of(scope(), 9)};
      store.forget(two);
    }
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(after_kill_9_every_entry_is_right_and_those_acknowledged_are_there) {
  test::scratch home;
  const auto directory = home / "cache";
  std::uint64_t acknowledged = 0, found = 0;
  const std::uint64_t cycles = test::is_long_run() ? 1000 : 50;
  for (std::uint64_t cycle = 1; cycle <= cycles; ++cycle) {
    told writer([&](const told::tell& tell) { write_for_ever(directory, tell); });
    for (std::uint64_t i = 0; i < 1 + cycle * 7 % 5; ++i) {
      const auto round = writer.next();
      BOOST_REQUIRE(round);
      acknowledged = *round;
    }
    writer.kill();
    while (const auto round = writer.next())
      acknowledged = *round;
    BOOST_REQUIRE(WIFSIGNALED(writer.end()));
    cache_store store({directory,
                       {64 * defaults::mib, 64 * defaults::mib, {}},
                       0,
                       [](const std::string& what) { BOOST_ERROR(what); },
                       nullptr});
    for (std::uint64_t i = 0; i < arguments; ++i) {
      const auto key = test::key_of(scope(), i);
      const auto there = store.find(key, cache_now);
      if (i != 8 && i != 9)
        BOOST_REQUIRE(there && there->entry.generation >= acknowledged);
      if (!there)
        continue;
      const auto content = there->is_elsewhere ? store.read(key) : there->entry.content;
      BOOST_REQUIRE(test::text_of(content) == value_of(i, there->entry.generation));
      ++found;
    }
    const auto figures = store.figures();
    BOOST_REQUIRE_EQUAL(figures.front().damaged, 0u);
    std::uint64_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory / "values"))
      files += file.exists() ? 1 : 0;
    BOOST_REQUIRE_LE(files, arguments / 8);
  }
  BOOST_CHECK_GE(found, cycles * (arguments - 2));
}

BOOST_AUTO_TEST_SUITE_END()
