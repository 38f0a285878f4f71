#include "tools/cli/cluster_state.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/local_cluster.hpp"
#include "tools/cli/nearest.hpp"
#include "tools/cli/node_process.hpp"
#include "tools/cli/places.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"

#include "core/defaults.hpp"

#include <nlohmann/json.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <thread>

/// `hearth cluster up|down|status|use`: clusters on this machine.
namespace hearth::cli {

namespace fs = std::filesystem;

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds up_timeout{30}; // until all nodes have a seat; a cold disk takes several
constexpr milliseconds look_pause{50};         // between two looks: nobody feels it
constexpr std::uint32_t nodes_max = 50;        // processes of one machine
const std::string usual_name = "local";

/// Where the cluster of this name is or will be.
fs::path directory_of(const surroundings& around, const std::string& name, const std::string& wanted) {
  const auto known = find_target(around.variable, name);
  const auto named = wanted.empty() ? fs::path() : fs::absolute(wanted).lexically_normal();
  if (known && !known->directory.empty()) {
    std::error_code ignored;
    if (!named.empty() && named != known->directory && fs::exists(known->directory, ignored))
      throw failed("Cluster " + name + " is in " + known->directory.string() + ", not in " + named.string()
                   + "; leave --directory out, or give the other cluster a --name of its own.");
    return named.empty() ? known->directory : named;
  }
  if (known)
    throw failed("Cluster " + name + " is not one of this machine; give the new one another --name.");
  return named.empty() ? state_directory(around.variable) / "clusters" / name : named;
}

cluster_target target_of(const local_cluster& cluster) {
  cluster_target target{.name = cluster.name, .sockets = {}, .directory = cluster.directory};
  for (const auto& node : cluster.nodes)
    target.sockets.push_back(node.socket);
  return target;
}

local_cluster found_or_made(const surroundings& around, const cluster_options& options, const std::string& name,
                            const fs::path& directory) {
  if (auto known = read_local_cluster(directory)) {
    if (known->name != name)
      throw failed("The directory " + directory.string() + " holds cluster " + known->name + ", not " + name + ".");
    if (options.nodes > 0 && options.nodes != known->nodes.size())
      throw failed("Cluster " + name + " has " + std::to_string(known->nodes.size()) + " nodes, not "
                   + std::to_string(options.nodes) + ". Leave --nodes out to start it again; `hearth cluster down "
                   + name + " --destroy` removes it.");
    return std::move(*known);
  }
  if (options.nodes == 0)
    throw command_error(exit_status::usage,
                        "There is no cluster " + name
                          + " yet; say how many nodes it is to have: `hearth cluster up --nodes 3`.");
  if (options.nodes > nodes_max)
    throw command_error(exit_status::usage,
                        "One machine takes at most " + std::to_string(nodes_max) + " nodes; name fewer.");
  return make_local_cluster(around, name, directory, options.nodes);
}

/// A node that is being started.
struct awaited {
  const local_node* node = nullptr;
  spawned_node process; // pid 0: it was running already
  std::string why;      // it is not ready
};

node_start how_to_start(const surroundings& around, const local_node& node, const std::string& isolation) {
  node_start how;
  how.daemon = find_daemon(around.variable, program_directory());
  how.socket = node.socket;
  how.idle_exit = "0";
  how.log = node.log();
  how.words = {"--state-dir", node.directory.string(), "--socket",    node.socket, "--node-name", node.name,
               "--log-file",  node.log().string(),     "--idle-exit", "0"};
  if (!isolation.empty())
    how.words.insert(how.words.end(), {"--isolation", isolation});
  return how;
}

[[noreturn]] void give_up(const local_cluster& cluster, const awaited& one, const std::string& what) {
  throw failed("Node " + one.node->name + " of cluster " + cluster.name + " " + what + ". Its log is "
               + one.node->log().string() + ":" + last_lines(one.node->log(), one.process.log_begin)
               + "\n`hearth cluster up --name " + cluster.name + "` tries again, `hearth cluster down " + cluster.name
               + "` ends the others.");
}

/// Whether the node may act for its cluster, which has a leader.
bool is_ready(const local_cluster& cluster, awaited& one) {
  const auto state = ask_cluster(node_address(one.node->socket), one.why);
  int status = 0;
  if (!state && one.process.pid > 0 && ::waitpid(one.process.pid, &status, WNOHANG) == one.process.pid)
    give_up(cluster, one,
            WIFEXITED(status) ? "ended with status " + std::to_string(WEXITSTATUS(status)) + " while it started"
                              : "was ended by signal " + std::to_string(WTERMSIG(status)) + " while it started");
  if (!state)
    return false;
  one.why = text_in(*state, "whyNot");
  bool has_leader = false;
  for (const auto& member : state->at("members"))
    has_leader = has_leader || truth_in(member, "leader");
  if (one.why.empty() && !has_leader)
    one.why = "it knows of no leader";
  return truth_in(*state, "holds") && has_leader;
}

void wait_until_ready(const local_cluster& cluster, std::vector<awaited> starting) {
  const auto deadline = clock::now() + up_timeout;
  while (!starting.empty()) {
    std::erase_if(starting, [&](awaited& one) { return is_ready(cluster, one); });
    if (starting.empty())
      return;
    if (clock::now() > deadline)
      give_up(cluster, starting.front(),
              "is not ready after " + std::to_string(up_timeout.count()) + " s: " + starting.front().why);
    std::this_thread::sleep_for(look_pause);
  }
}

std::vector<awaited> start_all(const surroundings& around, const local_cluster& cluster, const std::string& isolation) {
  std::vector<awaited> starting;
  for (const auto& node : cluster.nodes)
    starting.push_back(
      {&node, daemon_of(node) > 0 ? spawned_node{} : spawn_node(how_to_start(around, node, isolation)), {}});
  return starting;
}

std::string voters_text(std::size_t nodes) {
  const auto voters = voters_of(nodes);
  std::string text = std::to_string(nodes) + (nodes == 1 ? " node, " : " nodes, ") + std::to_string(voters)
                     + (voters == 1 ? " voter" : " voters");
  if (nodes == 2)
    text += " (two voters would survive no loss, so there is one: when node-1 is down, nothing is decided)";
  return text;
}

/// The cluster that a command without a name means.
std::string name_of(const surroundings& around, const cluster_options& options) {
  if (!options.name.empty())
    return options.name;
  return around.cluster.empty() ? usual_name : around.cluster;
}

/// What can be used, with a mark at what is.
exit_status list_targets(const surroundings& around) {
  const auto used = name_in_use(around.variable);
  const auto line = [&](const std::string& name, const std::string& what, bool is_used) {
    around.out << (is_used ? "* " : "  ") << name << "  " << what << '\n';
  };
  for (const auto& name : known_targets(around.variable)) {
    const auto target = find_target(around.variable, name);
    const auto nodes = target ? target->nodes() : std::vector<node_address>();
    line(name,
         std::to_string(nodes.size()) + (nodes.size() == 1 ? " node" : " nodes")
           + (target && target->login ? ", elsewhere" : ", on this machine"),
         used == name);
  }
  line("none", "your own node", !used);
  return exit_status::ok;
}

/// Members come and go: where those are that can be reached is remembered.
void learn_members(const surroundings& around, cluster_target target, const cluster_view& view) {
  std::vector<remote_member> now;
  for (const auto& known : target.members)
    if (known.name.empty()) // the address that the user gave
      now.push_back(known);
  for (const auto& row : view.nodes) {
    remote_member member{text_in(row, "name"), text_in(row, "id"), text_in(row, "address")};
    const auto known = std::find_if(target.members.begin(), target.members.end(),
                                    [&](const auto& m) { return m.id == member.id && !m.name.empty(); });
    if (member.address.empty() && known != target.members.end())
      member.address = known->address; // it is not there now and will be where it was
    if (!member.address.empty())
      now.push_back(std::move(member));
  }
  if (now == target.members)
    return;
  target.members = std::move(now);
  keep_target(around.variable, target);
}

} // namespace

