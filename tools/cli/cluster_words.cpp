#include "tools/cli/command_words.hpp"

#include "tools/cli/units.hpp"

#include <charconv>
#include <cstdint>
#include <limits>

namespace hearth::cli {

namespace {

/// What a command of a cluster does when it is called.
std::function<void()> does(request& into, cluster_command* what) {
  return [&into, what] {
    into.command = [&into, what](const surroundings& around) {
      into.cluster.as_json = into.as_json();
      return what(around, into.cluster);
    };
  };
}

/// `hearth node join|drain|undrain|remove|ping`.
void add_members(CLI::App& node, request& into) {
  auto* join = add_command(node, "join", "Make this machine's node a member of a cluster", "hearth node join TOKEN");
  join->add_option("TOKEN", into.cluster.words, "from `hearth cluster token` on a member")->required()->expected(1);
  join->add_option("--listen", into.cluster.listen, "HOST:PORT at which the others reach this node");
  add_format(join, into);
  join->callback(does(into, node_join));
  struct change {
    const char* name;
    const char* what;
    cluster_command* command;
  };
  for (const auto& [name, what, command] :
       {change{"drain", "Give a node of the cluster no new work; what runs there goes on", node_drain},
        change{"undrain", "Give a drained node work again", node_undrain},
        change{"remove", "Take a node out of the cluster for good", node_remove}}) {
    auto* one = add_command(node, name, what, std::string("hearth node ") + name + " node-3");
    one->add_option("NODE", into.cluster.words, "its name or id")->required()->expected(1);
    add_format(one, into);
    one->callback(does(into, command));
  }
  auto* ping = add_command(node, "ping", "Measure the link from the node that answers to another one",
                           "hearth node ping node-2 --count 1000");
  ping->add_option("NODE", into.cluster.words, "its name or id")->required()->expected(1);
  ping->add_option("--count", into.cluster.count, "frames, one after another (default: 100)")->check(count());
  add_format(ping, into);
  ping->callback(does(into, node_ping));
}

/// `hearth cluster up|down|status|use`.
void add_local(CLI::App& cluster, request& into) {
  auto& options = into.cluster;
  auto* up = add_command(cluster, "up", "Start a cluster of processes on this machine, and use it",
                         "hearth cluster up --nodes 3");
  up->add_option("--nodes", options.nodes, "how many; not needed to start an existing one again")->check(count());
  up->add_option("--isolation", options.isolation,
                 "of tasks: sandbox, as on a cluster of machines (default), or process: they see what you see")
    ->check(CLI::IsMember({"process", "sandbox", "sandbox-only"}));
  up->add_option("--name", options.name, "what it is called (default: local)");
  up->add_option("--directory", options.directory,
                 "where its files are (default: clusters/NAME in the state directory)");
  add_format(up, into);
  up->callback(does(into, cluster_up));
  auto* down = add_command(cluster, "down", "End the nodes of a cluster on this machine", "hearth cluster down");
  down->add_option("NAME", options.name, "default: the one in use, else local");
  down->add_option("--grace", into.grace, "let nodes end for so long (seconds, or 2m)")->check(duration());
  down->add_flag("--destroy", options.destroys, "remove its files too: runs, results, certificates");
  down->callback([&into, run = does(into, cluster_down)] {
    into.cluster.grace = into.grace;
    run();
  });
  auto* status = add_command(cluster, "status", "Show the nodes of a cluster; status 3 when none answers",
                             "hearth cluster status");
  status->add_option("NAME", options.name, "default: the one in use");
  add_format(status, into);
  status->callback(does(into, cluster_status));
  auto* use = add_command(cluster, "use", "Choose what `hearth` and programs talk to, or show what there is",
                          "hearth cluster use none");
  use
    ->add_option("NAME", options.words,
                 "a cluster that is known here; none: your own node; without it: a list of these")
    ->expected(0, 1);
  use->callback(does(into, cluster_use));
}

/// `hearth cluster token`: for a machine that joins; below it those for remote clients.
void add_tokens(CLI::App& cluster, request& into) {
  auto& options = into.cluster;
  auto* token = add_command(
    cluster, "token", "Print a token with which one machine may join, once; or look after those for remote clients",
    "hearth cluster token --valid 1h");
  token->add_option("--valid", options.valid, "how long (default: 15m)")->check(duration());
  add_format(token, into);
  token->callback([token, join = does(into, cluster_token)] {
    if (token->get_subcommands().empty())
      join();
  });
  auto* create = add_command(*token, "create", "Print a token with which clients elsewhere may use the cluster",
                             "hearth cluster token create --name laptop --scope invoke,deploy,read --expires 30d");
  create
    ->add_option(
      "--scope", options.scopes,
      "what it is for, parted by commas: read (listings, logs), invoke (calls and runs of what is deployed), "
      "deploy (code and environments), admin (nodes, voters, tokens)")
    ->required();
  create->add_option("--expires", options.valid, "after how long it ends, or never (default: 30d)")
    ->check(duration() | CLI::IsMember({"never"}));
  create->add_option("--name", options.name, "what it is called; default: the node makes a name");
  add_format(create, into);
  create->callback(does(into, cluster_token_create));
  auto* list = add_command(*token, "list", "Show the tokens for remote clients", "hearth cluster token list");
  add_format(list, into);
  list->callback(does(into, cluster_token_list));
  auto* revoke = add_command(*token, "revoke", "Make a token worthless, also where it is in use",
                             "hearth cluster token revoke laptop");
  revoke->add_option("NAME", options.words, "as the list has it")->required()->expected(1);
  add_format(revoke, into);
  revoke->callback(does(into, cluster_token_revoke));
}

/// `hearth cluster login|logout`.
void add_logins(CLI::App& cluster, request& into) {
  auto& options = into.cluster;
  auto* login = add_command(cluster, "login", "Use a cluster elsewhere with a token that an operator gave you",
                            "hearth cluster login 10.0.0.5 --token-file token.txt");
  login->add_option("ADDRESS", options.words, "HOST or HOST:PORT of any member's link (port: 7400)")
    ->required()
    ->expected(1);
  login->add_option("--token-file", options.token_file, "holds the token; -: standard input; default: you are asked");
  login->add_option("--name", options.name, "what the cluster is called here; default: as it calls itself");
  add_format(login, into);
  login->callback(does(into, cluster_login));
  auto* logout = add_command(cluster, "logout", "Forget a cluster elsewhere, and its token",
                             "hearth cluster logout lab");
  logout->add_option("NAME", options.words, "as `hearth cluster use` shows it")->required()->expected(1);
  logout->callback(does(into, cluster_logout));
}

/// `hearth cluster init|token|voters|backup`.
void add_operations(CLI::App& cluster, request& into) {
  auto& options = into.cluster;
  auto* init = add_command(cluster, "init", "Make this machine's node the first member of a new cluster",
                           "hearth cluster init --name lab --listen 10.0.0.5:7400");
  init->add_option("--name", options.name, "what the cluster is called")->required();
  init->add_option("--listen", options.listen, "HOST:PORT at which the others reach this node");
  add_format(init, into);
  init->callback(does(into, cluster_init));
  add_tokens(cluster, into);
  auto* voters = add_command(cluster, "voters", "Choose which nodes decide together",
                             "hearth cluster voters set a b c");
  voters->require_subcommand(1);
  auto* set = add_command(*voters, "set", "These nodes vote from now on: one, three or five",
                          "hearth cluster voters set node-1 node-2 node-3");
  set->add_option("NODES", options.words, "names or ids")->required()->expected(1, std::numeric_limits<int>::max());
  add_format(set, into);
  set->callback(does(into, cluster_voters));
  auto* backup = add_command(cluster, "backup",
                             "Copy the control log of the node that answers into a file of its machine",
                             "hearth cluster backup control.backup");
  backup->add_option("FILE", options.words, "is replaced when it is there")->required()->expected(1);
  add_format(backup, into);
  backup->callback(does(into, cluster_backup));
}

} // namespace

// -- parts ----

CLI::App* add_command(CLI::App& to, const std::string& name, const std::string& what, const std::string& example) {
  auto* command = to.add_subcommand(name, what);
  command->footer("Example: " + example);
  return command;
}

void add_format(CLI::App* command, request& into) {
  command->add_option("-o,--output", into.format, "table or json")->check(CLI::IsMember({"table", "json"}));
}

CLI::Validator duration() {
  return {[](std::string& text) -> std::string {
            return parse_duration(text) ? ""
                                        : "A duration is a number with ms, s, m, h or d (250ms, 30s, 10m), or seconds.";
          },
          "DURATION"};
}

CLI::Validator count() {
  return {[](std::string& text) -> std::string {
            std::uint32_t value = 0;
            const auto* end = text.data() + text.size();
            const auto [stopped, error] = std::from_chars(text.data(), end, value);
            const bool is_one = error == std::errc() && stopped == end && value > 0;
            return is_one ? "" : "`" + text + "` is no whole number from 1 to 4294967295.";
          },
          "NUMBER"};
}

// -- commands ----

void add_node(CLI::App& app, request& into) {
  auto* node = add_command(app, "node", "The node of this user, and members of a cluster", "hearth node status");
  node->require_subcommand(1);
  const auto does = [&into](exit_status (*what)(const surroundings&, const node_options&)) {
    return [&into, what] {
      into.command = [&into, what](const surroundings& around) {
        into.node.as_json = into.as_json();
        into.node.grace = into.grace.empty() ? std::nullopt : parse_duration(into.grace);
        return what(around, into.node);
      };
    };
  };
  auto* start = add_command(*node, "start", "Start the node, unless it runs already",
                            "hearth node start --idle-exit 0");
  start->add_flag("--foreground", into.node.is_foreground, "run it here, logging to stderr, until Ctrl-C");
  start->add_option("--idle-exit", into.node.idle_exit, "end after so long without work (seconds, or 10m); 0: never")
    ->check(duration());
  add_format(start, into);
  start->callback(does(node_start_command));
  auto* stop = add_command(*node, "stop", "Stop the node and wait until it has ended", "hearth node stop --grace 30");
  stop->add_option("--grace", into.grace, "let calls end for so long (seconds, or 2m)")->check(duration());
  stop->callback(does(node_stop_command));
  auto* status = add_command(*node, "status", "Show the node; status 3 when none is running",
                             "hearth node status -o json");
  add_format(status, into);
  status->callback(does(node_status_command));
  add_members(*node, into);
}

void add_cluster(CLI::App& app, request& into) {
  auto* cluster = add_command(app, "cluster", "Several nodes as one", "hearth cluster up --nodes 3");
  cluster->require_subcommand(1);
  add_local(*cluster, into);
  add_operations(*cluster, into);
  add_logins(*cluster, into);
  auto* check = add_command(app, "check",
                            "Look whether nodes are fit for a program, or for the environments that are there",
                            "hearth check digits.py");
  check->add_option("WHAT", into.cluster.program,
                    "a Python file: also its imports, and the paths that it names; or an environment");
  add_format(check, into);
  check->callback(does(into, check_cluster));
}

} // namespace hearth::cli
