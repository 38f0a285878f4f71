#include "tests/tools/command_fixture.hpp"
#include "tests/tools/scripted_node.hpp"
#include "tools/cli/interpreter.hpp"
#include "tools/cli/places.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>

using namespace hearth;
using namespace hearth::cli_test;
namespace fs = std::filesystem;

namespace {

using variables = std::map<std::string, std::string>;

cli::variable_reader reader(const variables& from) {
  return [&from](const char* name) -> const char* {
    auto found = from.find(name);
    return found == from.end() ? nullptr : found->second.c_str();
  };
}

void make_program(const fs::path& path, const std::string& text = "#!/bin/sh\n") {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
  fs::permissions(path, fs::perms::owner_all);
}

std::string error_of(auto&& action) {
  try {
    action();
  } catch (const cli::command_error& error) {
    return error.what();
  }
  return "";
}

const variables nowhere{{"HEARTH_SOCKET", "/nonexistent/node.sock"}};

} // namespace

BOOST_AUTO_TEST_SUITE(cli_command_line)

BOOST_AUTO_TEST_CASE(without_words_the_commands_are_listed) {
  const auto shown = run({}, nowhere);
  BOOST_TEST(shown.status == 0);
  for (const char* command : {"run", "python", "get", "logs", "abort", "rerun", "wait", "serve", "deploy", "activate",
                              "deactivate", "delete", "node", "cluster", "check", "completion", "version"})
    BOOST_CHECK_MESSAGE(contains(shown.out, command), command << " is missing");
}

BOOST_AUTO_TEST_CASE(every_command_explains_itself_with_an_example) {
  for (const char* command : {"get", "logs", "abort", "rerun", "wait", "activate", "deactivate", "delete", "explain",
                              "node", "cluster", "check", "completion", "version", "python"}) {
    const auto shown = run({command, "--help"}, nowhere);
    BOOST_TEST(shown.status == 0);
    BOOST_CHECK_MESSAGE(contains(shown.out, "Example: ") && contains(shown.out, std::string("hearth ") + command),
                        shown.out);
  }
  BOOST_TEST(contains(run({"node", "stop", "--help"}, nowhere).out, "Usage: hearth node stop"));
}

BOOST_AUTO_TEST_CASE(an_unknown_command_suggests_the_nearest) {
  const auto wrong = run({"lgos", "x"}, nowhere);
  BOOST_TEST(wrong.status == 2);
  BOOST_TEST(wrong.err
             == "hearth: There is no command `lgos`. Did you mean `logs`? `hearth --help` lists the commands.\n");
  BOOST_TEST(contains(run({"node", "sttaus"}, nowhere).err, "Did you mean `status`?"));
  BOOST_TEST(contains(run({"get", "rns"}, nowhere).err, "Did you mean `runs`?"));
}

BOOST_AUTO_TEST_CASE(a_wrong_command_line_is_status_2) {
  BOOST_TEST(run({"get"}, nowhere).status == 2);
  BOOST_TEST(run({"get", "runs", "-o", "xml"}, nowhere).status == 2);
  BOOST_TEST(run({"get", "actions"}, nowhere).status == 2);
  BOOST_TEST(run({"wait"}, nowhere).status == 2);
  BOOST_TEST(run({"abort", "action", "r1"}, nowhere).status == 2);
  BOOST_TEST(run({"node"}, nowhere).status == 2);
  BOOST_TEST(run({"node", "stop", "--grace", "soon"}, nowhere).status == 2);
  BOOST_TEST(run({"completion", "powershell"}, nowhere).status == 2);
  BOOST_TEST(run({"python"}, nowhere).status == 2);
}