exit_status cluster_up(const surroundings& around, const cluster_options& options) {
  const auto name = options.name.empty() ? usual_name : options.name;
  const auto directory = directory_of(around, name, options.directory);
  std::error_code error;
  fs::create_directories(directory.parent_path(), error);
  if (error)
    throw failed("The directory " + directory.parent_path().string() + " cannot be made: " + error.message()
                 + ". Name another place with --directory.");
  const auto turn = take_turn(directory.string(), up_timeout);
  const auto cluster = found_or_made(around, options, name, directory);
  keep_target(around.variable, target_of(cluster));
  wait_until_ready(cluster, start_all(around, cluster, options.isolation));
  use_target(around.variable, name);
  if (options.as_json) {
    const auto target = target_of(cluster);
    around.out << json_of(look_at_cluster(name, target.nodes(), cluster)).dump(2) << '\n';
    return exit_status::ok;
  }
  around.out << "Cluster " << name << " is up: " << voters_text(cluster.nodes.size()) << ", in " << directory.string()
             << ".\n`hearth run` and programs use it now; `hearth cluster use none` leaves it, `hearth cluster down"
             << (name == usual_name ? "" : " " + name) << "` ends it.\n";
  return exit_status::ok;
}

exit_status cluster_down(const surroundings& around, const cluster_options& options) {
  const auto name = name_of(around, options);
  const auto known = find_target(around.variable, name);
  if (!known)
    throw command_error(exit_status::usage,
                        "There is no cluster `" + name + "` here" + suggestion(name, known_targets(around.variable)));
  if (known->login)
    throw failed("Cluster " + name + " is not of this machine, so it is not ended from here; `hearth cluster logout "
                 + name + "` leaves it.");
  const auto cluster = known->directory.empty() ? std::nullopt : read_local_cluster(known->directory);
  if (!cluster && !options.destroys)
    throw failed("Cluster " + name + " is not on this machine any more; `hearth cluster down " + name
                 + " --destroy` forgets it.");
  if (cluster) {
    const auto turn = take_turn(known->directory.string(), up_timeout);
    const auto grace = parse_duration(options.grace).value_or(2 * milliseconds(defaults::stop_grace));
    const auto done = end_daemons(cluster->nodes, grace);
    around.out << "Cluster " << name << " is down";
    if (done.killed > 0)
      around.out << "; " << done.killed << " of " << done.all << " nodes did not end in time and were ended";
    around.out << ".\n";
  }
  if (name_in_use(around.variable) == name)
    use_target(around.variable, std::nullopt);
  if (options.destroys) {
    forget_target(around.variable, name);
    if (cluster) {
      std::error_code error;
      fs::remove_all(cluster->directory, error);
      if (error)
        throw failed("The directory " + cluster->directory.string() + " cannot be removed: " + error.message() + ".");
      fs::remove(cluster->directory.string() + ".lock", error);
      around.out << cluster->directory.string() << " is removed.\n";
    }
  }
  return exit_status::ok;
}

