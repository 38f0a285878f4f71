#include "tests/tools/command_fixture.hpp"
#include "tests/tools/scripted_node.hpp"
#include "tools/cli/cluster_state.hpp"
#include "tools/cli/local_cluster.hpp"
#include "tools/cli/target.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sstream>
#include <thread>

using namespace hearth;
using namespace hearth::cli_test;
namespace fs = std::filesystem;

namespace {

json member(const std::string& name, int number, bool leads = false) {
  return {{"name", name},
          {"id", "id-" + name},
          {"address", "127.0.0.1:" + std::to_string(number)},
          {"seat", std::to_string(number)},
          {"voter", true},
          {"leader", leads}};
}

/// A node of cluster lab that answers what operators ask.
std::string answer_of_lab(const std::string& name, const json& value, std::uint32_t request) {
  if (name == "cluster")
    return response(request, {{"cluster",
                               {{"name", "lab"},
                                {"id", "c"},
                                {"nodeId", "id-alpha"},
                                {"holds", true},
                                {"members", {member("beta", 2), member("alpha", 1, true)}}}}});
  if (name == "get" && value.at("what") == "nodes")
    return response(request,
                    {{"nodes", {{{"name", "alpha"}, {"id", "id-alpha"}, {"state", "running"}, {"replicas", 4}}}}});
  if (name == "ping")
    return response(request, {{"echoes",
                               {{"node", value.at("node")},
                                {"count", value.at("count")},
                                {"minNs", "60000"},
                                {"p50Ns", "72000"},
                                {"p99Ns", "1200000"},
                                {"maxNs", "3000000"}}}});
  if (name == "setVoters")
    return refusal(request, "Two voters are refused: ...");
  return response(request, {{"done", {{"detail", "did " + name}}}});
}

struct cli_cluster_fixture {
  scratch_directory home;
  std::map<std::string, std::string> variables{{"XDG_CONFIG_HOME", (home.path() / "config").string()},
                                               {"XDG_STATE_HOME", (home.path() / "state").string()},
                                               {"XDG_RUNTIME_DIR", home.path().string()}};

  cli::variable_reader reader() const {
    return [this](const char* name) -> const char* {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.c_str();
    };
  }

  outcome hearth(const std::vector<std::string>& words) const { return run(words, variables); }

  /// What a command would talk to.
  std::pair<std::string, std::vector<std::string>> target(const std::string& socket = {},
                                                          const std::string& cluster = {}) const {
    std::ostringstream nowhere;
    cli::surroundings around{.out = nowhere, .err = nowhere, .variable = reader(), .unix_ms = {}, .socket = {}};
    cli::choose_target(around, socket, cluster);
    std::vector<std::string> nodes;
    for (const auto& node : around.cluster_nodes)
      nodes.push_back(node.where);
    return {around.cluster.empty() ? around.socket : around.cluster, nodes};
  }

