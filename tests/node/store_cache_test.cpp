#include "tests/support/cache_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using test::cache_now;
namespace fs = std::filesystem;

namespace {

const std::string large(3 * defaults::mib, 'L');

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_cache, test::cache_fixture)

BOOST_AUTO_TEST_CASE(an_entry_is_found_as_it_was_also_after_a_restart) {
  auto e = entry(2, "4");
  e.overwrite = 7;
  e.expires_unix_ms = cache_now + 1000;
  e.inputs.push_back(e.value);
  BOOST_CHECK(put(e));
  for (int i = 0; i < 2; ++i, restart()) {
    const auto found = store->find(e.key, cache_now);
    BOOST_REQUIRE(found);
    BOOST_CHECK(!found->is_elsewhere);
    const auto& f = found->entry;
    BOOST_CHECK(f.key == e.key && f.value == e.value && f.inputs == e.inputs && f.run == e.run);
    BOOST_CHECK_EQUAL(f.generation, 5u);
    BOOST_CHECK_EQUAL(f.overwrite, 7u);
    BOOST_CHECK_EQUAL(f.created_unix_ms, cache_now);
    BOOST_CHECK_EQUAL(f.expires_unix_ms, cache_now + 1000);
    BOOST_CHECK_EQUAL(f.producer, "a call");
    BOOST_CHECK_EQUAL(f.holder, "node-1");
    BOOST_CHECK_EQUAL(f.size, 1u);
    BOOST_CHECK_EQUAL(test::text_of(f.content), "4");
  }
}

BOOST_AUTO_TEST_CASE(a_value_that_nobody_has_named_is_named_by_the_store) {
  for (const auto& content : {std::string("4"), large}) {
    auto e = entry(content.size(), content);
    const auto value = std::exchange(e.value, {});
    BOOST_CHECK(put(e));
    BOOST_CHECK(store->find(e.key, cache_now)->entry.value == value);
    BOOST_CHECK(look(e.key) == content);
  }
}

BOOST_AUTO_TEST_CASE(a_large_value_lies_elsewhere_and_comes_back_whole) {
  auto e = entry(2, large);
  e.content.rest.push_back(bytes::copy_of("tail"));
  e.size += 4;
  e.value = digest_of(e.content);
  BOOST_CHECK(put(e));
  restart();
  const auto found = store->find(e.key, cache_now);
  BOOST_REQUIRE(found);
  BOOST_CHECK(found->is_elsewhere);
  BOOST_CHECK_EQUAL(found->entry.content.size(), 0u);
  BOOST_CHECK_EQUAL(found->entry.size, large.size() + 4);
  BOOST_CHECK(test::text_of(store->read(e.key)) == large + "tail");
}

BOOST_AUTO_TEST_CASE(the_largest_value_of_an_entry_and_an_empty_one_are_read_at_once) {
  const std::string largest(defaults::cache_inline_bytes_max, 'x');
  put(entry(1, largest));
  put(entry(2, ""));
  BOOST_CHECK(!store->find(entry(1, "").key, cache_now)->is_elsewhere);
  BOOST_CHECK(look(1) == largest);
  BOOST_CHECK_EQUAL(look(2), "");
  BOOST_CHECK_EQUAL(test::text_of(store->read(entry(2, "").key)), "");
}

BOOST_AUTO_TEST_CASE(entries_with_the_same_large_value_share_a_file_that_goes_with_the_last_of_them) {
  put(entry(1, large));
  put(entry(2, large));
  BOOST_CHECK_EQUAL(files_in(directory / "values"), 1u);
  restart();
  BOOST_CHECK_EQUAL(store->forget({"", "", "", "", {entry(1, "").key}}), 1u);
  BOOST_CHECK(look(2) == large);
  put(entry(2, large)); // again the same
  auto newer = entry(2, "small");
  newer.generation = 6;
  put(newer);
  BOOST_CHECK_EQUAL(files_in(directory / "values"), 0u);
}

BOOST_AUTO_TEST_CASE(files_that_no_entry_refers_to_go_when_the_store_is_opened) {
  put(entry(1, large));
  test::write_file(directory / "values" / std::string(64, 'a'), "of nobody");
  test::write_file(directory / "values" / (std::string(64, 'a') + ".new"), "half");
  restart();
  BOOST_CHECK_EQUAL(files_in(directory / "values"), 1u);
  BOOST_CHECK(look(1) == large);
}

BOOST_AUTO_TEST_CASE(another_key_is_a_miss) {
  put(entry(1, "1"));
  BOOST_CHECK_EQUAL(look(2), "-");
  BOOST_CHECK_EQUAL(look(test::key_of(test::scope_of("default", "square", "2"), 1)), "-");
  BOOST_CHECK_EQUAL(look(test::key_of(test::scope_of("another", "square"), 1)), "-");
  auto twin = entry(1, "").key; // of the same name on the disk
  twin.inputs.value.back() ^= 1;
  BOOST_CHECK_EQUAL(look(twin), "-");
}

