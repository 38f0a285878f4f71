#include "tests/support/cache_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <fstream>
#include <sstream>

using namespace hearth;
using namespace hearth::test;

namespace {

struct archived : cache_fixture {
  std::filesystem::path archive = home / "kept.cache";
  cache_bounds bounds;

  /// All parts of it.
  cache_moved save() {
    cache_moved all;
    do {
      const auto part = store->save(archive, all.next, bounds, cache_now);
      all = {all.entries + part.entries, all.refused + part.refused, part.next, part.is_last};
    } while (!all.is_last);
    return all;
  }

  cache_moved load(std::uint64_t generation = 9, std::uint64_t now = cache_now) {
    cache_moved all;
    do {
      const auto part = store->load(archive, all.next, generation, now);
      all = {all.entries + part.entries, all.refused + part.refused, part.next, part.is_last};
    } while (!all.is_last);
    return all;
  }

  std::string bytes_of_archive() const {
    std::ostringstream text;
    text << std::ifstream(archive, std::ios::binary).rdbuf();
    return text.str();
  }

  void write_archive(const std::string& text) const { std::ofstream(archive, std::ios::binary) << text; }

  /// What is kept goes, and the store is as new.
  void empty() { store->forget({}); }
};

const std::string big(200 * defaults::kib, 'x');

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_cache_archive, archived)

BOOST_AUTO_TEST_CASE(what_was_saved_is_found_after_it_was_loaded) {
  for (std::uint64_t n = 0; n < 100; ++n)
    put(entry(n, "value " + std::to_string(n)));
  put(entry(100, big));
  BOOST_TEST(save().entries == 101u);
  empty();
  BOOST_TEST(look(7) == "-");
  const auto loaded = load();
  BOOST_TEST(loaded.entries == 101u);
  BOOST_TEST(loaded.refused == 0u);
  for (std::uint64_t n = 0; n < 100; ++n)
    BOOST_TEST(look(n) == "value " + std::to_string(n));
  BOOST_TEST(look(100) == big);
}

BOOST_AUTO_TEST_CASE(what_was_invalidated_or_is_too_old_is_not_saved) {
  for (std::uint64_t n = 1; n <= 4; ++n) {
    auto kept = entry(n, "value");
    kept.generation = n;
    put(kept);
  }
  auto old = entry(5, big);
  old.generation = 1;
  put(old);
  bounds.learn(std::make_shared<const cache_bounds::generations>(cache_bounds::generations{{"", 3}}));
  BOOST_TEST(save().entries == 2u);
  empty();
  load();
  BOOST_TEST(look(2) == "-");
  BOOST_TEST(look(3) == "value");
  BOOST_TEST(look(5) == "-");
}

BOOST_AUTO_TEST_CASE(what_is_loaded_has_the_generation_that_is_given_and_all_else_as_it_was) {
  auto kept = entry(1, "one");
  kept.generation = 100;
  put(kept);
  save();
  empty();
  load(3);
  const auto found = store->find(kept.key, cache_now);
  BOOST_REQUIRE(found);
  BOOST_TEST(found->entry.generation == 3u);
  BOOST_TEST(found->entry.producer == kept.producer);
  BOOST_TEST(found->entry.holder == kept.holder);
  BOOST_TEST(found->entry.created_unix_ms == kept.created_unix_ms);
  BOOST_TEST((found->entry.inputs == kept.inputs));
}

BOOST_AUTO_TEST_CASE(what_has_expired_is_not_kept) {
  auto brief = entry(1, "one");
  brief.expires_unix_ms = cache_now + 1000;
  put(brief);
  save();
  empty();
  BOOST_TEST(load(9, cache_now + 1000).entries == 0u);
}

