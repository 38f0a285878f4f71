#include "core/defaults.hpp"
#include "node/store/control_store.hpp"
#include "node/store/lmdb_check.hpp"
#include "tests/support/control_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;
using test::entries;
using test::write_one;

namespace {

const raft::snapshot_mark first_mark{0, 0, 1, {{1, 2}}};

struct store_control_fixture {
  test::scratch home;
  fs::path directory = home / "control";
  std::optional<control_store> store;

  store_control_fixture() { store.emplace(directory); }

  stored_control reopened() {
    store.reset();
    store.emplace(directory);
    return store->take_stored();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_control, store_control_fixture)

BOOST_AUTO_TEST_CASE(a_new_store_is_empty_and_counts_its_starts) {
  const auto stored = store->take_stored();
  BOOST_CHECK(stored.state.hard == raft::hard_state{});
  BOOST_CHECK(stored.state.snapshot == raft::snapshot_mark{});
  BOOST_CHECK(stored.state.entries.empty());
  BOOST_CHECK_EQUAL(stored.incarnation, 0u);
  BOOST_CHECK_EQUAL(store->next_incarnation(), 1u);
  BOOST_CHECK_EQUAL(reopened().incarnation, 1u);
  BOOST_CHECK_EQUAL(store->next_incarnation(), 2u);
}

BOOST_AUTO_TEST_CASE(what_was_written_is_there_after_a_restart) {
  const raft::hard_state hard{7, {3, 4}};
  auto log = entries(1, 100, 5);
  log[40].type = raft::entry::kind::seal;
  log[40].voters = {{1, 1}, {2, 2}, {3, 3}};
  log[50].data.assign(3 * defaults::mib, '\0');
  write_one(*store, {1, hard, {}, log});
  const auto stored = reopened();
  BOOST_CHECK(stored.state.hard == hard);
  BOOST_CHECK(stored.state.entries == log);
  BOOST_CHECK(!stored.restored);
}

BOOST_AUTO_TEST_CASE(batches_are_done_in_order_in_one_commit) {
  const auto before = check_lmdb_file(directory / "data.mdb", "").transaction;
  const std::vector<raft::store> batches{{1, raft::hard_state{1, {}}, {}, entries(1, 5, 1)},
                                         {2, raft::hard_state{2, {9, 9}}, 3, entries(3, 2, 2)},
                                         {3, {}, 5, {}}};
  store->write(batches);
  const auto stored = reopened();
  auto expected = entries(1, 2, 1);
  for (const auto& e : entries(3, 2, 2))
    expected.push_back(e);
  BOOST_CHECK(stored.state.entries == expected);
  BOOST_CHECK(stored.state.hard == (raft::hard_state{2, {9, 9}}));
  BOOST_CHECK_EQUAL(check_lmdb_file(directory / "data.mdb", "").transaction, before + 1);
}

BOOST_AUTO_TEST_CASE(a_gap_in_the_log_is_refused_and_changes_nothing) {
  write_one(*store, {1, {}, {}, entries(1, 3, 1)});
  BOOST_CHECK_THROW(write_one(*store, {2, raft::hard_state{5, {}}, {}, entries(5, 1, 1)}), store_error);
  write_one(*store, {3, {}, {}, entries(4, 1, 1)});
  const auto stored = reopened();
  BOOST_CHECK_EQUAL(stored.state.entries.size(), 4u);
  BOOST_CHECK_EQUAL(stored.state.hard.term, 0u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_takes_the_place_of_the_entries_up_to_its_index) {
  write_one(*store, {1, {}, {}, entries(1, 50, 3)});
  const std::string content(5 * defaults::control_chunk_bytes / 2, 'x');
  const raft::snapshot_mark mark{30, 3, 1, {{1, 2}, {3, 4}, {5, 6}}};
  store->write_snapshot(mark, content, later_entries::keep);
  auto stored = reopened();
  BOOST_CHECK(stored.state.snapshot == mark);
  BOOST_CHECK(stored.snapshot.view() == content);
  BOOST_CHECK(stored.state.entries == entries(31, 20, 3));
  const raft::snapshot_mark later{40, 3, 1, {{1, 2}}};
  store->write_snapshot(later, "small", later_entries::keep); // one at most is kept
  write_one(*store, {2, {}, {}, entries(51, 1, 4)});
  stored = reopened();
  BOOST_CHECK(stored.state.snapshot == later);
  BOOST_CHECK_EQUAL(stored.snapshot.view(), "small");
  BOOST_CHECK_EQUAL(stored.state.entries.size(), 11u);
  BOOST_CHECK_THROW(store->write_snapshot(mark, content, later_entries::keep), store_error); // never back
}

BOOST_AUTO_TEST_CASE(a_log_begins_with_a_mark_and_ends_with_another_generation) {
  store->write_snapshot(first_mark, {}, later_entries::keep);
  write_one(*store, {1, {}, {}, entries(1, 10, 1)});
  BOOST_CHECK(reopened().state.snapshot == first_mark);
  const raft::snapshot_mark next{8, 1, 2, {{1, 2}, {3, 4}, {5, 6}}};
  store->write_snapshot(next, "state", later_entries::drop);
  const auto stored = reopened();
  BOOST_CHECK(stored.state.snapshot == next);
  BOOST_CHECK(stored.state.entries.empty());
  write_one(*store, {2, {}, {}, entries(9, 1, 2)});
  BOOST_CHECK_EQUAL(reopened().state.entries.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_of_the_largest_size_is_stored_and_one_byte_more_is_refused) {
  std::string content(defaults::control_snapshot_bytes_max, 'y');
  content.back() = 'z';
  store->write_snapshot({9, 1, 1, {{1, 2}}}, content, later_entries::keep);
  BOOST_CHECK(reopened().snapshot.view() == content);
  content += '!';
  BOOST_CHECK_THROW(store->write_snapshot({10, 1, 1, {{1, 2}}}, content, later_entries::keep), store_error);
  BOOST_CHECK_EQUAL(reopened().state.snapshot.index, 9u);
}

BOOST_AUTO_TEST_CASE(months_of_work_do_not_make_the_file_grow) {
  std::uint64_t next = 1;
  std::uintmax_t early = 0;
  for (int round = 0; round < 60; ++round) {
    write_one(*store, {1, raft::hard_state{static_cast<std::uint64_t>(round), {}}, {}, entries(next, 200, 1)});
    next += 200;
    store->write_snapshot({next - 20, 1, 1, {{1, 2}}}, std::string(400'000, 's'), later_entries::keep);
    if (round == 9)
      early = fs::file_size(directory / "data.mdb");
  }
  BOOST_CHECK_LE(fs::file_size(directory / "data.mdb"), 2 * early);
  BOOST_CHECK_EQUAL(reopened().state.entries.size(), 19u);
}

BOOST_AUTO_TEST_CASE(a_start_that_was_cut_short_is_begun_anew) {
  store.reset();
  fs::remove_all(directory);
  fs::create_directory(home / "control.hearth-new");
  test::write_file(home / "control.hearth-new/data.mdb", "half a page");
  store.emplace(directory);
  BOOST_CHECK_EQUAL(store->next_incarnation(), 1u);
  BOOST_CHECK(!fs::exists(home / "control.hearth-new"));
}

BOOST_AUTO_TEST_CASE(a_full_disk_ends_writing_with_a_sentence_and_leaves_earlier_commits_intact) {
  write_one(*store, {1, raft::hard_state{1, {7, 7}}, {}, entries(1, 20, 1)});
  std::string what;
  {
    const test::small_files limit(fs::file_size(directory / "data.mdb"));
    try {
      for (std::uint64_t i = 21; i < 10'000; i += 100)
        write_one(*store, {1, {}, {}, entries(i, 100, 1)});
    } catch (const disk_error& e) {
      what = e.what();
    }
  }
  BOOST_CHECK_MESSAGE(
    what.find("data.mdb") != std::string::npos && what.find("start the node again") != std::string::npos, what);
  BOOST_CHECK_THROW(write_one(*store, {1, raft::hard_state{9, {}}, {}, {}}),
                    disk_error); // also when there is room again
  BOOST_CHECK_THROW(store->next_incarnation(), disk_error);
  const auto stored = reopened();
  BOOST_CHECK((stored.state.hard == raft::hard_state{1, {7, 7}}));
  BOOST_CHECK_GE(stored.state.entries.size(), 20u);
  BOOST_CHECK(stored.state.entries == entries(1, stored.state.entries.size(), 1));
}

BOOST_AUTO_TEST_SUITE_END()