BOOST_AUTO_TEST_CASE(two_keys_of_one_name_take_each_others_place) {
  put(entry(1, "1"));
  auto twin = test::entry_of(entry(1, "").key, large);
  twin.key.inputs.value.back() ^= 1;
  put(twin);
  BOOST_CHECK_EQUAL(look(1), "-");
  BOOST_CHECK(look(twin.key) == large);
  BOOST_CHECK_EQUAL(all().entries, 1u);
  BOOST_CHECK(differences.empty());
}

// -- which of two stays ----

BOOST_AUTO_TEST_CASE(the_same_two_results_leave_the_same_one_in_whatever_order_they_come) {
  const auto old = entry(1, "old");
  auto newer = entry(1, "newer");
  newer.generation = 6;
  auto overwriting = entry(1, "overwriting");
  overwriting.overwrite = 1;
  auto later = entry(1, "later");
  later.overwrite = 2;
  auto other = entry(1, "other");
  const std::vector<std::pair<cache_entry, cache_entry>> pairs{{newer, old},
                                                               {newer, later},
                                                               {overwriting, old},
                                                               {later, overwriting},
                                                               old.value < other.value ? std::pair(old, other)
                                                                                       : std::pair(other, old)};
  for (const auto& [wins, loses] : pairs)
    for (const bool wins_first : {true, false}) {
      put(wins_first ? wins : loses);
      put(wins_first ? loses : wins);
      BOOST_CHECK_EQUAL(look(1), test::text_of(wins.content));
      store->forget({});
      store->put({wins_first ? wins : loses, wins_first ? loses : wins}, {square}, cache_now); // in one commit
      BOOST_CHECK_EQUAL(look(1), test::text_of(wins.content));
      BOOST_CHECK_EQUAL(all().entries, 1u);
      store->forget({});
    }
}

BOOST_AUTO_TEST_CASE(results_that_differ_without_a_reason_are_told) {
  put(entry(1, "1"));
  put(entry(1, "1"));
  auto overwriting = entry(1, "3");
  overwriting.overwrite = 1;
  BOOST_CHECK(differences.empty());
  put(entry(1, "2"));
  BOOST_REQUIRE_EQUAL(differences.size(), 1u);
  const auto& [kept, other] = differences[0];
  BOOST_CHECK(kept.value < other.value && kept.key == other.key);
  BOOST_CHECK_EQUAL(kept.content.size() + other.content.size(), 0u);
  put(overwriting);
  BOOST_CHECK_EQUAL(differences.size(), 1u); // that was the wish
  BOOST_CHECK_EQUAL(look(1), "3");
}

// -- time ----

BOOST_AUTO_TEST_CASE(an_expired_entry_is_a_miss_at_once_and_gone_after_a_while) {
  auto e = entry(1, "1");
  e.expires_unix_ms = cache_now + 10;
  put(e);
  put(entry(2, "stays"));
  BOOST_CHECK_EQUAL(look(1, cache_now + 9), "1");
  BOOST_CHECK_EQUAL(look(1, cache_now + 10), "-");
  BOOST_CHECK_EQUAL(all().entries, 2u);
  for (int i = 0; i < 10; ++i)
    store->tidy(cache_now + 10);
  BOOST_CHECK_EQUAL(all().entries, 1u);
  BOOST_CHECK_EQUAL(all().expired, 1u);
  BOOST_CHECK_EQUAL(all().evicted, 0u);
  BOOST_CHECK_EQUAL(look(2, cache_now + 10), "stays");
}

BOOST_AUTO_TEST_CASE(in_the_place_of_an_expired_entry_any_other_is_kept_and_one_that_has_expired_is_not) {
  auto e = entry(1, "1");
  e.expires_unix_ms = cache_now + 10;
  put(e);
  auto other = e.value < entry(1, "2").value ? entry(1, "2") : entry(1, "3");
  other.generation = 4; // it would lose
  other.expires_unix_ms = cache_now + 100;
  put(other, cache_now + 20);
  BOOST_CHECK_EQUAL(look(1, cache_now + 20), test::text_of(other.content));
  BOOST_CHECK(differences.empty());
  BOOST_CHECK(put(e, cache_now + 20));
  BOOST_CHECK_EQUAL(look(1, cache_now + 20), test::text_of(other.content));
}

