#include "core/defaults.hpp"
#include "node/store/control_store.hpp"
#include "node/store/lmdb_check.hpp"
#include "tests/support/control_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;
using test::entries;
using test::write_one;

namespace {

struct store_control_backup_fixture {
  test::scratch home;
  fs::path directory = home / "control", other = home / "other", file = home / "control.backup";
  std::optional<control_store> store;

  store_control_backup_fixture() {
    store.emplace(directory);
    store->next_incarnation();
    store->write_snapshot({10, 1, 1, {{1, 2}}}, std::string(300'000, 's'), later_entries::keep);
    write_one(*store, {1, raft::hard_state{4, {1, 2}}, {}, entries(11, 40, 2)});
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_control_backup, store_control_backup_fixture)

BOOST_AUTO_TEST_CASE(a_backup_of_a_store_that_goes_on_is_restored_and_says_that_it_is_old) {
  store->backup(file);
  write_one(*store, {2, raft::hard_state{5, {3, 4}}, {}, entries(51, 10, 5)});
  control_store::restore(file, other);
  std::optional<control_store> restored(std::in_place, other);
  auto stored = restored->take_stored();
  BOOST_CHECK(stored.restored);
  BOOST_CHECK_EQUAL(stored.incarnation, 1u);
  BOOST_CHECK((stored.state.hard == raft::hard_state{4, {1, 2}}));
  BOOST_CHECK(stored.state.entries == entries(11, 40, 2));
  BOOST_CHECK_EQUAL(stored.snapshot.view(), std::string(300'000, 's'));
  write_one(*restored, {3, {}, {}, entries(51, 1, 6)});
  restored.emplace(other);
  BOOST_CHECK(restored->take_stored().restored); // until somebody has looked after it
  restored->accept_restored();
  restored.reset();
  stored = control_store(other).take_stored();
  BOOST_CHECK(!stored.restored);
  BOOST_CHECK_EQUAL(stored.incarnation, 1u + defaults::restored_starts); // ahead of what was lost
  BOOST_CHECK_EQUAL(stored.state.entries.size(), 41u);
  BOOST_CHECK(!fs::exists(home / "control.backup.hearth-new"));
}

BOOST_AUTO_TEST_CASE(a_newer_backup_takes_the_place_of_an_older_one) {
  store->backup(file);
  write_one(*store, {2, {}, {}, entries(51, 10, 5)});
  store->backup(file);
  control_store::restore(file, other);
  BOOST_CHECK_EQUAL(control_store(other).take_stored().state.entries.size(), 50u);
}

BOOST_AUTO_TEST_CASE(a_backup_is_not_restored_over_a_store) {
  store->backup(file);
  store.reset();
  const auto before = test::content_of(directory / "data.mdb");
  std::string what;
  try {
    control_store::restore(file, directory);
  } catch (const store_error& e) {
    BOOST_CHECK(e.code == ec::bad_request);
    what = e.what();
  }
  BOOST_CHECK_MESSAGE(what.find("nothing was restored") != std::string::npos, what);
  BOOST_CHECK(test::content_of(directory / "data.mdb") == before);
}

BOOST_AUTO_TEST_CASE(a_damaged_backup_is_not_restored_and_leaves_nothing) {
  store->backup(file);
  const auto whole = test::content_of(file);
  for (std::size_t at = 100; at < whole.size(); at += 5003) {
    auto broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x20);
    test::write_file(file, broken);
    try {
      control_store::restore(file, other); // it was a byte between records
      BOOST_CHECK(control_store(other).take_stored().state.entries == entries(11, 40, 2));
      fs::remove_all(other);
    } catch (const damaged_store& e) {
      const std::string what = e.what();
      BOOST_CHECK_MESSAGE(what.find("control.backup") != std::string::npos, what);
    }
    BOOST_CHECK(!fs::exists(other));
    BOOST_CHECK(!fs::exists(home / "other.hearth-new"));
  }
  test::write_file(file, whole.substr(0, whole.size() - 1));
  BOOST_CHECK_THROW(control_store::restore(file, other), damaged_store);
  test::write_file(file, "");
  BOOST_CHECK_THROW(control_store::restore(file, other), damaged_store);
  fs::remove(file);
  BOOST_CHECK_THROW(control_store::restore(file, other), store_error);
  BOOST_CHECK(!fs::exists(other));
}

BOOST_AUTO_TEST_CASE(a_backup_that_finds_no_room_leaves_the_store_and_the_older_backup_alone) {
  store->backup(file);
  const auto before = test::content_of(file);
  write_one(*store, {2, {}, {}, entries(51, 10, 5)});
  {
    const test::small_files limit(100'000);
    BOOST_CHECK_THROW(store->backup(file), std::runtime_error);
  }
  BOOST_CHECK(test::content_of(file) == before);
  BOOST_CHECK(!fs::exists(home / "control.backup.hearth-new"));
  write_one(*store, {3, {}, {}, entries(61, 10, 5)}); // it is not the store that failed
}

BOOST_AUTO_TEST_SUITE_END()
