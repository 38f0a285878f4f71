#include "core/defaults.hpp"
#include "node/store/lmdb_check.hpp"
#include "node/store/record_store.hpp"
#include "tests/support/control_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;

namespace {

constexpr call_id run_a{1, 1}, run_b{2, 2}, run_c{3, 3};

call_id child(std::uint64_t number) { return {7, number}; }

child_record record(call_id root, std::uint64_t number, std::string_view content) {
  child_record r{root, child(number), ec::none, false, {}};
  r.value.content = bytes::copy_of(content);
  r.value.size = content.size();
  return r;
}

struct store_records_fixture {
  test::scratch home;
  fs::path directory = home / "records";
  std::uint64_t limit = 64 * defaults::mib;
  std::vector<std::string> reports;
  std::optional<record_store> store;

  store_records_fixture() { restart(); }

  void restart() {
    store.reset();
    store.emplace(directory, limit, [this](const std::string& what) { reports.push_back(what); });
  }

  /// The content of a child's record, "-" without one.
  std::string look(call_id root, std::uint64_t number, call_id other = {}) {
    const auto found = store->find(root, {child(number)}, other);
    return found.empty() ? "-" : std::string(found[0].value.content.view());
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_records, store_records_fixture)

BOOST_AUTO_TEST_CASE(a_record_is_found_as_it_was_also_after_a_restart) {
  auto failed = record(run_a, 1, "It did not work.");
  failed.code = ec::timeout_runtime;
  failed.is_text = true;
  auto large = record(run_a, 2, "");
  large.value = {std::string(64, 'a'), 3 * defaults::gib, {}};
  store->put({failed, large});
  restart();
  const auto found = store->find(run_a, {child(2), child(9), child(1)});
  BOOST_REQUIRE_EQUAL(found.size(), 2u);
  BOOST_CHECK(found[0].child == child(2));
  BOOST_CHECK_EQUAL(found[0].value.digest, std::string(64, 'a'));
  BOOST_CHECK_EQUAL(found[0].value.size, 3 * defaults::gib);
  BOOST_CHECK(found[0].value.content.empty());
  BOOST_CHECK(found[1].root == run_a && found[1].child == child(1));
  BOOST_CHECK(found[1].code == ec::timeout_runtime && found[1].is_text);
  BOOST_CHECK_EQUAL(found[1].value.content.view(), "It did not work.");
}

BOOST_AUTO_TEST_CASE(records_of_one_run_are_not_those_of_another) {
  store->put({record(run_a, 1, "a"), record(run_b, 1, "b")});
  BOOST_CHECK_EQUAL(look(run_a, 1), "a");
  BOOST_CHECK_EQUAL(look(run_b, 1), "b");
  BOOST_CHECK_EQUAL(look(run_c, 1), "-");
}

BOOST_AUTO_TEST_CASE(a_run_that_is_run_again_finds_what_the_first_one_left_but_its_own_first) {
  store->put({record(run_a, 1, "first"), record(run_a, 2, "first")});
  store->put({record(run_b, 2, "again")});
  const auto found = store->find(run_b, {child(1), child(2), child(3)}, run_a);
  BOOST_REQUIRE_EQUAL(found.size(), 2u);
  BOOST_CHECK(found[0].root == run_a);
  BOOST_CHECK_EQUAL(found[0].value.content.view(), "first");
  BOOST_CHECK(found[1].root == run_b);
  BOOST_CHECK_EQUAL(found[1].value.content.view(), "again");
}

BOOST_AUTO_TEST_CASE(what_is_put_twice_counts_once) {
  store->put({record(run_a, 1, std::string(1000, 'x'))});
  const auto before = store->size();
  store->put({record(run_a, 1, std::string(1000, 'y'))});
  BOOST_CHECK_EQUAL(store->size(), before);
  BOOST_CHECK_EQUAL(look(run_a, 1), std::string(1000, 'y'));
  store->put({record(run_a, 1, "short")});
  BOOST_CHECK_LT(store->size(), before);
  const auto counted = store->size();
  restart();
  BOOST_CHECK_EQUAL(store->size(), counted);
}

BOOST_AUTO_TEST_CASE(a_forgotten_run_leaves_nothing) {
  std::vector<child_record> many;
  for (std::uint64_t i = 1; i <= 500; ++i)
    many.push_back(record(run_a, i, std::string(200, 'x')));
  many.push_back(record(run_b, 1, "b"));
  store->put(many);
  store->remove(run_a);
  store->remove(run_c); // unknown
  BOOST_CHECK_EQUAL(look(run_a, 1), "-");
  BOOST_CHECK_EQUAL(look(run_a, 500), "-");
  BOOST_CHECK_EQUAL(look(run_b, 1), "b");
  store->remove(run_b);
  BOOST_CHECK_EQUAL(store->size(), 0u);
  restart();
  BOOST_CHECK_EQUAL(store->size(), 0u);
}

BOOST_AUTO_TEST_CASE(beyond_the_limit_the_run_that_was_silent_longest_goes_whole) {
  limit = 200'000;
  restart();
  const std::string value(50'000, 'v');
  store->put({record(run_a, 1, value)});
  store->put({record(run_b, 1, value)});
  store->put({record(run_a, 2, "still at work")});
  restart(); // which does not forget the order
  store->put({record(run_c, 1, value), record(run_c, 2, value)});
  BOOST_CHECK_EQUAL(look(run_b, 1), "-");
  BOOST_CHECK_EQUAL(look(run_a, 1), value);
  BOOST_CHECK_EQUAL(look(run_c, 2), value);
  BOOST_CHECK_LE(store->size(), limit);
}

BOOST_AUTO_TEST_CASE(a_run_that_reaches_the_limit_alone_is_refused_and_keeps_what_it_has) {
  limit = 200'000;
  restart();
  const std::string value(50'000, 'v');
  store->put({record(run_b, 1, "b")});
  store->put({record(run_a, 1, value), record(run_a, 2, value), record(run_a, 3, value)});
  BOOST_CHECK_EXCEPTION(store->put({record(run_a, 4, value)}), store_error,
                        [](const store_error& e) { return e.code == ec::storage_failed; });
  BOOST_CHECK_EQUAL(look(run_a, 3), value);
  BOOST_CHECK_EQUAL(look(run_b, 1), "b"); // it would not have helped
}

BOOST_AUTO_TEST_CASE(a_value_that_should_be_a_blob_is_refused) {
  const std::string largest(defaults::record_inline_bytes_max, 'x');
  store->put({record(run_a, 1, largest)});
  BOOST_CHECK_EQUAL(look(run_a, 1), largest);
  BOOST_CHECK_EXCEPTION(store->put({record(run_a, 2, largest + 'x')}), store_error,
                        [](const store_error& e) { return e.code == ec::value_too_large; });
}

BOOST_AUTO_TEST_CASE(a_damaged_record_is_none_and_is_removed_counted_and_reported) {
  store->put({record(run_a, 1, std::string(20'000, 'x')), record(run_a, 2, "good")});
  store.reset();
  auto content = test::content_of(directory / "data.mdb");
  const auto at = content.find(std::string(10'000, 'x'));
  BOOST_REQUIRE_NE(at, std::string::npos);
  content[at + 5000] = 'y';
  test::write_file(directory / "data.mdb", content);
  restart();
  const auto before = store->size();
  BOOST_CHECK_EQUAL(look(run_a, 1), "-");
  BOOST_CHECK_EQUAL(look(run_a, 2), "good");
  BOOST_CHECK_EQUAL(store->damaged_count(), 1u);
  BOOST_CHECK_EQUAL(reports.size(), 1u);
  BOOST_CHECK_LT(store->size(), before);
  look(run_a, 1);
  BOOST_CHECK_EQUAL(store->damaged_count(), 1u); // it is gone
  store->put({record(run_a, 1, "new")});
  BOOST_CHECK_EQUAL(look(run_a, 1), "new");
}

BOOST_AUTO_TEST_CASE(a_damaged_store_is_made_anew) {
  store->put({record(run_a, 1, std::string(20'000, 'x'))});
  store.reset();
  const auto size = check_lmdb_file(directory / "data.mdb", "").pages * 4096;
  for (const auto cut : {std::uint64_t{0}, std::uint64_t{5000}, size - 1}) {
    restart();
    store->put({record(run_a, 1, std::string(20'000, 'x'))});
    store.reset();
    reports.clear();
    fs::resize_file(directory / "data.mdb", cut);
    restart();
    BOOST_CHECK_EQUAL(reports.size(), 1u);
    BOOST_CHECK_EQUAL(look(run_a, 1), "-");
    BOOST_CHECK_EQUAL(store->size(), 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_said_so_and_what_was_there_stays) {
  store->put({record(run_a, 1, "first")});
  std::string what;
  {
    const test::small_files limited(fs::file_size(directory / "data.mdb"));
    try {
      for (std::uint64_t i = 2; i < 1000; ++i)
        store->put({record(run_a, i, std::string(60'000, 'x'))});
    } catch (const store_error& e) {
      BOOST_CHECK(e.code == ec::storage_failed);
      what = e.what();
    }
  }
  BOOST_CHECK_MESSAGE(what.find("data.mdb") != std::string::npos, what);
  BOOST_CHECK_EQUAL(look(run_a, 1), "first");
  store->put({record(run_a, 999, "last")}); // when there is room again
  restart();
  BOOST_CHECK_EQUAL(look(run_a, 1), "first");
  BOOST_CHECK_EQUAL(look(run_a, 999), "last");
}

BOOST_AUTO_TEST_SUITE_END()