BOOST_AUTO_TEST_CASE(all_that_expired_is_found_in_turns_however_many_there_are) {
  constexpr std::uint64_t many = 3000;
  for (const auto& scope : {test::scope_of("a", "t"), test::scope_of("b", "t"), test::scope_of("c", "t")}) {
    std::vector<cache_entry> entries;
    for (std::uint64_t i = 0; i < many; ++i) {
      entries.push_back(test::entry_of(test::key_of(scope, i), "x"));
      entries.back().expires_unix_ms = cache_now + 1 + i % 2 * 1000;
    }
    store->put(entries, {scope}, cache_now);
  }
  store->tidy(cache_now + 1);
  BOOST_CHECK_EQUAL(all().expired, 3 * many / 2);
  BOOST_CHECK_EQUAL(all().entries, 3 * many / 2);
}

// -- listing, removing, comparing ----

BOOST_AUTO_TEST_CASE(entries_are_listed_newest_first_with_their_scope_and_hits) {
  const auto other = test::scope_of("default", "cube");
  for (std::uint64_t i = 0; i < 5; ++i) {
    auto e = test::entry_of(test::key_of(i % 2 ? other : square, i), "x");
    e.created_unix_ms = cache_now + i;
    store->put({e}, {square, other}, cache_now);
  }
  look(4), look(4);
  const auto rows = store->list({{}, 3}, {}, cache_now);
  BOOST_REQUIRE_EQUAL(rows.size(), 3u);
  BOOST_CHECK_EQUAL(rows[0].entry.created_unix_ms, cache_now + 4);
  BOOST_CHECK_EQUAL(rows[2].entry.created_unix_ms, cache_now + 2);
  BOOST_CHECK(rows[0].scope == square && rows[1].scope == other);
  BOOST_CHECK_EQUAL(rows[0].hits, 2u);
  BOOST_CHECK_EQUAL(rows[1].hits, 0u);
  BOOST_CHECK_EQUAL(store->list({{"default", "", "cube", "", {}}, 100}, {}, cache_now).size(), 2u);
  BOOST_CHECK_EQUAL(store->list({{"", "", "square", "1", {entry(2, "").key}}, 100}, {}, cache_now).size(), 1u);
  BOOST_CHECK_EQUAL(store->list({{"", "production", "", "", {}}, 100}, {}, cache_now).size(), 0u);
}

BOOST_AUTO_TEST_CASE(those_come_first_that_differ_least_from_a_key_however_many_are_newer) {
  const auto next = test::scope_of("default", "square", "2");
  auto old = entry(7, "old");
  old.created_unix_ms = cache_now - 1000;
  std::vector<cache_entry> all{old, test::entry_of(test::key_of(next, 7), "another version")};
  for (std::uint64_t i = 100; i < 3000; ++i)
    all.push_back(entry(i, "x"));
  store->put(all, {square, next}, cache_now);
  const auto nearest = [&](const cache_scope& scope, std::uint64_t argument) {
    const auto key = test::key_of(scope, argument);
    return store->list({{"", "", "square", "", {}}, 1, cache_row{scope, test::entry_of(key, "")}}, {}, cache_now).at(0);
  };
  BOOST_CHECK(nearest(square, 7).entry.key == old.key);
  BOOST_CHECK(nearest(next, 7).entry.key == all[1].key);
  BOOST_CHECK(nearest(test::scope_of("default", "square", "3"), 7).entry.key == all[1].key); // the newer of two
  BOOST_CHECK(nearest(next, 8).entry.key == all[1].key);
  BOOST_CHECK(nearest(test::scope_of("default", "square", "3"), 100).scope == square);
  BOOST_CHECK(nearest(square, 8).scope == square);
  BOOST_CHECK(store->list({{"", "", "cube", "", {}}, 1, cache_row{square, old}}, {}, cache_now).empty());
}

BOOST_AUTO_TEST_CASE(what_is_not_served_any_more_takes_no_place_in_a_listing) {
  const auto other = test::scope_of("default", "cube");
  auto old = test::entry_of(test::key_of(other, 1), "served");
  old.created_unix_ms = cache_now - 1000;
  store->put({old, entry(1, "1"), entry(2, "2")}, {square, other}, cache_now);
  cache_bounds bounds;
  bounds.learn(std::make_shared<const cache_bounds::generations>(cache_bounds::generations{{path_of(square), 6}}));
  const auto rows = store->list({{}, 1}, bounds, cache_now);
  BOOST_REQUIRE_EQUAL(rows.size(), 1u);
  BOOST_CHECK(rows[0].scope == other);
  BOOST_CHECK(
    store->list({{"", "", "square", "", {}}, 10, cache_row{square, entry(1, "")}}, bounds, cache_now).empty());
}

