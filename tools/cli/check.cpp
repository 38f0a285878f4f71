#include "tools/cli/child.hpp"
#include "tools/cli/cluster_state.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/interpreter.hpp"
#include "tools/cli/places.hpp"
#include "tools/cli/target.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>

/// `hearth check`: whether nodes are reached, and what each of them says of interpreters, packages and paths.
namespace hearth::cli {

namespace {

struct finding {
  bool is_fine = false;
  std::string node; // empty: all that were asked
  std::string what, text;
};

/// Empty when somebody listens there; else why not.
std::string why_not_reached(const std::string& address) {
  std::string why;
  static_cast<void>(connect_tcp(address, node_patience, why));
  return why;
}

void check_ports(const cluster_view& view, std::vector<finding>& into) {
  for (const auto& row : view.nodes) {
    const auto address = text_in(row, "address");
    const auto state = text_in(row, "state");
    const auto why = why_not_reached(address);
    const bool is_fine = state == "up" && why.empty();
    into.push_back({is_fine, text_in(row, "name"), "port",
                    state
                      + (why.empty() ? ", is reached at " + address
                                     : ", is not reached at " + (address.empty() ? "-" : address) + ": " + why)});
  }
}

// -- the question (schema/inspection.capnp) ----

json asked_of(const std::string& name, const std::string& python) {
  return {{"name", name}, {"python", python}, {"packages", true}};
}

/// What the program's own file says, as Python reads it.
json question_of_file(const surroundings& around, const std::string& file) {
  const auto python = find_interpreter(around.variable, std::filesystem::current_path());
  check_version(python);
  const auto sdk = find_sdk(around.variable, program_directory());
  const auto own = value_of(around.variable, "PYTHONPATH");
  const auto path = "PYTHONPATH=" + sdk.string() + (own.empty() ? "" : ":" + own);
  const auto done = run_program(python.path, {"-m", "hearth._client.program_check", file}, {path});
  auto said = json::parse(done.out, nullptr, false);
  if (done.status != 0 || !said.is_object())
    throw command_error(exit_status::usage, done.err.substr(0, done.err.find_last_not_of('\n') + 1));
  return said;
}

/// The interpreters of environments that are there; of none, that of programs started here.
json question_of_environments(const surroundings& around, connection& node, const std::string& named) {
  std::map<std::string, std::set<std::string>> used; // environments by interpreter
  for (const auto& row : rows_of(node, noun::environments, named, 0))
    used[text_in(row, "python")].insert(text_in(row, "name"));
  if (used.empty() && !named.empty())
    throw command_error(exit_status::usage, "There is no file and no environment `" + named
                                              + "`. `hearth get environments` lists those that are there.");
  if (used.empty())
    used[find_interpreter(around.variable, std::filesystem::current_path()).path.string()] = {};
  auto all = json::array();
  for (const auto& [python, environments] : used) {
    std::string names;
    for (const auto& name : environments)
      names += (names.empty() ? "" : ", ") + name;
    all.push_back(asked_of(names, python));
  }
  return {{"environments", all}};
}

bool is_file(const std::string& word) {
  std::error_code ignored;
  return word.ends_with(".py") || word.find('/') != std::string::npos || std::filesystem::exists(word, ignored);
}

// -- the answers ----

/// What the nodes said of one thing.
struct answers {
  std::map<std::string, std::pair<bool, std::string>> by_node;

  bool are_one(std::size_t nodes) const {
    return by_node.size() == nodes && std::all_of(by_node.begin(), by_node.end(), [this](const auto& answer) {
             return answer.second == by_node.begin()->second;
           });
  }
};

/// What all nodes say alike is one line; packages that are the same everywhere are none.
void merge(const json& rows, std::vector<finding>& into) {
  constexpr std::string_view package = "package ";
  std::vector<std::string> order;
  std::map<std::string, answers> said;
  std::set<std::string> nodes;
  for (const auto& row : rows) {
    const auto node = text_in(row, "name");
    if (text_in(row, "state") == "unreachable") {
      into.push_back({false, node, "node", "did not answer"});
      continue;
    }
    nodes.insert(node);
    for (const auto& found : row.at("findings")) {
      const auto what = found.value("what", "");
      if (said.find(what) == said.end())
        order.push_back(what);
      said[what].by_node[node] = {found.value("fine", false), found.value("text", "")};
    }
  }
  for (const auto& what : order) {
    const auto& all = said[what];
    const bool is_package = what.starts_with(package);
    if (all.are_one(nodes.size())) {
      if (!is_package)
        into.push_back({all.by_node.begin()->second.first, "", what, all.by_node.begin()->second.second});
      continue;
    }
    for (const auto& node : nodes) {
      const auto answer = all.by_node.find(node);
      if (answer != all.by_node.end())
        into.push_back({false, node, what, answer->second.second});
      else if (is_package)
        into.push_back({false, node, what, "is not installed"});
    }
  }
}

void show(const surroundings& around, const std::vector<finding>& findings, bool as_json) {
  auto rows = json::array();
  table shown;
  shown.columns = {{""}, {"NODE"}, {"WHAT"}, {"FOUND"}};
  for (const auto& [fine, node, what, text] : findings) {
    rows.push_back({{"fine", fine}, {"node", node}, {"what", what}, {"found", text}});
    shown.rows.push_back(
      {{fine ? "ok" : "LOOK", fine ? colour::green : colour::red}, node.empty() ? "all" : node, what, text});
  }
  if (as_json)
    around.out << rows.dump(2) << '\n';
  else
    shown.write(around.out, around.colours);
}

} // namespace

exit_status check_cluster(const surroundings& around, const cluster_options& options) {
  std::vector<finding> findings;
  if (!around.cluster.empty()) {
    const auto target = find_target(around.variable, around.cluster);
    const auto local = target && !target->directory.empty() ? read_local_cluster(target->directory) : std::nullopt;
    check_ports(look_at_cluster(around.cluster, around.cluster_nodes, local), findings);
  } else {
    std::string why;
    if (const auto state = ask_cluster(node_address(around.socket), why))
      check_ports(look_at_cluster(text_in(*state, "name"), {node_address(around.socket)}, std::nullopt), findings);
  }
  const auto file = is_file(options.program) ? question_of_file(around, options.program) : json();
  auto node = open_node(around);
  const auto question = file.is_null() ? question_of_environments(around, node, options.program) : file;
  auto rows = json::array();
  for (auto& row : node.ask("get", {{"what", "checks"}, {"name", question.dump()}, {"limit", 0}}, "nodes"))
    rows.push_back(readable(noun::nodes, std::move(row)));
  merge(rows, findings);
  show(around, findings, options.as_json);
  const bool is_fine = std::all_of(findings.begin(), findings.end(), [](const auto& f) { return f.is_fine; });
  return is_fine ? exit_status::ok : exit_status::failed;
}

} // namespace hearth::cli
