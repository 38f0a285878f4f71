#include "core/defaults.hpp"
#include "node/store/blob_store.hpp"
#include "node/store/digest.hpp"
#include "node/store/store_error.hpp"
#include "tests/support/control_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

std::vector<bytes> one_part(std::string_view content) { return {bytes::copy_of(content)}; }

std::string joined(const std::optional<std::vector<bytes>>& parts) {
  std::string all;
  if (parts)
    for (const auto& part : *parts)
      all += part.view();
  return all;
}

struct store_blobs_fixture {
  test::scratch home;
  fs::path directory = home / "blobs";
  blob_limits limits{1 << 30, 24h, 0ms};
  std::vector<std::string> reports;
  std::optional<blob_store> store;

  store_blobs_fixture() { restart(); }

  void restart() {
    store.emplace(directory, limits, [this](const std::string& what) { reports.push_back(what); });
  }

  std::string put(std::string_view content) { return store->put(one_part(content)); }

  /// As if it had been used so long ago, from the next restart on.
  void age(const std::string& digest, std::chrono::minutes time) const {
    fs::last_write_time(directory / digest, fs::file_time_type::clock::now() - time);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_blobs, store_blobs_fixture)

BOOST_AUTO_TEST_CASE(a_value_is_found_under_its_digest_also_after_a_restart) {
  const std::string large(5 * defaults::frame_body_bytes_max / 2, 'x');
  const auto digest = store->put({bytes::copy_of(large.substr(0, 10)), bytes{}, bytes::copy_of(large.substr(10))});
  sha256 sum;
  sum.add(large);
  BOOST_CHECK_EQUAL(digest, sum.hex());
  BOOST_CHECK(store->has(digest));
  restart();
  const auto found = store->get(digest);
  BOOST_REQUIRE(found);
  BOOST_CHECK(joined(found) == large);
  for (const auto& part : *found)
    BOOST_CHECK_LE(part.size(), defaults::frame_body_bytes_max);
  BOOST_CHECK_EQUAL(store->size(), large.size());
}

BOOST_AUTO_TEST_CASE(a_value_of_no_bytes_is_a_value) {
  const auto digest = put("");
  BOOST_CHECK(store->get(digest));
  BOOST_CHECK_EQUAL(joined(store->get(digest)), "");
}

BOOST_AUTO_TEST_CASE(the_same_value_is_stored_once) {
  const auto first = put("once");
  BOOST_CHECK_EQUAL(put("once"), first);
  BOOST_CHECK_EQUAL(store->size(), 4u);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_nothing_and_no_name_leads_out_of_the_directory) {
  test::write_file(home / "secret", "x");
  for (const auto& name : {std::string(64, 'a'), std::string("../secret"), std::string()}) {
    BOOST_CHECK(!store->get(name));
    BOOST_CHECK(!store->has(name));
    store->remove(name);
  }
  BOOST_CHECK(fs::exists(home / "secret"));
  BOOST_CHECK(reports.empty());
}

BOOST_AUTO_TEST_CASE(a_damaged_value_is_nothing_is_removed_and_reported_and_can_be_stored_again) {
  const auto digest = put("a value");
  for (const auto* content : {"a valuE", "a valu", "a value!", ""}) {
    test::write_file(directory / digest, content);
    reports.clear();
    BOOST_CHECK(!store->get(digest));
    BOOST_REQUIRE_EQUAL(reports.size(), 1u);
    BOOST_CHECK_NE(reports[0].find(digest), std::string::npos);
    BOOST_CHECK(!store->has(digest));
    BOOST_CHECK(!fs::exists(directory / digest));
    BOOST_CHECK_EQUAL(put("a value"), digest);
    BOOST_CHECK_EQUAL(joined(store->get(digest)), "a value");
  }
  test::write_file(directory / digest, "broken and not read");
  put("a value");
  BOOST_CHECK_EQUAL(joined(store->get(digest)), "a value");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_gone_is_reported_like_a_damaged_one) {
  const auto digest = put("a value");
  fs::remove(directory / digest);
  BOOST_CHECK(!store->has(digest));
  BOOST_CHECK(!store->get(digest));
  BOOST_CHECK_EQUAL(reports.size(), 1u);
  BOOST_CHECK_EQUAL(store->size(), 0u);
}

BOOST_AUTO_TEST_CASE(the_least_recently_used_go_first_but_never_what_is_pinned) {
  const auto pinned = put(std::string(400, 'p')), old = put(std::string(400, 'o')), young = put(std::string(400, 'y'));
  age(pinned, 50min);
  age(old, 40min);
  age(young, 30min);
  limits.bytes = 1300;
  restart();
  store->pin({pinned});
  BOOST_CHECK(store->has(old)); // there is room, and it is not too old; used now
  const auto fresh = put(std::string(400, 'f'));
  BOOST_CHECK(store->has(pinned));
  BOOST_CHECK(!store->has(young));
  BOOST_CHECK(store->has(old));
  BOOST_CHECK(store->has(fresh));
}

BOOST_AUTO_TEST_CASE(nothing_goes_before_it_is_known_what_is_needed) {
  const auto digest = put("needed");
  age(digest, 48h);
  restart();
  put("another");
  BOOST_CHECK(fs::exists(directory / digest));
  store->pin({digest});
  BOOST_CHECK(fs::exists(directory / digest));
  age(digest, 48h);
  restart();
  store->pin({});
  BOOST_CHECK(!store->has(digest));
}

BOOST_AUTO_TEST_CASE(a_value_that_came_just_now_stays_although_nobody_has_named_it_yet) {
  limits = {1000, 24h, 10min};
  restart();
  const auto digest = put(std::string(800, 'a'));
  store->pin({});
  BOOST_CHECK(store->has(digest));
  BOOST_CHECK_EXCEPTION(put(std::string(800, 'b')), store_error, [](const store_error& e) {
    return e.code == ec::storage_failed && std::string(e.what()).find("abort some") != std::string::npos;
  });
  BOOST_CHECK(store->has(digest));
}

BOOST_AUTO_TEST_CASE(what_an_earlier_process_left_half_made_goes) {
  test::write_file(directory / (".new-" + std::string(64, 'a')), "half");
  restart();
  BOOST_CHECK(fs::is_empty(directory));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_said_so_and_leaves_nothing_half_made) {
  const auto kept = put("kept");
  const std::string large(100'000, 'x');
  {
    const test::small_files limit(4096);
    BOOST_CHECK_EXCEPTION(put(large), store_error, [](const store_error& e) { return e.code == ec::storage_failed; });
  }
  BOOST_CHECK_EQUAL(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1);
  BOOST_CHECK_EQUAL(joined(store->get(kept)), "kept");
  BOOST_CHECK_EQUAL(joined(store->get(put(large))), large);
}

BOOST_AUTO_TEST_SUITE_END()
