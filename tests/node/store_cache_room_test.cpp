#include "tests/support/cache_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using std::chrono::milliseconds;
using test::cache_now;

namespace {

constexpr std::uint64_t cap = 2 * defaults::mib;

struct store_cache_room_fixture : test::cache_fixture {
  store_cache_room_fixture() {
    limits = {cap, cap, {}};
    restart();
  }

  std::string value(std::uint64_t argument) const { return std::to_string(argument) + std::string(1000, 'v'); }

  /// Entries of a scope with the arguments [first, end), 50 to a commit.
  void fill(const cache_scope& scope, std::uint64_t first, std::uint64_t end, milliseconds run = milliseconds(100)) {
    std::vector<cache_entry> batch;
    for (auto i = first; i < end; ++i) {
      batch.push_back(test::entry_of(test::key_of(scope, i), value(i)));
      batch.back().run = run;
      if (batch.size() == 50 || i + 1 == end) {
        store->put(batch, {scope}, cache_now);
        batch.clear();
      }
    }
  }

  std::size_t found(const cache_scope& scope, std::uint64_t first, std::uint64_t end) {
    std::size_t n = 0;
    for (auto i = first; i < end; ++i)
      n += look(test::key_of(scope, i)) == value(i) ? 1 : 0;
    return n;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_cache_room, store_cache_room_fixture)

BOOST_AUTO_TEST_CASE(the_limit_holds_under_ten_times_as_much_and_what_is_there_is_found) {
  constexpr std::uint64_t many = 10 * cap / 100'000 * 100;
  for (std::uint64_t i = 0; i < many; i += 100) {
    fill(square, i, i + 100);
    BOOST_REQUIRE_LE(all().bytes, cap);
    BOOST_REQUIRE_GT(found(square, i, i + 100), 50u); // what has just come is not what goes first
  }
  const auto figures = all();
  BOOST_CHECK_GT(figures.bytes, cap * 9 / 10);
  BOOST_CHECK_EQUAL(figures.entries + figures.evicted, many);
  BOOST_CHECK_EQUAL(figures.refused, 0u);
  BOOST_CHECK_EQUAL(found(square, 0, many), figures.entries);
  restart();
  BOOST_CHECK_EQUAL(all().bytes, figures.bytes);
  BOOST_CHECK_EQUAL(found(square, 0, many), figures.entries);
}

BOOST_AUTO_TEST_CASE(the_file_stops_growing_when_the_limit_is_reached) {
  fill(square, 0, 3000);
  const auto size = std::filesystem::file_size(directory / "data.mdb");
  fill(square, 3000, 20'000);
  BOOST_CHECK_LE(std::filesystem::file_size(directory / "data.mdb"), size + 2 * cap);
}

BOOST_AUTO_TEST_CASE(what_saves_more_time_stays_longer) {
  const auto slow = test::scope_of("default", "slow");
  fill(slow, 0, 500, milliseconds(10'000));
  fill(square, 0, 5000, milliseconds(1));
  BOOST_CHECK_EQUAL(found(slow, 0, 500), 500u);
  BOOST_CHECK_LE(all().bytes, cap);
}

BOOST_AUTO_TEST_CASE(what_is_used_stays_longer) {
  fill(square, 0, 100);
  for (std::uint64_t i = 100; i < 10'000; i += 100) {
    found(square, 0, 100);
    fill(square, i, i + 100);
  }
  BOOST_CHECK_GT(found(square, 0, 100), 90u);
}

BOOST_AUTO_TEST_CASE(what_was_precious_and_is_not_used_goes_in_the_end) {
  const auto slow = test::scope_of("default", "slow");
  fill(slow, 0, 500, milliseconds(500));
  fill(square, 0, 30'000, milliseconds(100));
  BOOST_CHECK_LT(found(slow, 0, 500), 50u);
}

BOOST_AUTO_TEST_CASE(a_limit_that_is_said_later_holds_for_what_is_there) {
  fill(square, 0, 500);
  const auto small = test::scope_of("small", "task");
  fill(small, 0, 500);
  store->limit({{"small", {100 * defaults::kib, 0}}});
  store->tidy(cache_now);
  BOOST_CHECK_EQUAL(found(square, 0, 500), 500u);
  BOOST_CHECK_LE(found(small, 0, 500), 100u);
  for (const auto& figures : store->figures())
    if (figures.project == "small") {
      BOOST_CHECK_EQUAL(figures.bytes_max, 100 * defaults::kib);
      BOOST_CHECK_LE(figures.bytes, 100 * defaults::kib);
    }
  store->limit({});
  fill(small, 0, 500);
  BOOST_CHECK_EQUAL(found(small, 0, 500), 500u);
}

BOOST_AUTO_TEST_CASE(what_is_older_than_its_project_may_have_is_removed) {
  const auto brief = test::scope_of("brief", "task");
  fill(square, 0, 10);
  fill(brief, 0, 10);
  store->limit({{"brief", {0, 5000}}});
  store->tidy(cache_now + 4999);
  BOOST_CHECK_EQUAL(all().entries, 20u);
  store->tidy(cache_now + 5000);
  BOOST_CHECK_EQUAL(all().entries, 10u);
  BOOST_CHECK_EQUAL(all().expired, 10u);
  BOOST_CHECK_EQUAL(found(square, 0, 10), 10u);
}

BOOST_AUTO_TEST_CASE(what_executed_anew_takes_the_place_of_what_is_too_old_for_its_project) {
  const auto brief = test::scope_of("brief", "task");
  fill(brief, 0, 1);
  store->limit({{"brief", {0, 5000}}});
  fill(brief, 0, 1); // the former one is good
  const auto created = [&] { return store->list({{}, 10}, {}, cache_now).at(0).entry.created_unix_ms; };
  BOOST_CHECK_EQUAL(created(), cache_now);
  auto fresh = test::entry_of(test::key_of(brief, 0), "0");
  fresh.created_unix_ms = cache_now + 5000;
  store->put({fresh}, {brief}, cache_now + 5000);
  BOOST_CHECK_EQUAL(created(), cache_now + 5000);
}

BOOST_AUTO_TEST_CASE(a_project_at_its_limit_drives_out_its_own_entries_only) {
  limits.projects["small"] = cap / 4;
  restart();
  const auto small = test::scope_of("small", "task");
  fill(square, 0, 500, milliseconds(1));
  fill(small, 0, 3000, milliseconds(10'000));
  BOOST_CHECK_EQUAL(found(square, 0, 500), 500u);
  for (const auto& figures : store->figures())
    if (figures.project == "small") {
      BOOST_CHECK_LE(figures.bytes, cap / 4);
      BOOST_CHECK_GT(figures.bytes, cap / 5);
      BOOST_CHECK_GT(figures.evicted, 1000u);
    } else if (figures.project == "default") {
      BOOST_CHECK_EQUAL(figures.evicted, 0u);
    }
}

BOOST_AUTO_TEST_CASE(an_evicted_key_is_remembered_until_it_comes_back) {
  fill(square, 0, 5000);
  std::size_t evicted = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const auto key = test::key_of(square, i);
    const bool is_there = store->find(key, cache_now).has_value();
    evicted += store->was_evicted(key) ? 1 : 0;
    BOOST_REQUIRE(!(is_there && store->was_evicted(key)));
  }
  BOOST_CHECK_GT(evicted, all().evicted * 9 / 10);
  BOOST_CHECK(!store->was_evicted(test::key_of(square, 5000)));
  std::uint64_t gone = 0;
  while (!store->was_evicted(test::key_of(square, gone)))
    ++gone;
  put(entry(gone, "again"));
  BOOST_CHECK(!store->was_evicted(test::key_of(square, gone)));
}

BOOST_AUTO_TEST_CASE(a_smaller_limit_holds_after_the_next_start) {
  fill(square, 0, 1500);
  limits.project_bytes_max = cap / 4;
  restart();
  store->tidy(cache_now);
  BOOST_CHECK_LE(all().bytes, cap / 4);
  BOOST_CHECK_GT(all().bytes, cap / 8);
  BOOST_CHECK_EQUAL(found(square, 0, 1500), all().entries);
}

BOOST_AUTO_TEST_CASE(what_could_never_fit_is_refused_and_drives_nothing_out) {
  fill(square, 0, 100);
  BOOST_CHECK(!put(entry(1000, std::string(cap + 1, 'x'))));
  BOOST_CHECK_EQUAL(found(square, 0, 100), 100u);
  BOOST_CHECK_EQUAL(all().refused, 1u);
  BOOST_CHECK_EQUAL(reports.size(), 1u);
}

BOOST_AUTO_TEST_CASE(more_at_once_than_there_is_room_for_is_taken_in_parts) {
  std::vector<cache_entry> many;
  for (std::uint64_t i = 0; i < 3 * cap / 1000; ++i)
    many.push_back(entry(i, value(i)));
  BOOST_CHECK(store->put(many, {square}, cache_now));
  BOOST_CHECK_LE(all().bytes, cap);
  BOOST_CHECK_EQUAL(all().entries + all().evicted, many.size());
  BOOST_CHECK_EQUAL(all().refused, 0u);
}

BOOST_AUTO_TEST_CASE(that_results_are_refused_is_told_now_and_then) {
  const auto too_large = entry(1, std::string(cap + 1, 'x'));
  for (std::uint64_t i = 0; i < 100; ++i)
    store->put({too_large}, {square}, cache_now + i);
  BOOST_CHECK_EQUAL(reports.size(), 1u);
  store->put({too_large}, {square}, cache_now + 3'600'000);
  BOOST_REQUIRE_EQUAL(reports.size(), 2u);
  BOOST_CHECK_NE(reports[1].find("100 results"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(large_values_count_and_their_files_go_with_them) {
  for (std::uint64_t i = 0; i < 50; ++i)
    put(entry(i, std::to_string(i) + std::string(200'000, 'L')));
  BOOST_CHECK_LE(all().bytes, cap);
  const auto files = std::distance(std::filesystem::directory_iterator(directory / "values"), {});
  BOOST_CHECK_EQUAL(static_cast<std::uint64_t>(files), all().entries);
}

BOOST_AUTO_TEST_CASE(on_a_disk_that_is_nearly_full_files_go_and_little_is_kept) {
  limits = {4 * defaults::cache_bytes_min, 4 * defaults::cache_bytes_min, {}};
  restart();
  const std::string large(8 * defaults::mib, 'L');
  for (std::uint64_t i = 0; i < 12; ++i)
    put(entry(i, std::to_string(i) + large));
  fill(square, 1000, 1100);
  BOOST_CHECK_GT(all().bytes, defaults::cache_bytes_min);
  free_share_min = 1; // more than any disk has
  restart();
  store->tidy(cache_now);
  BOOST_CHECK_LE(all().bytes, defaults::cache_bytes_min);
  BOOST_CHECK_EQUAL(found(square, 1000, 1100), 100u);
  BOOST_CHECK(put(entry(20, large)));
  BOOST_CHECK_LE(all().bytes, defaults::cache_bytes_min);
}

BOOST_AUTO_TEST_SUITE_END()