BOOST_AUTO_TEST_CASE(a_damaged_entry_is_refused_and_the_others_are_kept) {
  put(entry(1, "the first"));
  put(entry(2, "the second"));
  save();
  empty();
  auto text = bytes_of_archive();
  text[text.find("the second") + 4] = 'x';
  write_archive(text);
  const auto loaded = load();
  BOOST_TEST(loaded.entries == 1u);
  BOOST_TEST(loaded.refused == 1u);
  BOOST_TEST(look(1) == "the first");
  BOOST_TEST(look(2) == "-");
}

BOOST_AUTO_TEST_CASE(an_archive_that_ends_too_early_says_so_and_what_came_before_is_kept) {
  put(entry(1, "one"));
  put(entry(2, "two"));
  save();
  empty();
  const auto text = bytes_of_archive();
  for (auto size = text.size() - 1; size > text.size() - 40; --size) {
    write_archive(text.substr(0, size));
    BOOST_CHECK_EXCEPTION(load(), node::store_error, [](const auto& e) { return e.code == ec::bad_request; });
  }
  BOOST_TEST((look(1) == "one" || look(2) == "two"));
}

BOOST_AUTO_TEST_CASE(what_is_no_archive_is_refused) {
  BOOST_CHECK_THROW(load(), node::store_error);
  write_archive("Hearth cache arch");
  BOOST_CHECK_THROW(load(), node::store_error);
  write_archive(std::string(1000, 'x'));
  BOOST_CHECK_THROW(load(), node::store_error);
}

BOOST_AUTO_TEST_CASE(what_is_no_file_is_neither_replaced_nor_read) {
  put(entry(1, "one"));
  const auto is_refused = [](const auto& e) { return e.code == ec::bad_request; };
  BOOST_REQUIRE(::mkfifo(archive.c_str(), 0600) == 0);
  BOOST_CHECK_EXCEPTION(save(), node::store_error, is_refused);
  BOOST_CHECK_EXCEPTION(load(), node::store_error, is_refused);
  BOOST_TEST(std::filesystem::is_fifo(archive));
  std::filesystem::remove(archive);
  std::filesystem::create_directory(archive);
  BOOST_CHECK_EXCEPTION(save(), node::store_error, is_refused);
  BOOST_CHECK_EXCEPTION(load(), node::store_error, is_refused);
  BOOST_TEST(!std::filesystem::exists(archive.string() + ".part"));
}

BOOST_AUTO_TEST_CASE(what_stands_behind_the_end_of_an_archive_is_told_and_what_came_before_is_kept) {
  put(entry(1, "one"));
  save();
  empty();
  write_archive(bytes_of_archive() + std::string(100, 'x'));
  BOOST_CHECK_EXCEPTION(load(), node::store_error, [](const auto& e) { return e.code == ec::bad_request; });
  BOOST_TEST(look(1) == "one");
}

BOOST_AUTO_TEST_CASE(an_archive_takes_the_place_of_another_one_when_it_is_whole) {
  write_archive("an older one");
  store->save(archive, 0, bounds, cache_now);
  BOOST_TEST(bytes_of_archive() == "an older one");
  BOOST_CHECK_THROW(store->save(archive, 0, bounds, cache_now), node::store_error); // another one is being written
  std::filesystem::remove(archive.string() + ".part");
  save();
  BOOST_TEST(bytes_of_archive() != "an older one");
  BOOST_TEST((std::filesystem::status(archive).permissions()
              == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)));
}

BOOST_AUTO_TEST_CASE(an_entry_is_listed_and_forgotten_by_the_beginning_of_its_id) {
  put(entry(1, "one"));
  put(entry(2, "two"));
  cache_filter which;
  which.id = id_of(key_of(square, 1)).substr(0, 12);
  const auto rows = store->list({which, 10}, {}, cache_now);
  BOOST_REQUIRE_EQUAL(rows.size(), 1u);
  BOOST_TEST((rows[0].entry.key == key_of(square, 1)));
  BOOST_TEST(store->forget(which) == 1u);
  BOOST_TEST(look(2) == "two");
}

BOOST_AUTO_TEST_SUITE_END()