exit_status cluster_use(const surroundings& around, const cluster_options& options) {
  if (options.words.empty())
    return list_targets(around);
  const auto& name = options.words.front();
  if (name == "none") {
    use_target(around.variable, std::nullopt);
    around.out << "`hearth run` and programs use your own node.\n";
  } else {
    use_target(around.variable, name);
    around.out << "`hearth run` and programs use cluster " << name << ".\n";
  }
  return exit_status::ok;
}

exit_status cluster_status(const surroundings& around, const cluster_options& options) {
  auto target = options.name.empty() ? std::nullopt : find_target(around.variable, options.name);
  if (!options.name.empty() && !target)
    throw command_error(exit_status::usage, "There is no cluster `" + options.name + "` here"
                                              + suggestion(options.name, known_targets(around.variable)));
  if (!target && !around.cluster.empty())
    target = find_target(around.variable, around.cluster);
  if (!target)
    target = cluster_target{.name = {}, .sockets = {around.socket}, .directory = {}};
  const auto local = target->directory.empty() ? std::nullopt : read_local_cluster(target->directory);
  const auto view = look_at_cluster(target->name, target->nodes(), local);
  if (target->login && !view.asked.empty())
    learn_members(around, *target, view);
  if (options.as_json)
    around.out << json_of(view).dump(2) << '\n';
  else if (!view.nodes.empty())
    table_of(view).write(around.out, around.colours);
  if (view.asked.empty()) {
    const auto what = target->name.empty() ? "No cluster can be asked"
                                           : "No node of cluster " + target->name + " answers";
    throw command_error(exit_status::no_node, what + (view.trouble.empty() ? "" : ": " + view.trouble)
                                                + (view.trouble.ends_with('.') ? "" : "."));
  }
  if (!view.trouble.empty())
    throw failed("The node that was asked may not act for the cluster: " + view.trouble);
  return exit_status::ok;
}

} // namespace hearth::cli
