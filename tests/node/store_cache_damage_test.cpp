#include "node/store/record_frame.hpp"
#include "tests/support/cache_fixture.hpp"
#include "tests/support/control_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <random>
#include <string>

#include <xxhash.h>

using namespace hearth;
using namespace hearth::node;
using test::cache_now;
namespace fs = std::filesystem;

namespace {

const std::string large_value(200'000, 'L');

/// A frame as the next format has it: of the same shape, as frames of all formats are.
std::string framed_by_the_next_format(std::string_view key, std::string_view payload) {
  record_writer head;
  head.u32(0x63655248).u16(record_format + 1).u16(9).u64(payload.size());
  const auto seed = XXH3_64bits(key.data(), key.size());
  const auto before = XXH3_64bits_withSeed(head.bytes().data(), head.bytes().size(), seed);
  record_writer frame;
  frame.fixed(head.bytes()).u64(XXH3_64bits_withSeed(payload.data(), payload.size(), before)).fixed(payload);
  return frame.bytes();
}

struct store_cache_damage_fixture : test::cache_fixture {
  fs::path data = directory / "data.mdb";

  /// Changes the file while nobody has it open.
  template <class Change>
  void spoil(Change change) {
    store.reset();
    auto content = test::content_of(data);
    change(content);
    test::write_file(data, content);
    restart();
  }

  fs::path file_of(const cache_entry& e) const { return directory / "values" / to_string(e.value); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_cache_damage, store_cache_damage_fixture)

BOOST_AUTO_TEST_CASE(a_damaged_value_is_none_and_is_counted_reported_and_removed) {
  const std::string value(20'000, 'v');
  put(entry(1, value));
  put(entry(2, "good"));
  spoil([&](std::string& content) {
    const auto at = content.find(std::string(10'000, 'v'));
    BOOST_REQUIRE_NE(at, std::string::npos);
    content[at + 5000] = 'w';
  });
  BOOST_CHECK_EQUAL(look(1), "-");
  BOOST_CHECK_EQUAL(look(1), "-");
  BOOST_CHECK_EQUAL(look(2), "good");
  BOOST_CHECK_EQUAL(all().damaged, 1u);
  BOOST_CHECK_EQUAL(all().entries, 1u);
  BOOST_CHECK_EQUAL(reports.size(), 1u);
  BOOST_CHECK_EQUAL(store->list({{}, 10}, {}, cache_now).size(), 1u);
  BOOST_CHECK(put(entry(1, value))); // from another holder
  BOOST_CHECK(look(1) == value);
  BOOST_CHECK_EQUAL(all().damaged, 1u);
}

BOOST_AUTO_TEST_CASE(a_damaged_entry_that_is_replaced_before_anybody_reads_it_is_counted_too) {
  const std::string value(20'000, 'v');
  put(entry(1, value));
  spoil([&](std::string& content) { content[content.find(std::string(10'000, 'v'))] = 'w'; });
  BOOST_CHECK(put(entry(1, value)));
  BOOST_CHECK(look(1) == value);
  BOOST_CHECK_EQUAL(all().damaged, 1u);
  BOOST_CHECK_EQUAL(all().entries, 1u);
}

BOOST_AUTO_TEST_CASE(what_find_saw_damaged_stays_when_it_was_replaced_meanwhile) {
  const std::string value(20'000, 'v');
  put(entry(1, value));
  spoil([&](std::string& content) { content[content.find(std::string(10'000, 'v'))] = 'w'; });
  store->find(entry(1, "").key, cache_now);
  put(entry(1, value)); // removes it, then keeps this one
  store->tidy(cache_now);
  BOOST_CHECK(look(1) == value);
}

BOOST_AUTO_TEST_CASE(no_flipped_bit_of_the_file_makes_a_wrong_value) {
  std::minstd_rand random(7);
  for (std::uint64_t i = 0; i < 40; ++i)
    put(entry(i, "value " + std::to_string(i) + std::string(i * 97, 'x')));
  store.reset();
  const auto good = test::content_of(data);
  int lost = 0;
  for (int flip = 0; flip < 400; ++flip) {
    auto content = good;
    content[random() % content.size()] ^= static_cast<char>(1 << random() % 8);
    fs::remove_all(directory);
    fs::create_directories(directory);
    test::write_file(data, content);
    restart();
    for (std::uint64_t i = 0; i < 40; ++i) {
      const auto found = look(i);
      lost += found == "-" ? 1 : 0;
      BOOST_REQUIRE(found == "-" || found == "value " + std::to_string(i) + std::string(i * 97, 'x'));
    }
    BOOST_REQUIRE(put(entry(50, "new")));
    BOOST_REQUIRE_EQUAL(look(50), "new");
    store.reset();
  }
  BOOST_CHECK_GT(lost, 0); // so the flips met something
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_off_is_set_aside_and_a_new_cache_begins) {
  const auto fill = [&] {
    for (std::uint64_t i = 0; i < 100; ++i)
      put(entry(i, std::string(20'000, 'v')));
    put(entry(1000, large_value));
  };
  fill();
  store.reset();
  const auto pages = check_lmdb_file(data, "").pages;
  for (const auto cut : {std::uint64_t{0}, std::uint64_t{5000}, pages * 2048, pages * 4096 - 1}) {
    restart();
    fill();
    store.reset();
    reports.clear();
    fs::resize_file(data, cut);
    restart();
    BOOST_REQUIRE_EQUAL(reports.size(), 1u);
    BOOST_CHECK_NE(reports[0].find("cache.aside"), std::string::npos);
    BOOST_CHECK(fs::exists(home / "cache.aside" / "data.mdb"));
    BOOST_CHECK_EQUAL(look(1), "-");
    BOOST_CHECK_EQUAL(look(1000), "-");
    BOOST_CHECK_EQUAL(all().entries, 0u);
    BOOST_CHECK_EQUAL(all().damaged, 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_file_where_the_cache_should_be_is_set_aside) {
  store.reset();
  reports.clear();
  fs::remove_all(home / "cache");
  std::ofstream(home / "cache") << "junk";
  restart();
  BOOST_REQUIRE_EQUAL(reports.size(), 1u);
  BOOST_CHECK(fs::is_regular_file(home / "cache.aside"));
  put(entry(1, "one"));
  BOOST_CHECK_EQUAL(look(1), "one");
}

BOOST_AUTO_TEST_CASE(a_cache_of_a_newer_hearth_is_set_aside) {
  put(entry(1, "1"));
  store.reset();
  {
    lmdb_env env(directory, 1 << 30, lmdb_env::durability::last_lost);
    lmdb_transaction txn(env, lmdb_transaction::kind::write);
    const auto name = scope_name(digest_of(square));
    txn.put(name, framed_by_the_next_format(name, "a scope"));
    txn.commit();
  }
  restart();
  BOOST_REQUIRE_EQUAL(reports.size(), 1u);
  BOOST_CHECK_NE(reports[0].find("newer Hearth"), std::string::npos);
  BOOST_CHECK_EQUAL(look(1), "-");
  BOOST_CHECK(put(entry(1, "1")));
}

BOOST_AUTO_TEST_CASE(a_damaged_scope_takes_its_entries_with_it_and_no_others) {
  const auto other = test::scope_of("another", "a task with a name to look for");
  store->put({entry(1, "1"), test::entry_of(test::key_of(other, 1), "1"), test::entry_of(test::key_of(other, 2), "2")},
             {square, other}, cache_now);
  spoil([](std::string& content) {
    for (auto at = content.find("a task with a name"); at != std::string::npos;
         at = content.find("a task with a name", at))
      content[at] = 'A';
  });
  BOOST_CHECK_EQUAL(look(test::key_of(other, 1)), "-");
  BOOST_CHECK_EQUAL(look(1), "1");
  BOOST_CHECK_EQUAL(all().entries, 1u);
  BOOST_CHECK_EQUAL(all().damaged, 3u);
  store->put({test::entry_of(test::key_of(other, 1), "1")}, {other}, cache_now);
  BOOST_CHECK_EQUAL(look(test::key_of(other, 1)), "1");
}

BOOST_AUTO_TEST_CASE(a_file_of_a_value_that_is_missing_cut_off_or_changed_is_gone_and_counted) {
  const auto e = entry(1, large_value);
  std::uint64_t times = 0;
  for (const int how : {0, 1, 2, 3}) {
    BOOST_CHECK(put(e));
    BOOST_CHECK(look(1) == large_value);
    const auto file = file_of(e);
    auto content = test::content_of(file);
    switch (how) {
      case 0:
        fs::remove(file);
        break;
      case 1:
        fs::resize_file(file, 1000);
        break;
      case 2:
        fs::resize_file(file, 0);
        break;
      default:
        content[100'000] = 'l';
        test::write_file(file, content);
    }
    BOOST_CHECK_EQUAL(look(1), "-");
    BOOST_CHECK(!store->find(e.key, cache_now)); // a miss from now on
    BOOST_CHECK_EQUAL(all().damaged, ++times);
    BOOST_CHECK_EQUAL(all().entries, 0u);
  }
}

BOOST_AUTO_TEST_CASE(verifying_finds_all_that_is_damaged_without_being_asked_for_it) {
  put(entry(1, std::string(20'000, 'v')));
  put(entry(2, large_value));
  put(entry(3, large_value + "good"));
  put(entry(4, "good"));
  BOOST_CHECK_EQUAL(store->verify().damaged, 0u);
  fs::resize_file(file_of(entry(2, large_value)), 10);
  spoil([&](std::string& content) { content[content.find(std::string(10'000, 'v'))] = 'w'; });
  BOOST_CHECK_EQUAL(store->verify().damaged, 2u);
  BOOST_CHECK_EQUAL(all().damaged, 2u);
  BOOST_CHECK_EQUAL(all().entries, 2u);
  BOOST_CHECK_EQUAL(store->verify().damaged, 0u);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_mended_by_the_next_who_has_the_same_value) {
  put(entry(1, large_value));
  test::write_file(file_of(entry(1, large_value)), "spoilt");
  put(entry(2, large_value));
  BOOST_CHECK(look(2) == large_value);
  test::write_file(file_of(entry(1, large_value)), "spoilt");
  put(entry(1, large_value)); // the same entry again
  BOOST_CHECK(look(1) == large_value);
  BOOST_CHECK_EQUAL(all().damaged, 0u);
}

BOOST_AUTO_TEST_CASE(a_value_that_is_not_what_its_digest_says_is_refused) {
  auto e = entry(1, "1");
  e.content = payload::text("2");
  BOOST_CHECK(!store->put({e, entry(2, "2")}, {square}, cache_now));
  BOOST_CHECK_EQUAL(look(1), "-");
  BOOST_CHECK_EQUAL(look(2), "2");
  BOOST_CHECK_EQUAL(all().refused, 1u);
  e = entry(3, "3");
  e.size = 2;
  BOOST_CHECK(!put(e));
  BOOST_CHECK(!store->put({test::entry_of(test::key_of(test::scope_of("of", "nobody"), 1), "1")}, {square}, cache_now));
  BOOST_CHECK_EQUAL(all().refused, 3u);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_said_so_and_what_was_there_stays) {
  put(entry(1, "first"));
  put(entry(2, large_value));
  std::string what;
  std::uint64_t last = 0;
  {
    const test::small_files limited(fs::file_size(data) + 100'000);
    try {
      for (std::uint64_t i = 3; i < 1000; ++i, last = i)
        put(entry(i, std::string(60'000, 'x')));
    } catch (const store_error& e) {
      BOOST_CHECK(e.code == ec::storage_failed);
      what = e.what();
    }
    BOOST_CHECK_EQUAL(look(last), "-");
    BOOST_CHECK_EQUAL(look(1), "first");
    BOOST_CHECK_EQUAL(all().refused, 1u);
  }
  BOOST_CHECK_MESSAGE(what.find("data.mdb") != std::string::npos, what);
  const auto entries = all().entries;
  BOOST_CHECK(put(entry(last, "last"))); // when there is room again
  restart();
  BOOST_CHECK_EQUAL(look(1), "first");
  BOOST_CHECK(look(2) == large_value);
  BOOST_CHECK_EQUAL(look(last), "last");
  BOOST_CHECK_EQUAL(all().entries, entries + 1);
}

BOOST_AUTO_TEST_CASE(a_value_for_which_there_is_no_room_leaves_no_file) {
  put(entry(1, "first"));
  {
    const test::small_files limited(100'000);
    BOOST_CHECK_THROW(put(entry(2, large_value)), store_error);
  }
  BOOST_CHECK_EQUAL(look(2), "-");
  BOOST_CHECK(fs::is_empty(directory / "values"));
  BOOST_CHECK_EQUAL(all().refused, 1u);
}

BOOST_AUTO_TEST_SUITE_END()