  /// A node program that only does what it is told of files.
  void install_daemon(const std::string& text) {
    const auto program = home.path() / "hearthd";
    std::ofstream(program) << "#!/bin/sh\n" << text;
    fs::permissions(program, fs::perms::owner_all);
    variables["HEARTHD"] = program.string();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cli_cluster, cli_cluster_fixture)

// -- what is talked to ----

BOOST_AUTO_TEST_CASE(options_come_before_variables_and_those_before_the_cluster_in_use) {
  cli::keep_target(reader(), {"used", {"/a.sock"}, {}});
  cli::keep_target(reader(), {"named", {"/b.sock", "/c.sock"}, {}});
  const auto own = (home.path() / "hearth" / "node.sock").string();
  BOOST_TEST(target().first == own);
  cli::use_target(reader(), "used");
  BOOST_TEST(target().first == "used");
  variables["HEARTH_CLUSTER"] = "named";
  BOOST_TEST((target() == std::pair{std::string("named"), std::vector<std::string>{"/b.sock", "/c.sock"}}));
  variables["HEARTH_SOCKET"] = "/d.sock";
  BOOST_TEST(target().first == "/d.sock");
  BOOST_TEST(target({}, "used").first == "used");
  BOOST_TEST(target("/e.sock").first == "/e.sock");
  BOOST_CHECK_THROW(target("/e.sock", "used"), cli::command_error);
}

BOOST_AUTO_TEST_CASE(a_cluster_is_chosen_and_left) {
  cli::keep_target(reader(), {"lab", {"/nonexistent/a.sock"}, {}});
  BOOST_TEST(hearth({"cluster", "use", "lab"}).status == 0);
  const auto said = hearth({"get", "runs"});
  BOOST_TEST(said.status == 3);
  BOOST_TEST(contains(said.err, "No node of cluster lab answers; `hearth cluster up --name lab` starts it"));
  BOOST_TEST(hearth({"cluster", "use", "none"}).status == 0);
  BOOST_TEST(contains(hearth({"get", "runs"}).err, "No node is running"));
}

BOOST_AUTO_TEST_CASE(a_cluster_that_nobody_knows_suggests_the_nearest) {
  cli::keep_target(reader(), {"local", {"/a.sock"}, {}});
  for (const auto& words : std::vector<std::vector<std::string>>{{"cluster", "use", "locl"},
                                                                 {"--cluster", "locl", "get", "runs"},
                                                                 {"cluster", "status", "locl"},
                                                                 {"cluster", "down", "locl"}}) {
    const auto said = hearth(words);
    BOOST_TEST(said.status == 2);
    BOOST_TEST(contains(said.err, "There is no cluster `locl` here. Did you mean `local`?"));
  }
  BOOST_TEST(hearth({"cluster", "use", "../target"}).status == 2);
}

BOOST_AUTO_TEST_CASE(a_target_file_that_is_damaged_is_named) {
  fs::create_directories(home.path() / "config" / "hearth");
  std::ofstream(home.path() / "config" / "hearth" / "target") << "{";
  const auto said = hearth({"get", "runs"});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(contains(said.err, "target does not say which cluster is meant"));
}

BOOST_AUTO_TEST_CASE(the_first_node_that_answers_is_asked) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return response(request, {{"runs", json::array()}});
  });
  cli::keep_target(reader(), {"lab", {"/nonexistent/a.sock", node.socket(), "/nonexistent/b.sock"}, {}});
  cli::use_target(reader(), "lab");
  for (int i = 0; i < 5; ++i)
    BOOST_TEST(hearth({"get", "runs"}).status == 0);
}

// -- status ----

BOOST_AUTO_TEST_CASE(the_nodes_of_a_cluster_are_shown_by_name) {
  scripted_node node(answer_of_lab);
  const auto shown = run({"--socket", node.socket(), "cluster", "status"}, variables);
  BOOST_TEST(shown.status == 0);
  BOOST_TEST(shown.out
             == "NAME   STATE   ADDRESS      SEAT  REPLICAS  MEMORY\n"
                "alpha  leader  127.0.0.1:1     1         4     0 B\n"
                "beta   voter   127.0.0.1:2     2         -       -\n");
  const auto rows = json::parse(run({"--socket", node.socket(), "cluster", "status", "-o", "json"}, variables).out);
  BOOST_TEST(rows.at("cluster") == json("lab"));
  BOOST_TEST(rows.at("nodes").at(0).at("leader") == json(true));
  BOOST_TEST(rows.at("nodes").at(0).at("seat") == json(1));
}

BOOST_AUTO_TEST_CASE(a_cluster_whose_nodes_are_all_dead_is_shown_all_the_same) {
  const auto directory = home.path() / "state" / "hearth" / "clusters" / "local";
  fs::create_directories(directory);
  std::ofstream(directory / "cluster.json")
    << R"({"cluster": "local", "nodes": [{"name": "node-1", "id": "i", "address": "127.0.0.1:5"}]})";
  cli::keep_target(reader(), {"local", {(directory / "node-1.sock").string()}, directory});
  cli::use_target(reader(), "local");
  const auto shown = hearth({"cluster", "status"});
  BOOST_TEST(shown.status == 3);
  BOOST_TEST(shown.out
             == "NAME    STATE  ADDRESS      SEAT  REPLICAS  MEMORY\n"
                "node-1  down   127.0.0.1:5     -         -       -\n");
  BOOST_TEST(contains(shown.err, "No node of cluster local answers: nobody listens at "));
  BOOST_TEST(hearth({"cluster", "status", "-o", "json"}).status == 3);
}