BOOST_AUTO_TEST_CASE(a_count_that_is_none_is_answered_with_the_range) {
  for (const char* count : {"0", "-1", "abc", "1.5", "99999999999"}) {
    const auto said = run({"get", "runs", "--limit", count}, nowhere);
    BOOST_TEST(said.status == 2);
    BOOST_TEST(said.err
               == "hearth: --limit: `" + std::string(count)
                    + "` is no whole number from 1 to 4294967295. `hearth get --help` shows what it takes.\n");
  }
  BOOST_TEST(contains(run({"logs", "r1", "--lines", "0"}, nowhere).err, "from 1 to 4294967295"));
}

BOOST_AUTO_TEST_CASE(without_a_node_a_command_says_how_to_start_one) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
         {"get", "runs"}, {"logs", "r1"}, {"wait", "r1"}, {"abort", "r1"}, {"node", "status"}}) {
    const auto said = run(words, nowhere);
    BOOST_TEST(said.status == 3);
    BOOST_TEST(contains(said.err, "No node is running; `hearth node start`"));
  }
  const auto stopped = run({"node", "stop"}, nowhere);
  BOOST_TEST(stopped.status == 0);
  BOOST_TEST(stopped.out == "No node is running.\n");
}

BOOST_AUTO_TEST_CASE(a_completion_offers_commands_and_options_and_is_silent_without_a_node) {
  BOOST_TEST(run({"__complete", "n"}, nowhere).out == "node\n");
  BOOST_TEST(run({"__complete", "node", ""}, nowhere).out
             == "start\nstop\nstatus\njoin\ndrain\nundrain\nremove\nping\n");
  BOOST_TEST(run({"__complete", "get", "r"}, nowhere).out == "replicas\nruns\n");
  BOOST_TEST(run({"__complete", "get", "a"}, nowhere).out == "apps\nactions\n");
  BOOST_TEST(run({"__complete", "deactivate", ""}, nowhere).out == "app\n");
  BOOST_TEST(run({"__complete", "explain", ""}, nowhere).out == "scaling\napp\n");
  BOOST_TEST(contains(run({"__complete", "logs", "--f"}, nowhere).out, "--follow\n"));
  const auto runs = run({"__complete", "logs", ""}, nowhere);
  BOOST_TEST(runs.out + runs.err == "");
  BOOST_TEST(contains(run({"completion", "bash"}, nowhere).out, "complete -o default -F _hearth hearth"));
}

BOOST_AUTO_TEST_CASE(a_node_that_ends_while_it_starts_is_quoted) {
  scratch_directory place;
  make_program(place.path() / "hearthd", "#!/bin/sh\necho 'the disk is upside down'\nexit 7\n");
  const auto said = run(
    {"--socket", (place.path() / "s" / "node.sock").string(), "node", "start"},
    {{"HEARTHD", (place.path() / "hearthd").string()}, {"HEARTH_STATE_DIR", (place.path() / "state").string()}});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(contains(said.err, "ended with status 7 while it started"));
  BOOST_TEST(contains(said.err, "\n  the disk is upside down"));
}

BOOST_AUTO_TEST_CASE(the_socket_is_named_or_found_where_the_sdk_looks) {
  scratch_directory runtime;
  BOOST_TEST(cli::default_socket(reader(nowhere), 7) == "/nonexistent/node.sock");
  const variables xdg{{"XDG_RUNTIME_DIR", runtime.path().string()}};
  BOOST_TEST(cli::default_socket(reader(xdg), 7) == (runtime.path() / "hearth" / "node.sock").string());
  const variables gone{{"XDG_RUNTIME_DIR", "/nonexistent"}};
  BOOST_TEST(cli::default_socket(reader(gone), 7) == "/tmp/hearth-7/node.sock");
}

BOOST_AUTO_TEST_CASE(a_folder_that_others_may_use_holds_no_socket) {
  scratch_directory place;
  const auto shared = place.path() / "shared";
  fs::create_directory(shared);
  fs::permissions(shared, fs::perms::all);
  BOOST_TEST(contains(error_of([&] { cli::make_socket_directory(shared, false); }), "you alone"));
  BOOST_TEST(error_of([&] { cli::make_socket_directory(shared, true); }) == "");
  BOOST_TEST(error_of([&] { cli::make_socket_directory(place.path() / "new", false); }) == "");
}

