#include "node/store/log_files.hpp"
#include "node/store/store_error.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/resource.h>

#include <memory>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

log_text printed(std::string_view content, std::uint64_t n = 1) {
  log_text result;
  result.call = {n, UINT64_MAX};
  result.root = {3, 4};
  result.replica = 5;
  result.stream = 2;
  result.unix_ns = 1'700'000'000'000'000'000 + n;
  result.text = bytes::copy_of(content);
  return result;
}

std::string texts_of(const std::vector<log_text>& texts) {
  std::string result;
  for (const auto& t : texts)
    result += t.text.view();
  return result;
}

struct store_logs_fixture {
  test::scratch home;
  log_limits limits{1 << 20, 1 << 30, 1000, 24h};
  std::unique_ptr<log_files> logs;

  store_logs_fixture() { restart(); }
  void restart() { logs = std::make_unique<log_files>(home / "logs", limits); }
  void add(const std::string& name, std::string_view content) { logs->append(name, {printed(content)}); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(logs, store_logs_fixture)

BOOST_AUTO_TEST_CASE(a_state_directory_that_was_removed_is_made_again) {
  add("run-a", "lost");
  std::filesystem::remove_all(home / "logs");
  add("run-a", "kept");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 0)), "kept");
}

BOOST_AUTO_TEST_CASE(what_was_appended_is_read_with_every_field) {
  auto first = printed(std::string_view("one\0two\n\xff", 9), 7);
  first.dropped = 11;
  logs->append("run-a", {first, printed("three")});
  logs->append("run-a", {printed("")});
  const auto read = logs->read("run-a", 0);
  BOOST_REQUIRE_EQUAL(read.size(), 3u);
  BOOST_CHECK(read[0].call == first.call && read[0].root == first.root);
  BOOST_CHECK_EQUAL(read[0].replica, 5u);
  BOOST_CHECK_EQUAL(read[0].stream, 2u);
  BOOST_CHECK_EQUAL(read[0].unix_ns, first.unix_ns);
  BOOST_CHECK_EQUAL(read[0].dropped, 11u);
  BOOST_CHECK(read[0].text.view() == first.text.view());
  BOOST_CHECK_EQUAL(read[1].text.view(), "three");
  BOOST_CHECK(read[2].text.empty());
  BOOST_CHECK(logs->read("run-b", 0).empty());
}

BOOST_AUTO_TEST_CASE(the_last_lines_are_counted_through_pieces_of_output) {
  add("run-a", "1\n2\n3");
  add("run-a", "3\n4\n");
  add("run-a", "5\n");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 1)), "5\n");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 2)), "4\n5\n");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 3)), "33\n4\n5\n");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 5)), "1\n2\n33\n4\n5\n");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 50)), "1\n2\n33\n4\n5\n");
  add("run-a", "unfinished");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 1)), "unfinished");
}

BOOST_AUTO_TEST_CASE(a_name_may_hold_anything_and_stays_inside) {
  const std::vector<std::string> names{"run-../../x",          "run-a/b", "run-a b", "run-\n", std::string(5000, 'n'),
                                       std::string(5001, 'n'), ""};
  for (const auto& name : names)
    add(name, "of " + name);
  for (const auto& name : names)
    BOOST_CHECK_EQUAL(texts_of(logs->read(name, 0)), "of " + name);
  BOOST_CHECK(!fs::exists(home / "x"));
}

BOOST_AUTO_TEST_CASE(a_log_keeps_its_newest_part_and_says_what_it_lost) {
  limits.log_bytes = 10'000;
  restart();
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const auto line = "line " + std::to_string(i) + '\n';
    all += line;
    add("run-a", line);
  }
  const auto read = logs->read("run-a", 0);
  const auto kept = texts_of(read);
  BOOST_CHECK(all.ends_with(kept));
  BOOST_CHECK_LT(kept.size(), 10'000u);
  BOOST_CHECK_GT(read.size(), 40u);
  BOOST_CHECK_GT(read.front().dropped, 0u);
  std::uint64_t on_disk = 0;
  for (const auto& file : fs::directory_iterator(home / "logs"))
    on_disk += file.file_size();
  BOOST_CHECK_LE(on_disk, 10'000u);
}

BOOST_AUTO_TEST_CASE(all_logs_together_stay_within_their_limits) {
  limits.bytes = 100'000;
  limits.files = 20;
  restart();
  const std::string line(500, 'x');
  for (int i = 0; i < 1000; ++i)
    add("run-" + std::to_string(i), line);
  std::uint64_t on_disk = 0, files = 0;
  for (const auto& file : fs::directory_iterator(home / "logs"))
    on_disk += file.file_size(), ++files;
  BOOST_CHECK_LT(on_disk, 120'000u);
  BOOST_CHECK_LT(files, 40u);
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-999", 0)), line);
  BOOST_CHECK(logs->read("run-0", 0).empty());
}

BOOST_AUTO_TEST_CASE(a_log_begins_anew_with_a_new_node_and_replicas_logs_are_gone) {
  add("run-a", "old");
  add("replica-1", "old");
  restart();
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 0)), "old");
  BOOST_CHECK(logs->read("replica-1", 0).empty());
  add("run-a", "new");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 0)), "new");
}

BOOST_AUTO_TEST_CASE(logs_that_nobody_wrote_to_for_long_go) {
  add("run-a", "old");
  add("run-b", "young");
  fs::last_write_time(home / "logs/run-a.log", fs::file_time_type::clock::now() - 25h);
  restart();
  BOOST_CHECK(logs->read("run-a", 0).empty());
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-b", 0)), "young");
}

BOOST_AUTO_TEST_CASE(a_torn_or_hostile_file_is_read_up_to_where_it_is_whole) {
  add("run-a", "whole");
  const auto file = home / "logs/run-a.log";
  const auto good = test::content_of(file);
  for (const auto& rest :
       {std::string("1 2 3"), std::string("1 2 3 4 5 6 7 8 18446744073709551615\nx\n"), std::string("\0\0\0", 3),
        good.substr(0, good.size() - 2), std::string("-1 2 3 4 5 6 7 8 1\nx\n")}) {
    test::write_file(file, good + rest);
    BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 0)), "whole");
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_said_so_and_leaves_whole_records) {
  add("run-a", "before");
  rlimit before{};
  BOOST_REQUIRE_EQUAL(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  BOOST_REQUIRE_EQUAL(::setrlimit(RLIMIT_FSIZE, &small), 0);
  ec code = ec::none;
  try {
    add("run-a", std::string(50'000, 'x'));
  } catch (const store_error& e) {
    code = e.code;
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  BOOST_CHECK(code == ec::storage_failed);
  add("run-a", " after");
  BOOST_CHECK_EQUAL(texts_of(logs->read("run-a", 0)), "before after");
}

BOOST_AUTO_TEST_SUITE_END()