BOOST_AUTO_TEST_CASE(a_node_without_a_cluster_is_said) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return refusal(request, "This node belongs to no cluster; ...");
  });
  const auto said = run({"--socket", node.socket(), "cluster", "status"}, variables);
  BOOST_TEST(said.status == 3);
  BOOST_TEST(contains(said.err, "This node belongs to no cluster"));
}

// -- what operators do ----

BOOST_AUTO_TEST_CASE(operators_ask_the_node_and_get_its_sentence) {
  scripted_node node(answer_of_lab);
  const auto say = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--socket", node.socket()});
    return run(words, variables);
  };
  BOOST_TEST(say({"cluster", "token"}).out == "did joinToken\n");
  BOOST_TEST((node.asked().back() == json{{"joinToken", {{"validMs", 0}}}}));
  BOOST_TEST(say({"cluster", "token", "--valid", "1h"}).status == 0);
  BOOST_TEST((node.asked().back() == json{{"joinToken", {{"validMs", 3'600'000}}}}));
  BOOST_TEST(say({"node", "drain", "beta"}).out == "did drainNode\n");
  BOOST_TEST((node.asked().back() == json{{"drainNode", {{"node", "beta"}, {"draining", true}}}}));
  BOOST_TEST(say({"node", "undrain", "beta"}).status == 0);
  BOOST_TEST((node.asked().back() == json{{"drainNode", {{"node", "beta"}, {"draining", false}}}}));
  BOOST_TEST(say({"node", "remove", "beta"}).status == 0);
  BOOST_TEST((node.asked().back() == json{{"removeNode", "beta"}}));
  BOOST_TEST(say({"cluster", "backup", "/a/../b"}).status == 0);
  BOOST_TEST((node.asked().back() == json{{"backup", "/b"}}));
  const auto voters = say({"cluster", "voters", "set", "alpha", "beta"});
  BOOST_TEST((node.asked().back() == json{{"setVoters", {"alpha", "beta"}}}));
  BOOST_TEST(voters.status == 1);
  BOOST_TEST(contains(voters.err, "Two voters are refused"));
}

BOOST_AUTO_TEST_CASE(a_link_is_measured_and_told_in_one_line_or_in_numbers) {
  scripted_node node(answer_of_lab);
  BOOST_TEST(run({"--socket", node.socket(), "node", "ping", "beta"}, variables).out
             == "beta: 100 frames there and back, p50 72 us, p99 1.20 ms, from 60 us to 3.00 ms.\n");
  const auto shown = json::parse(
    run({"--socket", node.socket(), "node", "ping", "beta", "--count", "9", "-o", "json"}, variables).out);
  BOOST_TEST(shown.at("count") == json(9));
  BOOST_TEST(shown.at("p99Ns") == json(1'200'000));
}

BOOST_AUTO_TEST_CASE(words_that_are_missing_or_wrong_are_status_2) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"cluster"},
                                                                 {"cluster", "upp"},
                                                                 {"cluster", "up", "--nodes", "0"},
                                                                 {"cluster", "init"},
                                                                 {"cluster", "voters"},
                                                                 {"cluster", "voters", "set"},
                                                                 {"cluster", "token", "--valid", "soon"},
                                                                 {"node", "join"},
                                                                 {"node", "drain"},
                                                                 {"cluster", "up", "--nodes", "1000"}})
    BOOST_TEST(hearth(words).status == 2);
  BOOST_TEST(contains(hearth({"cluster", "statsu"}).err, "Did you mean `status`?"));
}

// -- making clusters ----

BOOST_AUTO_TEST_CASE(a_new_cluster_wants_to_know_how_many_nodes) {
  const auto said = hearth({"cluster", "up"});
  BOOST_TEST(said.status == 2);
  BOOST_TEST(contains(said.err, "`hearth cluster up --nodes 3`"));
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_node_program_is_the_commands_and_leaves_no_cluster) {
  install_daemon("echo 'hearthd: A cluster cannot be called so.' >&2; exit 1\n");
  const auto said = hearth({"cluster", "up", "--nodes", "3"});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(said.err == "hearth: A cluster cannot be called so.\n");
  BOOST_TEST(cli::known_targets(reader()).empty());
  BOOST_TEST(!fs::exists(home.path() / "state" / "hearth" / "clusters" / "local"));
}