BOOST_AUTO_TEST_CASE(the_interpreter_is_the_first_that_somebody_named) {
  scratch_directory place;
  const auto project = place.path() / "project", below = project / "a" / "b";
  fs::create_directories(below);
  make_program(project / ".venv" / "bin" / "python");
  make_program(place.path() / "active" / "bin" / "python");
  make_program(place.path() / "bin" / "python3.12");
  const variables none;
  BOOST_TEST(cli::find_interpreter(reader(none), below).path == project / ".venv" / "bin" / "python");
  const variables active{{"VIRTUAL_ENV", (place.path() / "active").string()}};
  BOOST_TEST(cli::find_interpreter(reader(active), below).path == place.path() / "active" / "bin" / "python");
  auto named = active;
  named["PATH"] = "/nonexistent:" + (place.path() / "bin").string();
  named["HEARTH_PYTHON"] = "python3.12";
  BOOST_TEST(cli::find_interpreter(reader(named), below).path == place.path() / "bin" / "python3.12");
  named["HEARTH_PYTHON"] = place.path().string();
  BOOST_TEST(contains(error_of([&] { cli::find_interpreter(reader(named), below); }), "which is not a program"));
}

BOOST_AUTO_TEST_CASE(an_old_or_broken_interpreter_is_refused_with_its_version) {
  scratch_directory place;
  make_program(place.path() / "python3.8");
  BOOST_TEST(contains(error_of([&] {
                        cli::check_version({place.path() / "python3.8", "HEARTH_PYTHON"});
                      }),
                      "is Python 3.8"));
  make_program(place.path() / "python", "#!/bin/sh\necho 2.7\n");
  BOOST_TEST(contains(error_of([&] {
                        cli::check_version({place.path() / "python", "VIRTUAL_ENV"});
                      }),
                      "is Python 2.7"));
  make_program(place.path() / "new", "#!/bin/sh\necho 3.13\n");
  BOOST_TEST(error_of([&] { cli::check_version({place.path() / "new", "VIRTUAL_ENV"}); }) == "");
  make_program(place.path() / "broken", "#!/bin/sh\nexit 1\n");
  BOOST_TEST(contains(error_of([&] { cli::check_version({place.path() / "broken", "VIRTUAL_ENV"}); }), "does not run"));
}

BOOST_AUTO_TEST_CASE(the_sdk_comes_first_on_the_path_of_python) {
  const auto made = cli::with_sdk({"A=1", "PYTHONPATH=/mine", "HEARTHD=/old"}, "/sdk",
                                  {{"HEARTHD", "/new"}, {"HEARTH_SOCKET", ""}});
  BOOST_CHECK(made == (std::vector<std::string>{"A=1", "PYTHONPATH=/sdk:/mine", "HEARTHD=/new"}));
}

BOOST_AUTO_TEST_CASE(the_sdk_is_in_the_prefix_or_in_the_build_tree) {
  scratch_directory place;
  const variables none;
  BOOST_TEST(contains(error_of([&] { cli::find_sdk(reader(none), place.path() / "bin"); }), "HEARTH_SDK"));
  fs::create_directories(place.path() / "sdk" / "hearth");
  std::ofstream(place.path() / "sdk" / "hearth" / "__init__.py") << "\n";
  BOOST_TEST(cli::find_sdk(reader(none), place.path() / "bin") == place.path() / "sdk");
  fs::create_directories(place.path() / "share" / "hearth" / "sdk" / "hearth");
  std::ofstream(place.path() / "share" / "hearth" / "sdk" / "hearth" / "__init__.py") << "\n";
  BOOST_TEST(cli::find_sdk(reader(none), place.path() / "bin") == place.path() / "share" / "hearth" / "sdk");
}

BOOST_AUTO_TEST_SUITE_END()
