#include "tools/cli/child.hpp"
#include "tools/cli/cluster_state.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/interpreter.hpp"
#include "tools/cli/target.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <map>
#include <ostream>
#include <set>

/// `hearth check`: what can be seen from here of the nodes and of the interpreters that their environments use.
namespace hearth::cli {

namespace {

constexpr std::size_t differences_shown = 20;

struct finding {
  bool is_fine = false;
  std::string what, text;
};

/// Empty when somebody listens there; else why not.
std::string why_not_reached(const std::string& address) {
  std::string why;
  static_cast<void>(connect_tcp(address, node_patience, why));
  return why;
}

void check_nodes(const cluster_view& view, std::vector<finding>& into) {
  for (const auto& row : view.nodes) {
    const auto address = text_in(row, "address");
    const auto state = text_in(row, "state");
    const auto why = why_not_reached(address);
    const bool is_fine = state == "up" && why.empty();
    into.push_back(
      {is_fine, "node " + text_in(row, "name"),
       state
         + (why.empty() ? ", its port is reached at " + address
                        : ", its port is not reached at " + (address.empty() ? "-" : address) + ": " + why)});
  }
}

struct installed {
  std::string version;
  std::map<std::string, std::string> packages;
};

/// What the interpreter says of itself; `why` it does not, otherwise.
std::optional<installed> look_at(const std::string& python, std::string& why) {
  static const std::string program =
    "import json, sys\n"
    "packages = {}\n"
    "try:\n"
    "    from importlib import metadata\n"
    "    for d in metadata.distributions():\n"
    "        if d.metadata['Name']:\n"
    "            packages.setdefault(d.metadata['Name'].lower().replace('_', '-'), d.version)\n"
    "finally:\n"
    "    print(json.dumps({'version': '%d.%d.%d' % sys.version_info[:3], 'packages': packages}))\n";
  if (::access(python.c_str(), X_OK) != 0) {
    why = "it is not on this machine";
    return std::nullopt;
  }
  const auto done = run_program(python, {"-c", program});
  const auto said = json::parse(done.out, nullptr, false);
  if (done.status != 0 || !said.is_object()) {
    why = "it does not run (status " + std::to_string(done.status) + ")";
    return std::nullopt;
  }
  return installed{said.at("version").get<std::string>(),
                   said.at("packages").get<std::map<std::string, std::string>>()};
}

/// The interpreters of environments that are there, with the environments' names.
std::map<std::string, std::set<std::string>> interpreters_in_use(const surroundings& around) {
  std::map<std::string, std::set<std::string>> used;
  auto node = open_node(around);
  for (const auto& row : rows_of(node, noun::environments, "", 0))
    used[text_in(row, "python")].insert(text_in(row, "name"));
  if (used.empty())
    used[find_interpreter(around.variable, std::filesystem::current_path()).path.string()] = {};
  return used;
}

std::string listed(const std::set<std::string>& names) {
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

void check_interpreters(const surroundings& around, std::vector<finding>& into) {
  std::map<std::string, installed> seen;
  for (const auto& [python, environments] : interpreters_in_use(around)) {
    std::string why;
    const auto found = look_at(python, why);
    const auto of = environments.empty() ? std::string(" (what programs started here use)")
                                         : " (of " + listed(environments) + ")";
    if (!found) {
      into.push_back({false, "interpreter " + python + of, why});
      continue;
    }
    into.push_back({true, "interpreter " + python + of,
                    "Python " + found->version + ", " + std::to_string(found->packages.size()) + " packages"});
    seen.emplace(python, *found);
  }
  std::map<std::string, std::map<std::string, std::string>> versions; // package -> interpreter -> version
  for (const auto& [python, has] : seen)
    for (const auto& [package, version] : has.packages)
      versions[package][python] = version;
  std::size_t shown = 0;
  for (const auto& [package, by] : versions) {
    std::set<std::string> different;
    std::string text;
    for (const auto& [python, version] : by) {
      different.insert(version);
      text += (text.empty() ? "" : ", ") + version + " in " + python;
    }
    if (different.size() > 1 && ++shown <= differences_shown)
      into.push_back({false, "package " + package, "differs: " + text});
  }
  if (shown > differences_shown)
    into.push_back({false, "packages", std::to_string(shown - differences_shown) + " more differ"});
}

} // namespace

exit_status check_cluster(const surroundings& around, const cluster_options& options) {
  std::vector<finding> findings;
  if (!around.cluster.empty()) {
    const auto target = find_target(around.variable, around.cluster);
    const auto local = target && !target->directory.empty() ? read_local_cluster(target->directory) : std::nullopt;
    check_nodes(look_at_cluster(around.cluster, around.cluster_nodes, local), findings);
  } else {
    std::string why;
    if (const auto state = ask_cluster(node_address(around.socket), why))
      check_nodes(look_at_cluster(text_in(*state, "name"), {node_address(around.socket)}, std::nullopt), findings);
  }
  check_interpreters(around, findings);
  bool is_fine = true;
  auto rows = json::array();
  table shown;
  shown.columns = {{""}, {"WHAT"}, {"FOUND"}};
  for (const auto& [fine, what, text] : findings) {
    is_fine = is_fine && fine;
    rows.push_back({{"fine", fine}, {"what", what}, {"found", text}});
    shown.rows.push_back({{fine ? "ok" : "LOOK", fine ? colour::green : colour::red}, what, text});
  }
  if (options.as_json) {
    around.out << rows.dump(2) << '\n';
  } else {
    shown.write(around.out, around.colours);
    around.out << "Interpreters are those of this machine; `hearth check` on another one looks at its own.\n";
  }
  return is_fine ? exit_status::ok : exit_status::failed;
}

} // namespace hearth::cli