BOOST_AUTO_TEST_CASE(a_node_that_ends_while_the_cluster_starts_is_quoted) {
  install_daemon("if [ \"$1\" = prepare ]; then echo 'node-1 id 127.0.0.1:1'; exit 0; fi\n"
                 "echo 'the disk is upside down' >&2; exit 74\n");
  const auto said = hearth({"cluster", "up", "--nodes", "1"});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(contains(said.err, "Node node-1 of cluster local ended with status 74 while it started"));
  BOOST_TEST(contains(said.err, "\n  the disk is upside down"));
}

BOOST_AUTO_TEST_CASE(another_number_of_nodes_another_place_and_a_place_in_use_are_refused) {
  install_daemon("if [ \"$1\" = prepare ]; then echo 'node-1 id 127.0.0.1:1'; exit 0; fi\nexit 1\n");
  BOOST_TEST(hearth({"cluster", "up", "--nodes", "1"}).status == 1); // it is made; its node does not start
  BOOST_TEST(contains(hearth({"cluster", "up", "--nodes", "3"}).err, "Cluster local has 1 nodes, not 3"));
  BOOST_TEST(
    contains(hearth({"cluster", "up", "--directory", (home.path() / "x").string()}).err, "Cluster local is in "));
  const auto full = home.path() / "full";
  fs::create_directories(full / "photos");
  const auto said = hearth({"cluster", "up", "--nodes", "1", "--name", "other", "--directory", full.string()});
  BOOST_TEST(contains(said.err, "is in use and holds no cluster"));
  BOOST_TEST(fs::exists(full / "photos"));
}

BOOST_AUTO_TEST_CASE(a_place_whose_sockets_would_have_too_long_a_path_is_refused) {
  const auto deep = home.path() / std::string(90, 'x');
  const auto said = hearth({"cluster", "up", "--nodes", "1", "--directory", deep.string()});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(contains(said.err, "longer path than a socket can have"));
}

BOOST_AUTO_TEST_CASE(down_clears_the_target_and_destroys_only_when_told) {
  install_daemon("if [ \"$1\" = prepare ]; then echo 'node-1 id 127.0.0.1:1'; exit 0; fi\nexit 1\n");
  BOOST_TEST(hearth({"cluster", "up", "--nodes", "1"}).status == 1);
  BOOST_TEST(hearth({"cluster", "use", "local"}).status == 0);
  const auto directory = home.path() / "state" / "hearth" / "clusters" / "local";
  BOOST_TEST(hearth({"cluster", "down"}).out == "Cluster local is down.\n");
  BOOST_TEST(!cli::current_target(reader()).has_value());
  BOOST_TEST(fs::exists(directory / "cluster.json"));
  BOOST_TEST(hearth({"cluster", "down", "--destroy"}).status == 0);
  BOOST_TEST(!fs::exists(directory));
  BOOST_TEST(cli::known_targets(reader()).empty());
  BOOST_TEST(contains(hearth({"cluster", "down"}).err, "There is no cluster `local` here"));
}

BOOST_AUTO_TEST_CASE(a_number_in_a_pid_file_that_is_another_process_is_no_daemon) {
  cli::local_node node{"node-1", "i", "a", home.path() / "node-1", ""};
  fs::create_directories(node.directory);
  BOOST_TEST(cli::daemon_of(node) == 0);
  for (const auto& pid : {std::to_string(::getpid()), std::string("1"), std::string("junk"), std::string("-5")}) {
    std::ofstream(node.directory / "node.pid") << pid << '\n';
    BOOST_TEST(cli::daemon_of(node) == 0);
    BOOST_TEST(cli::end_daemons({node}, std::chrono::milliseconds(0)).all == 0u);
  }
}

BOOST_AUTO_TEST_CASE(so_many_nodes_have_so_many_voters) {
  const std::map<std::size_t, std::size_t> expected{{1, 1}, {2, 1}, {3, 3}, {4, 3}, {5, 5}, {9, 5}};
  for (const auto& [nodes, voters] : expected)
    BOOST_TEST(cli::voters_of(nodes) == voters);
}

BOOST_AUTO_TEST_CASE(a_node_that_runs_does_not_become_a_member_under_way) {
  scripted_node node(answer_of_lab);
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"cluster", "init", "--name", "lab", "--listen", "h:1"}, {"node", "join", "token", "--listen", "h:1"}}) {
    auto all = words;
    all.insert(all.begin(), {"--socket", node.socket()});
    const auto said = run(all, variables);
    BOOST_TEST(said.status == 1);
    BOOST_TEST(contains(said.err, "end it with `hearth node stop`"));
  }
}