BOOST_AUTO_TEST_CASE(what_has_expired_takes_no_place_in_a_listing) {
  auto brief = entry(1, "brief");
  brief.created_unix_ms = cache_now + 10;
  brief.expires_unix_ms = cache_now + 100;
  store->put({entry(2, "2"), brief}, {square}, cache_now);
  BOOST_CHECK(store->list({{}, 1}, {}, cache_now).at(0).entry.key == brief.key);
  BOOST_CHECK(store->list({{}, 1}, {}, cache_now + 100).at(0).entry.key == entry(2, "").key);
}

BOOST_AUTO_TEST_CASE(uses_are_counted_for_the_entry_its_project_and_all) {
  put(entry(1, "1"));
  look(1);
  store->used(entry(1, "").key, 2);
  store->used(entry(9, "").key, 5); // is not here
  BOOST_CHECK_EQUAL(store->list({{}, 1}, {}, cache_now).at(0).hits, 3u);
  for (const auto& figures : store->figures())
    BOOST_CHECK_EQUAL(figures.hits, 3u);
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_is_gone_and_the_rest_is_not) {
  const auto other = test::scope_of("another", "square");
  store->put({entry(1, "1"), entry(2, "2"), test::entry_of(test::key_of(other, 1), "other")}, {square, other},
             cache_now);
  BOOST_CHECK_EQUAL(store->forget({"default", "", "", "", {}}), 2u);
  for (int i = 0; i < 2; ++i, restart()) {
    BOOST_CHECK_EQUAL(look(1), "-");
    BOOST_CHECK_EQUAL(look(test::key_of(other, 1)), "other");
    BOOST_CHECK_EQUAL(store->list({{}, 10}, {}, cache_now).size(), 1u);
    BOOST_CHECK_EQUAL(store->list({{}, 10}, {}, cache_now).front().scope.project, "another");
  }
  BOOST_CHECK(!store->was_evicted(entry(1, "").key));
}

BOOST_AUTO_TEST_CASE(figures_are_those_of_each_project_and_of_all_also_after_a_restart) {
  const auto other = test::scope_of("another", "square");
  limits.projects["another"] = 1 * defaults::mib;
  restart();
  store->put({entry(1, "1"), entry(2, large), test::entry_of(test::key_of(other, 1), "other")}, {square, other},
             cache_now);
  const auto before = store->figures();
  restart();
  const auto after = store->figures();
  BOOST_REQUIRE_EQUAL(after.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_CHECK_EQUAL(after[i].project, before[i].project);
    BOOST_CHECK_EQUAL(after[i].entries, before[i].entries);
    BOOST_CHECK_EQUAL(after[i].bytes, before[i].bytes);
  }
  BOOST_CHECK_EQUAL(after[0].entries, 3u);
  BOOST_CHECK_EQUAL(after[0].bytes, after[1].bytes + after[2].bytes);
  BOOST_CHECK_GT(after[0].bytes, large.size());
  BOOST_CHECK_EQUAL(after[1].project, "another");
  BOOST_CHECK_EQUAL(after[1].bytes_max, 1 * defaults::mib);
  BOOST_CHECK_EQUAL(after[2].bytes_max, 64 * defaults::mib);
}

BOOST_AUTO_TEST_CASE(stores_with_the_same_entries_have_the_same_digests_whatever_happened_before) {
  std::vector<cache_entry> entries;
  for (std::uint64_t i = 0; i < 500; ++i)
    entries.push_back(entry(i, "value " + std::to_string(i)));
  store->put(entries, {square}, cache_now);
  auto changed = entries[7];
  changed.generation = 3; // loses
  put(changed);
  const auto digests = store->sums().buckets;
  restart();
  BOOST_CHECK(store->sums().buckets == digests);
  store->forget({});
  BOOST_CHECK(store->sums().buckets == std::vector<std::uint64_t>(defaults::cache_buckets));
  std::reverse(entries.begin(), entries.end());
  for (const auto& e : entries)
    put(e);
  BOOST_CHECK(store->sums().buckets == digests);
  std::size_t seen = 0;
  for (std::uint32_t bucket = 0; bucket < defaults::cache_buckets; ++bucket) {
    std::uint64_t all_marks = 0;
    for (const auto& mark : store->marks({bucket}, cache_now)) {
      BOOST_CHECK_EQUAL(bucket_of(mark.key), bucket);
      BOOST_CHECK_EQUAL(entry_name(mark.key).bucket(), bucket);
      all_marks ^= hash_of(mark);
      ++seen;
    }
    BOOST_CHECK_EQUAL(all_marks, digests[bucket]);
  }
  BOOST_CHECK_EQUAL(seen, entries.size());
  changed.generation = 6; // wins
  put(changed);
  const auto bucket = bucket_of(changed.key);
  BOOST_CHECK_NE(store->sums().buckets[bucket], digests[bucket]);
}

BOOST_AUTO_TEST_SUITE_END()
