#include "actors/error.hpp"
#include "node/interpreter/inspector.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;

namespace {

struct inspector_fixture : test::loop_fixture {
  std::shared_ptr<pid_t> child = std::make_shared<pid_t>(0);
  isolation_settings isolation;
  std::optional<inspector_actor> inspector;

  ~inspector_fixture() {
    BOOST_CHECK_EQUAL(*child, 0);
    BOOST_CHECK_EQUAL(children().size(), 0);
  }

  struct answer {
    std::vector<finding> found;
    failure refusal;
    bool came = false;

    const finding* about(const std::string& what) const {
      const auto at = std::find_if(found.begin(), found.end(), [&](const auto& f) { return f.what == what; });
      return at == found.end() ? nullptr : &*at;
    }
  };

  answer ask(const std::string& question) {
    if (!inspector)
      inspector = spawn_inspector(
        {loop, HEARTH_SOURCE_DIR "/python/src/hearth/_worker/boot.py", "/usr/bin/python3", isolation, child});
    answer result;
    loop.system().spawn([&](caf::event_based_actor* self) {
      self->request(*inspector, caf::infinite, atom::check::value, question)
        .then(
          [&result](std::vector<finding>& found) {
            result.found = std::move(found);
            result.came = true;
          },
          [&result](const caf::error& error) {
            result.refusal = failure_of(error);
            result.came = true;
          });
    });
    BOOST_CHECK_MESSAGE(run_until([&] { return result.came; }), "no answer");
    return result;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(inspectors, inspector_fixture)

BOOST_AUTO_TEST_CASE(an_interpreter_says_what_it_has_and_sees) {
  const auto said = ask(
    R"({"environments":[{"name":"e","modules":["json","nothing_of_this_name"],"paths":["/usr/bin","/nowhere"]}]})");
  BOOST_REQUIRE(said.about("interpreter /usr/bin/python3 (e)"));
  BOOST_CHECK(said.about("interpreter /usr/bin/python3 (e)")->text.starts_with("Python 3."));
  BOOST_CHECK(said.about("module json (e)")->is_fine);
  BOOST_CHECK(!said.about("module nothing_of_this_name (e)")->is_fine);
  BOOST_CHECK_EQUAL(said.about("path /usr/bin (e)")->text, "is seen by tasks");
  BOOST_CHECK_EQUAL(said.about("path /nowhere (e)")->text, "is not there");
}

BOOST_AUTO_TEST_CASE(without_a_program_it_says_how_the_node_isolates) {
  isolation.level = node::isolation::sandbox;
  isolation.bubblewrap = "/nowhere/bwrap";
  const auto said = ask("");
  BOOST_REQUIRE_EQUAL(said.found.size(), 1);
  BOOST_CHECK(!said.found[0].is_fine);
  BOOST_CHECK_NE(said.found[0].text.find("install the package bubblewrap"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_looked_at_is_said_and_the_rest_goes_on) {
  const test::scratch folder;
  test::write_file(folder / "python", "#!/bin/sh\necho 'no Python, this'\nexit 7\n");
  std::filesystem::permissions(folder / "python", std::filesystem::perms::owner_all);
  const auto broken = (folder / "python").string();
  const auto said = ask(R"({"environments":[{"name":"a","python":"/nowhere/python"},{"name":"b","python":")" + broken
                        + R"("},{"name":"c","packages":true}]})");
  BOOST_REQUIRE(said.about("environment a"));
  BOOST_CHECK_NE(said.about("environment a")->text.find("does not exist on this machine"), std::string::npos);
  BOOST_REQUIRE(said.about("interpreter " + broken + " (b)"));
  BOOST_CHECK_NE(said.about("interpreter " + broken + " (b)")->text.find("exited with status 7"), std::string::npos);
  BOOST_CHECK(said.about("interpreter /usr/bin/python3 (c)"));
}

BOOST_AUTO_TEST_CASE(what_is_no_question_is_refused_by_the_inspector_too) {
  BOOST_CHECK(ask("no json").refusal.code == ec::bad_request);
  BOOST_CHECK(ask("").refusal.code == ec::none);
}

BOOST_AUTO_TEST_SUITE_END()
