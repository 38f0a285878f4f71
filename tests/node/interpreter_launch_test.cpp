#include "core/defaults.hpp"
#include "node/interpreter/launch.hpp"
#include "node/interpreter/raw_output.hpp"
#include "node/interpreter/zygote_message.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <sys/stat.h>
#include <vector>

using namespace hearth;
using namespace hearth::node;

BOOST_AUTO_TEST_SUITE(launching)

namespace {

bool has(const std::vector<std::string>& all, const std::string& entry) {
  return std::find(all.begin(), all.end(), entry) != all.end();
}

bool names(const std::vector<std::string>& all, const std::string& name) {
  return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.starts_with(name + '='); });
}

environment_spec spec_of(const std::string& python) {
  environment_spec spec;
  spec.name = "digits";
  spec.python = python;
  return spec;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_interpreter_sees_nothing_of_the_nodes_surroundings_but_the_harmless) {
  const std::vector<std::string> ours{"PATH=/bin",        "HOME=/home/a",     "LC_ALL=C",
                                      "PYTHONPATH=/evil", "AWS_SECRET=x",     "LD_PRELOAD=x",
                                      "broken",           "HEARTH_SOCKET=/x", "LANG=C.UTF-8"};
  const auto all = clean_environment(ours, {"HEARTH_NODE=n"}, spec_of("/usr/bin/python3"));
  BOOST_CHECK(has(all, "PATH=/bin"));
  BOOST_CHECK(has(all, "HOME=/home/a"));
  BOOST_CHECK(has(all, "LC_ALL=C"));
  BOOST_CHECK(has(all, "LANG=C.UTF-8"));
  BOOST_CHECK(has(all, "HEARTH_NODE=n"));
  for (const char* name : {"PYTHONPATH", "AWS_SECRET", "LD_PRELOAD", "HEARTH_SOCKET", "broken"})
    BOOST_CHECK(!names(all, name));
}

BOOST_AUTO_TEST_CASE(the_environments_variables_win_and_pools_have_its_cores) {
  auto spec = spec_of("/usr/bin/python3");
  spec.resources.cpu_millis = 2500;
  spec.variables = {{"PATH", "/opt/bin"}, {"MODEL", "a=b"}, {"bad=name", "x"}, {"", "x"}, {"OMP_NUM_THREADS", "7"}};
  const auto all = clean_environment({"PATH=/bin"}, {}, spec);
  BOOST_CHECK(has(all, "PATH=/opt/bin"));
  BOOST_CHECK(!has(all, "PATH=/bin"));
  BOOST_CHECK(has(all, "MODEL=a=b"));
  BOOST_CHECK(has(all, "OPENBLAS_NUM_THREADS=3"));
  BOOST_CHECK(has(all, "OMP_NUM_THREADS=7"));
  BOOST_CHECK(!names(all, "bad"));
  BOOST_CHECK(!names(all, ""));
  BOOST_CHECK_EQUAL(threads_of(spec_of("x")), 1);
}

BOOST_AUTO_TEST_CASE(a_python_that_cannot_be_started_is_named_with_what_to_do) {
  const test::scratch folder;
  test::write_file(folder / "text", "no program");
  const auto message = [](const std::string& python) {
    const auto why = unusable_python(spec_of(python));
    BOOST_REQUIRE(why);
    BOOST_CHECK(why->code == ec::start_failed);
    BOOST_CHECK(why->message.find("HEARTH_PYTHON") != std::string::npos);
    return why->message;
  };
  const auto missing = (folder / "python9").string();
  BOOST_CHECK(message(missing).find(missing + ", does not exist") != std::string::npos);
  BOOST_CHECK(message((folder / "text").string()).find("not executable") != std::string::npos);
  BOOST_CHECK(message(folder.path().string()).find("not a file") != std::string::npos);
  BOOST_CHECK(message("python3").find("not an absolute path") != std::string::npos);
  BOOST_CHECK(message("").find("names no Python") != std::string::npos);
  BOOST_CHECK(!unusable_python(spec_of("/bin/sh")));
}