BOOST_AUTO_TEST_CASE(the_own_node_becomes_a_member_by_the_node_program) {
  install_daemon("echo \"alpha id 10.0.0.5:7400\"; echo \"$@\" > \"$0.said\"\n");
  const auto made = hearth({"cluster", "init", "--name", "lab", "--listen", "10.0.0.5:7400"});
  BOOST_TEST(made.status == 0);
  BOOST_TEST(contains(made.out, "Node alpha is the first member of cluster lab, at 10.0.0.5:7400."));
  const auto joined = hearth({"node", "join", "hearth-join-1-x", "--listen", "10.0.0.5:7400", "-o", "json"});
  BOOST_TEST(json::parse(joined.out).at("name") == json("alpha"));
  std::string said;
  std::getline(std::ifstream(home.path() / "hearthd.said"), said);
  BOOST_TEST(said == "join --listen 10.0.0.5:7400 hearth-join-1-x");
}

// -- check ----

BOOST_AUTO_TEST_CASE(a_check_tells_what_each_node_found_and_what_differs) {
  const auto found = [](bool fine, const std::string& what, const std::string& text) {
    return json{{"fine", fine}, {"what", what}, {"text", text}};
  };
  std::string asked;
  scripted_node node([&](const std::string& name, const json& value, std::uint32_t request) {
    if (name == "cluster")
      return refusal(request, "This node belongs to no cluster.");
    if (value.at("what") == "environments")
      return response(request,
                      {{"environments", {{{"name", "one"}, {"python", "/py"}}, {{"name", "two"}, {"python", "/py"}}}}});
    asked = value.at("name").get<std::string>();
    const json first{found(true, "isolation", "sandbox"), found(true, "interpreter /py", "Python 3.11.2"),
                     found(true, "package numpy in /py", "1.24.2"), found(true, "package same in /py", "1"),
                     found(true, "package only in /py", "3")};
    const json second{found(true, "isolation", "sandbox"), found(true, "interpreter /py", "Python 3.12.1"),
                      found(true, "package numpy in /py", "2.0.0"), found(true, "package same in /py", "1")};
    return response(request, {{"nodes",
                               {{{"name", "a"}, {"state", "running"}, {"findings", first}},
                                {{"name", "b"}, {"state", "running"}, {"findings", second}},
                                {{"name", "c"}, {"state", "unreachable"}}}}});
  });
  const auto said = run({"--socket", node.socket(), "check", "-o", "json"}, variables);
  BOOST_TEST(said.status == 1);
  std::map<std::pair<std::string, std::string>, std::pair<bool, std::string>> rows;
  for (const auto& row : json::parse(said.out))
    rows[{row.at("node"), row.at("what")}] = {row.at("fine"), row.at("found")};
  const auto question = json::parse(asked).at("environments");
  BOOST_TEST(question.size() == 1);
  BOOST_TEST(question.at(0).at("name") == "one, two");
  BOOST_TEST((rows.at({"", "isolation"}) == std::pair(true, std::string("sandbox"))));
  BOOST_TEST((rows.at({"b", "interpreter /py"}) == std::pair(false, std::string("Python 3.12.1"))));
  BOOST_TEST(rows.at({"a", "package numpy in /py"}).second == "1.24.2");
  BOOST_TEST(rows.at({"b", "package only in /py"}).second == "is not installed");
  BOOST_TEST(!rows.at({"c", "node"}).first);
  BOOST_TEST(!contains(said.out, "package same"));
}

BOOST_AUTO_TEST_CASE(a_check_of_an_environment_that_is_not_there_is_refused) {
  scripted_node node([](const std::string& name, const json&, std::uint32_t request) {
    return name == "cluster" ? refusal(request, "This node belongs to no cluster.")
                             : response(request, {{"environments", json::array()}});
  });
  const auto said = run({"--socket", node.socket(), "check", "nothing"}, variables);
  BOOST_TEST(said.status == 2);
  BOOST_TEST(contains(said.err, "no environment `nothing`"));
}

BOOST_AUTO_TEST_SUITE_END()
