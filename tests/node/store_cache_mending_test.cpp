#include "actors/cache_bounds.hpp"
#include "tests/support/cache_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using std::chrono::milliseconds;
using test::cache_now;

namespace {

const std::string large_part(200 * 1024, 'l');

struct store_cache_mending_fixture : test::cache_fixture {
  static std::vector<std::uint32_t> all_buckets() {
    std::vector<std::uint32_t> all(defaults::cache_buckets);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  std::uint64_t mend(const std::vector<cache_entry>& entries) {
    std::vector<cache_row> rows;
    for (const auto& e : entries)
      rows.push_back({square, e});
    return store->mend(std::move(rows), cache_now);
  }

  /// To the end, from the beginning.
  void look_through(const cache_bounds::generations& invalidated = {}) {
    cache_look where{0, std::make_shared<const cache_bounds::generations>(invalidated)};
    do
      where.bucket = store->look_through(where);
    while (where.bucket != 0);
  }

  std::filesystem::path file_of(const cache_entry& e) const { return directory / "values" / to_string(e.value); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_cache_mending, store_cache_mending_fixture)

BOOST_AUTO_TEST_CASE(what_another_node_has_is_kept_and_counted_once) {
  const auto few = entry(1, "one"), other = entry(2, large_part);
  BOOST_CHECK_EQUAL(mend({few, other}), 2u);
  BOOST_CHECK_EQUAL(mend({few, other}), 0u);
  BOOST_CHECK_EQUAL(look(1), "one");
  BOOST_CHECK_EQUAL(look(2), large_part);
  BOOST_CHECK_EQUAL(all().mended, 2u);
  BOOST_CHECK_EQUAL(store->figures().at(1).mended, 2u);
}

BOOST_AUTO_TEST_CASE(what_is_better_here_stays) {
  put(entry(1, "newer"));
  auto older = entry(1, "older");
  older.generation = 4;
  BOOST_CHECK_EQUAL(mend({older}), 0u);
  BOOST_CHECK_EQUAL(look(1), "newer");
  older.generation = 6;
  BOOST_CHECK_EQUAL(mend({older}), 1u);
  BOOST_CHECK_EQUAL(look(1), "older");
}

BOOST_AUTO_TEST_CASE(nothing_goes_for_what_another_node_has) {
  limits = {1 * defaults::mib, 1 * defaults::mib, {}};
  restart();
  const std::string text(10'000, 't');
  std::uint64_t number = 0;
  while (store->sums().has_room)
    put(entry(number++, text));
  const auto before = all();
  BOOST_CHECK_EQUAL(mend({entry(5000, text)}), 0u);
  BOOST_CHECK(store->was_evicted(test::key_of(square, 5000))); // and is not asked for again
  BOOST_CHECK_EQUAL(look(5000), "-");
  BOOST_CHECK_EQUAL(all().entries, before.entries);
  BOOST_CHECK_EQUAL(all().evicted, 0u);
  put(entry(5000, text)); // what is made here is another matter
  BOOST_CHECK_EQUAL(look(5000), text);
}

BOOST_AUTO_TEST_CASE(a_project_that_is_full_takes_nothing_while_others_do) {
  limits.projects["small"] = 100 * defaults::kib;
  restart();
  const auto small = test::scope_of("small", "task");
  const std::string text(10'000, 't');
  std::vector<cache_row> rows;
  for (std::uint64_t i = 0; i < 20; ++i)
    rows.push_back({small, test::entry_of(test::key_of(small, i), text)});
  rows.push_back({square, entry(1, "one")});
  const auto mended = store->mend(rows, cache_now);
  BOOST_CHECK_GT(mended, 5u);
  BOOST_CHECK_LT(mended, 11u);
  BOOST_CHECK_EQUAL(look(1), "one");
  BOOST_CHECK_EQUAL(all().evicted, 0u);
}

BOOST_AUTO_TEST_CASE(what_does_not_belong_to_its_scope_or_is_not_what_it_says_is_not_kept) {
  auto forged = entry(1, "one");
  forged.content = payload::text("two");
  auto elsewhere = entry(2, "two");
  elsewhere.key.scope = digest_of(test::scope_of("other", "task"));
  BOOST_CHECK_EQUAL(mend({forged, elsewhere}), 0u);
  BOOST_CHECK_EQUAL(all().entries, 0u);
}

BOOST_AUTO_TEST_CASE(a_parcel_has_the_contents_of_what_is_asked_for_and_ends_where_it_is_large_enough) {
  std::vector<cache_key> keys;
  for (std::uint64_t i = 0; i < 20; ++i) {
    put(entry(i, std::to_string(i) + large_part));
    keys.push_back(test::key_of(square, i));
  }
  keys.insert(keys.begin(), test::key_of(square, 99)); // not there
  const auto parcel = store->parcel(keys, cache_now);
  BOOST_CHECK_EQUAL(parcel.looked_up, parcel.rows.size() + 1);
  BOOST_REQUIRE_GT(parcel.rows.size(), 4u);
  BOOST_CHECK_LT(parcel.rows.size(), 8u);
  BOOST_CHECK_EQUAL(test::text_of(parcel.rows[0].entry.content), "0" + large_part);
  BOOST_CHECK(parcel.rows[0].scope == square);
  for (const auto& row : store->list({{}, 100}, {}, cache_now))
    BOOST_CHECK_EQUAL(row.hits, 0u);
}

BOOST_AUTO_TEST_CASE(what_has_expired_is_neither_compared_nor_given) {
  auto short_lived = entry(1, "one");
  short_lived.expires_unix_ms = cache_now + 100;
  put(short_lived);
  BOOST_CHECK_EQUAL(store->marks(all_buckets(), cache_now).size(), 1u);
  BOOST_CHECK(store->marks(all_buckets(), cache_now + 100).empty());
  BOOST_CHECK(store->parcel({short_lived.key}, cache_now + 100).rows.empty());
}

BOOST_AUTO_TEST_CASE(a_look_through_all_finds_a_value_whose_file_is_gone_or_not_what_it_was) {
  const auto gone = entry(1, "1" + large_part), broken = entry(2, "2" + large_part), whole = entry(3, "3" + large_part);
  for (const auto& e : {gone, broken, whole})
    put(e);
  std::filesystem::remove(file_of(gone));
  std::fstream(file_of(broken), std::ios::in | std::ios::out | std::ios::binary).seekp(100'000).put('X');
  const auto before = store->sums().buckets;
  look_through();
  BOOST_CHECK_EQUAL(all().damaged, 2u);
  BOOST_CHECK_EQUAL(all().entries, 1u);
  BOOST_CHECK_EQUAL(look(3), "3" + large_part);
  BOOST_CHECK(store->sums().buckets != before);
  BOOST_CHECK(!reports.empty());
  BOOST_CHECK_EQUAL(mend({gone, broken}), 2u);
  BOOST_CHECK(store->sums().buckets == before);
  BOOST_CHECK_EQUAL(look(1), "1" + large_part);
}

BOOST_AUTO_TEST_CASE(a_look_through_all_removes_what_was_invalidated) {
  for (std::uint64_t i = 0; i < 10; ++i)
    put(entry(i, "value"));
  auto newer = entry(3, "newer");
  newer.generation = 8;
  put(newer);
  look_through({{"default/development/other", 8}});
  BOOST_CHECK_EQUAL(all().entries, 10u);
  look_through({{"default/development/square", 8}});
  BOOST_CHECK_EQUAL(all().entries, 1u);
  BOOST_CHECK_EQUAL(all().outdated, 9u);
  BOOST_CHECK_EQUAL(look(3), "newer");
  BOOST_CHECK(reports.empty());
}

BOOST_AUTO_TEST_CASE(a_look_reads_no_more_than_some_at_once) {
  for (std::uint64_t i = 0; i < 30; ++i)
    put(entry(i, std::to_string(i) + large_part));
  std::size_t times = 0;
  cache_look where;
  do {
    where.bucket = store->look_through(where);
    ++times;
  } while (where.bucket != 0);
  BOOST_CHECK_GT(times, 4u);
}

BOOST_AUTO_TEST_SUITE_END()