BOOST_AUTO_TEST_CASE(only_the_end_of_a_flood_is_kept) {
  output_tail tail;
  for (int n = 0; n < 100'000; ++n)
    tail.add("line " + std::to_string(n) + "\n");
  BOOST_CHECK(tail.text().size() == defaults::replica_output_bytes_kept);
  BOOST_CHECK_EQUAL(tail.last_line(100), "line 99999");
  BOOST_CHECK_EQUAL(tail.last_lines(2, 100), "line 99998\nline 99999");
  BOOST_CHECK_EQUAL(tail.last_line(3), "999");
}

BOOST_AUTO_TEST_CASE(the_last_line_is_the_last_that_says_something) {
  output_tail tail;
  BOOST_CHECK_EQUAL(tail.last_line(100), "");
  tail.add("one\n\n  \n");
  BOOST_CHECK_EQUAL(tail.last_line(100), "one");
  tail.add("two");
  BOOST_CHECK_EQUAL(tail.last_line(100), "two");
  BOOST_CHECK_EQUAL(tail.last_lines(100, 1000), "one\n\n  \ntwo");
}

BOOST_AUTO_TEST_CASE(what_a_zygote_says_is_understood_or_refused) {
  using namespace zygote_message;
  const auto r = parse(R"({"ready": {"pid": 12, "python": "3.11.2", "canFork": true, "importUs": "1500"}})");
  BOOST_REQUIRE(r && std::holds_alternative<ready>(*r));
  BOOST_CHECK_EQUAL(std::get<ready>(*r).pid, 12);
  BOOST_CHECK(std::get<ready>(*r).can_fork);
  BOOST_CHECK(std::get<ready>(*r).import_time == std::chrono::microseconds(1500));
  BOOST_CHECK(!std::get<ready>(*r).has_slot_table);
  const auto f = parse(R"({"failed": {"message": "no torch", "code": 4}})");
  BOOST_REQUIRE(f && std::holds_alternative<failure>(*f));
  BOOST_CHECK(std::get<failure>(*f).code == ec::module_load);
  BOOST_CHECK(std::get<failure>(*parse(R"({"failed": {"code": 9999}})")).code == ec::start_failed);
  const auto e = parse(R"({"exited": {"replica": "3", "pid": 4, "status": 137, "signal": 9}})");
  BOOST_REQUIRE(e && std::holds_alternative<exited>(*e));
  BOOST_CHECK_EQUAL(std::get<exited>(*e).replica.value, 3);
  BOOST_CHECK_EQUAL(std::get<exited>(*e).signal, 9);
  for (const char* bad :
       {"", "{", "[]", "{}", "null", R"({"ready": 3})", R"({"unknown": {}})", R"({"forked": {"pid": -1}})"})
    BOOST_CHECK_MESSAGE(!parse(bad), bad);
  BOOST_CHECK(!parse(std::string(100'000, '[')));
}

BOOST_AUTO_TEST_CASE(a_zygote_is_told_what_it_needs_and_no_more) {
  auto spec = spec_of("/usr/bin/python3");
  spec.description = "only for people";
  spec.version = "abc";
  spec.tasks.push_back({});
  spec.tasks.back().name = "digits.square";
  spec.tasks.back().docs = "long text";
  spec.variables = {{"A", "B"}};
  const auto text = zygote_message::configure(spec, "/srv/code", true);
  for (const char* part : {R"("codeDirectory":"/srv/code")", R"("version":"abc")", R"("forceSpawn":true)",
                           R"("threads":1)", R"("name":"digits.square")", R"({"name":"A","value":"B"})"})
    BOOST_CHECK_MESSAGE(text.find(part) != std::string::npos, part << " in " << text);
  BOOST_CHECK(text.find("long text") == std::string::npos);
  BOOST_CHECK(text.find("only for people") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
