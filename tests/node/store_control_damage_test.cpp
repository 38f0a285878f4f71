#include "core/defaults.hpp"
#include "node/store/control_store.hpp"
#include "node/store/lmdb_check.hpp"
#include "tests/support/control_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <optional>
#include <set>
#include <string>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;
using test::entries;
using test::write_one;

namespace {

constexpr std::size_t page_bytes = 4096;

/// A store with something of everything, as files that can be damaged and put back.
struct store_control_damage_fixture {
  test::scratch home;
  fs::path directory = home / "control";
  fs::path file = directory / "data.mdb";
  stored_control whole;
  std::string content, witness;
  std::size_t used = 0; // bytes of the file that are not reserve

  store_control_damage_fixture() {
    {
      control_store store(directory);
      store.next_incarnation();
      write_one(store, {1, raft::hard_state{1, {1, 2}}, {}, entries(1, 60, 1)});
      store.write_snapshot({20, 1, 1, {{1, 2}, {3, 4}, {5, 6}}}, std::string(9000, 's'), later_entries::keep);
      auto large = entries(61, 3, 2);
      large[1].data.assign(7000, 'l');
      write_one(store, {2, raft::hard_state{2, {3, 4}}, {}, large});
      write_one(store, {3, {}, 62, {}}); // leaves free pages
      write_one(store, {4, raft::hard_state{3, {1, 2}}, {}, large_from(62)});
    }
    whole = control_store(directory).take_stored();
    content = test::content_of(file);
    witness = test::content_of(directory / witness_name);
    used = static_cast<std::size_t>(check_lmdb_file(file, "").pages) * page_bytes;
  }

  static std::vector<raft::entry> large_from(std::uint64_t index) {
    auto large = entries(index, 2, 3);
    large[0].data.assign(9000, 'm');
    return large;
  }

  void put_back() {
    test::write_file(file, content);
    test::write_file(directory / witness_name, witness);
  }

  void write_byte(std::size_t at, int byte) const {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(at));
    out.put(static_cast<char>(byte));
  }

  /// The sentence with which the store is refused; nothing when it is whole.
  std::optional<std::string> refused() {
    try {
      const auto found = control_store(directory).take_stored();
      BOOST_REQUIRE(is_whole(found));
      return {};
    } catch (const damaged_store& e) {
      return e.what();
    }
  }

  bool is_whole(const stored_control& found) const {
    return found.state.hard == whole.state.hard && found.state.snapshot == whole.state.snapshot
           && found.state.entries == whole.state.entries && found.snapshot.view() == whole.snapshot.view()
           && found.incarnation == whole.incarnation && found.restored == whole.restored;
  }
};

void check_sentence(const std::string& what, const fs::path& directory) {
  BOOST_CHECK_MESSAGE(what.find(directory.string()) != std::string::npos, what);
  BOOST_CHECK_MESSAGE(what.find("Restore a backup, or remove") != std::string::npos, what);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_control_damage, store_control_damage_fixture)

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_off_anywhere_is_refused_with_a_sentence) {
  std::set<std::size_t> sizes{0, 1, 100};
  for (auto size = page_bytes; size <= used; size += page_bytes)
    sizes.insert({size - 1, size, size + 1});
  for (const auto size : sizes) {
    fs::resize_file(file, size);
    const auto what = refused();
    BOOST_REQUIRE_MESSAGE(what.has_value() == (size < used), "cut to " << size << " of " << used);
    if (what)
      check_sentence(*what, directory);
    put_back();
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_byte_is_found_or_does_no_harm) {
  std::size_t found = 0, harmless = 0;
  const auto damage = [&](std::size_t at, int mask) {
    write_byte(at, content[at] ^ mask);
    BOOST_TEST_CONTEXT("byte " << at % page_bytes << " of page " << at / page_bytes) {
      if (const auto what = refused()) {
        check_sentence(*what, directory);
        ++found;
        write_byte(at, content[at]);
      } else if (harmless++ % 8 == 0) { // and it stays so: LMDB can go on with this file
        control_store store(directory);
        write_one(store, {5, {}, {}, entries(64, 30, 3)});
        put_back();
      } else {
        write_byte(at, content[at]);
      }
    }
  };
  for (std::size_t page = 0; page < 2; ++page)
    for (std::size_t at = 0; at < 160; ++at) // a meta page
      for (const int mask : {1, 2, 0x80})
        damage(page * page_bytes + at, mask);
  for (std::size_t page = 2; page < used / page_bytes; ++page) {
    for (std::size_t at = 0; at < 48; ++at) // a page's header and the first places of its nodes
      damage(page * page_bytes + at, at % 2 == 0 ? 0xff : 0x02);
    for (std::size_t at = 48 + page % 7; at < page_bytes; at += 61)
      damage(page * page_bytes + at, 0x10);
  }
  BOOST_TEST_MESSAGE(found << " found, " << harmless << " harmless");
  BOOST_CHECK_GT(found, harmless / 2);
  BOOST_CHECK(!refused());
}

BOOST_AUTO_TEST_CASE(a_page_of_an_older_commit_is_found) {
  std::vector<std::string> older;
  std::string newest;
  {
    control_store store(directory);
    for (std::uint64_t i = 0; i < 8; ++i) {
      older.push_back(test::content_of(file));
      write_one(store, {1, raft::hard_state{10 + i, {1, 2}}, 64, entries(64, 5, 10 + i)});
    }
    newest = test::content_of(file);
  }
  whole = control_store(directory).take_stored();
  used = static_cast<std::size_t>(check_lmdb_file(file, "").pages) * page_bytes;
  const auto newest_witness = test::content_of(directory / witness_name);
  std::size_t found = 0;
  for (const auto& old : older)
    for (std::size_t at = 0; at < used; at += page_bytes) {
      auto mixed = newest;
      mixed.replace(at, page_bytes, old, at, page_bytes);
      if (mixed == newest)
        continue;
      test::write_file(file, mixed);
      found += refused().has_value() ? 1 : 0; // otherwise it was whole
      test::write_file(directory / witness_name, newest_witness);
    }
  BOOST_CHECK_GT(found, 8u);
}

BOOST_AUTO_TEST_CASE(a_store_that_went_back_by_one_commit_is_refused) {
  {
    control_store store(directory);
    write_one(store, {1, raft::hard_state{9, {5, 6}}, {}, {}});
  }
  // What a torn meta page makes LMDB see, and what an old copy of the file alone is.
  test::write_file(file, content);
  const auto what = refused();
  BOOST_REQUIRE(what);
  BOOST_CHECK_MESSAGE(what->find("older commit") != std::string::npos, *what);
  check_sentence(*what, directory);
}

BOOST_AUTO_TEST_CASE(a_store_whose_witness_did_not_reach_the_disk_is_whole) {
  {
    control_store store(directory);
    write_one(store, {1, raft::hard_state{9, {5, 6}}, {}, {}});
  }
  whole = control_store(directory).take_stored();
  test::write_file(directory / witness_name, witness); // as after a crash of the machine
  BOOST_CHECK(!refused());
}

BOOST_AUTO_TEST_CASE(a_file_that_is_missing_is_not_taken_for_a_new_store) {
  fs::remove(directory / "lock.mdb"); // which is nothing
  BOOST_CHECK(!refused());
  fs::remove(file);
  auto what = refused();
  BOOST_REQUIRE(what);
  check_sentence(*what, directory);
  put_back();
  fs::remove(directory / witness_name);
  what = refused();
  BOOST_REQUIRE(what);
  check_sentence(*what, directory);
}

BOOST_AUTO_TEST_SUITE_END()
