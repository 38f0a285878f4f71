#include "node/interpreter/inspection.hpp"
#include "node/interpreter/process.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <map>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

using namespace hearth;
using namespace hearth::node;

BOOST_AUTO_TEST_SUITE(inspections)

namespace {

inspected_environment asked_of(std::vector<std::string> modules, std::vector<std::string> paths) {
  inspected_environment asked;
  asked.spec.name = "digits";
  asked.spec.python = "/py";
  asked.modules = std::move(modules);
  asked.paths = std::move(paths);
  return asked;
}

std::map<std::string, finding> by_what(const std::vector<finding>& all) {
  std::map<std::string, finding> result;
  for (const auto& one : all)
    result.emplace(one.what, one);
  return result;
}

bool always(const std::string&) { return true; }
bool never(const std::string&) { return false; }

} // namespace

BOOST_AUTO_TEST_CASE(a_question_names_environments_and_an_empty_one_none) {
  BOOST_CHECK(read_inspection("", "/py").empty());
  const auto all = read_inspection(
    R"({"environments":[{"name":"a","mounts":["/d:rw"],"modules":["numpy"],"paths":["/x"]},
                                      {"name":"b","python":"/other","isolation":"sandbox","packages":true}]})",
    "/py");
  BOOST_REQUIRE_EQUAL(all.size(), 2);
  BOOST_CHECK_EQUAL(all[0].spec.python, "/py");
  BOOST_CHECK_EQUAL(all[0].spec.mounts.at(0), "/d:rw");
  BOOST_CHECK_EQUAL(all[0].modules.at(0), "numpy");
  BOOST_CHECK(!all[0].with_packages && all[1].with_packages);
  BOOST_CHECK_EQUAL(all[1].spec.python, "/other");
  BOOST_CHECK_EQUAL(all[1].spec.isolation, "sandbox");
}

BOOST_AUTO_TEST_CASE(what_is_no_question_is_refused) {
  BOOST_CHECK_THROW(read_inspection("[]", "/py"), std::invalid_argument);
  BOOST_CHECK_THROW(read_inspection("{", "/py"), std::invalid_argument);
  BOOST_CHECK_THROW(read_inspection(R"({"environments":[{"mounts":["/proc"]}]})", "/py"), std::invalid_argument);
  std::string many = R"({"environments":[{})";
  for (int i = 0; i < 100; ++i)
    many += ",{}";
  BOOST_CHECK_THROW(read_inspection(many + "]}", "/py"), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(what_is_there_and_what_is_missing_is_said_of_each_module) {
  const auto asked = asked_of({"numpy", "odd", "torch"}, {});
  const auto all = by_what(findings_of(asked, {"3.11.2", {{"numpy", "1.24.2"}, {"odd", ""}}, {}, {}}, true, always));
  BOOST_CHECK_EQUAL(all.at("interpreter /py (digits)").text, "Python 3.11.2");
  BOOST_CHECK_EQUAL(all.at("module numpy (digits)").text, "1.24.2");
  BOOST_CHECK(all.at("module odd (digits)").is_fine);
  BOOST_CHECK(!all.at("module torch (digits)").is_fine);
}

BOOST_AUTO_TEST_CASE(a_hidden_path_comes_with_the_mount_that_shows_it) {
  const auto asked = asked_of({}, {"/data/in.csv"});
  const auto hidden = findings_of(asked, {"3", {}, {}, {}}, true, always).back();
  BOOST_CHECK(!hidden.is_fine);
  BOOST_CHECK_NE(hidden.text.find("mounts=(\"/data\",)"), std::string::npos);
  BOOST_CHECK(findings_of(asked, {"3", {}, {"/data/in.csv"}, {}}, true, always).back().is_fine);
  BOOST_CHECK(findings_of(asked, {"3", {}, {}, {}}, true, never).back().is_fine); // to be written, or no path at all
  BOOST_CHECK(!findings_of(asked, {"3", {}, {}, {}}, false, always).back().is_fine);
}

BOOST_AUTO_TEST_CASE(a_mount_that_is_not_there_is_named) {
  auto asked = asked_of({}, {});
  asked.spec.mounts = {"/data:rw"};
  const auto found = findings_of(asked, {"3", {}, {}, {}}, true, never).back();
  BOOST_CHECK_EQUAL(found.what, "path /data (digits)");
  BOOST_CHECK(!found.is_fine);
}

BOOST_AUTO_TEST_CASE(what_an_interpreter_prints_is_read_or_refused) {
  const auto seen = read_sighting(R"({"python": "3.9.18", "modules": [{"name": "a", "version": "1"}], "paths": ["/x"],
                                     "packages": [{"name": "p", "version": "2"}]})");
  BOOST_REQUIRE(seen);
  BOOST_CHECK_EQUAL(seen->python, "3.9.18");
  BOOST_CHECK_EQUAL(seen->modules.at(0).version, "1");
  BOOST_CHECK_EQUAL(seen->paths.at(0), "/x");
  BOOST_CHECK_EQUAL(seen->packages.at(0).name, "p");
  for (const char* wrong : {"", "Traceback (most recent call last):", "[]", "{\"python\":"})
    BOOST_CHECK_MESSAGE(!read_sighting(wrong), wrong);
}

BOOST_AUTO_TEST_CASE(the_question_to_an_interpreter_is_json_whatever_the_names_are) {
  const auto words = sighting_words(asked_of({"a\"b"}, {"/x\\y"}));
  BOOST_CHECK_EQUAL(words.front(), "/py");
  BOOST_CHECK_EQUAL(words.back(), R"({"modules":["a\"b"],"paths":["/x\\y"],"packages":false})");
}

BOOST_AUTO_TEST_CASE(a_pidfd_tells_the_number_of_its_process_until_that_is_reaped) {
  pid_t pid = 0;
  const char* words[] = {"sleep", "60", nullptr};
  BOOST_REQUIRE_EQUAL(posix_spawnp(&pid, "sleep", nullptr, nullptr, const_cast<char**>(words), environ), 0);
  const auto pidfd = open_pidfd(pid);
  BOOST_CHECK_EQUAL(pid_of(pidfd), pid);
  send_signal(pidfd, SIGKILL);
  while (!reap(pidfd))
    ::usleep(1000);
  BOOST_CHECK_EQUAL(pid_of(pidfd), 0);
  BOOST_CHECK_EQUAL(pid_of(STDERR_FILENO), 0);
  BOOST_CHECK_EQUAL(pid_of(-1), 0);
}

BOOST_AUTO_TEST_CASE(bubblewrap_says_a_signal_as_a_shell_does) {
  BOOST_CHECK_EQUAL(of_sandbox({137, 0}).signal, SIGKILL);
  BOOST_CHECK_EQUAL(of_sandbox({1, 0}).code, 1);
  BOOST_CHECK_EQUAL(of_sandbox({128, 0}).code, 128);
  BOOST_CHECK_EQUAL(of_sandbox({255, 0}).code, 255);
  BOOST_CHECK_EQUAL(of_sandbox({0, SIGKILL}).signal, SIGKILL);
}

BOOST_AUTO_TEST_SUITE_END()
