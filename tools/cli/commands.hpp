#pragma once

#include "tools/cli/rows.hpp"
#include "tools/cli/surroundings.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// The commands. Each writes to the surroundings' streams, returns its exit status and throws command_error.
namespace hearth::cli {

struct get_options {
  noun what = noun::runs;
  std::string name;        // empty: all; of actions: the run
  std::string item;        // of actions: the beginning of an id
  std::uint32_t limit = 0; // 0: the node's default
  bool as_json = false;
};

exit_status get(const surroundings& around, const get_options& options);

/// Shows these apps in full, with what happened to them lately.
exit_status get_app(const surroundings& around, connection& node, const json& apps, bool as_json);

/// The noun of a word: "env", "environments", "run", ... Throws command_error (usage) that suggests the nearest.
noun noun_of(const std::string& word);

/// Tells why an environment has as many replicas as it has: its state, and each decision about their number.
exit_status explain_scaling(const surroundings& around, const std::string& environment, std::uint32_t limit,
                            bool as_json);

/// Tells why an app has as many replicas as it has, and what to do about it.
exit_status explain_app(const surroundings& around, const std::string& name, std::uint32_t limit, bool as_json);

struct app_options {
  std::string name;            // or project/domain/name
  std::string project, domain; // empty: $HEARTH_PROJECT and $HEARTH_DOMAIN, else default and development
  bool waits = false;
  bool as_json = false;
};

using app_command = exit_status(const surroundings&, const app_options&);

app_command activate_app, deactivate_app, delete_app;

struct logs_options {
  std::string of;     // a run's name, an app's, "app/<name>", "replica/<id>", or an action's id
  std::string action; // the beginning of an id; empty: all
  bool follow = false;
  std::uint32_t lines = 0; // 0: all that is kept
  bool show_times = false;
};

exit_status logs(const surroundings& around, const logs_options& options);

class connection;

/// The same of an app (`options.of`), asked over `node`: what happened to it, and what its replicas printed, in the order of time.
exit_status app_logs(const surroundings& around, connection node, const logs_options& options);

struct abort_options {
  std::string run;
  std::string action; // the beginning of an id; empty: the whole run
  std::string reason;
  bool as_json = false;
};

exit_status abort(const surroundings& around, const abort_options& options);

struct rerun_options {
  std::string run;
  std::string new_name;  // empty: the node chooses
  bool recovers = false; // what finished in the run is not done again
  bool as_json = false;
};

/// Starts a kept run once more.
exit_status rerun(const surroundings& around, const rerun_options& options);

/// Waits until the run has ended; failed unless it succeeded.
exit_status wait(const surroundings& around, const std::string& run, bool as_json);

struct node_options {
  std::string idle_exit; // "600", "10m"; empty: the node's default
  bool is_foreground = false;
  std::optional<std::chrono::milliseconds> grace; // none: as the node's settings say
  bool as_json = false;
};

exit_status node_start_command(const surroundings& around, const node_options& options);
exit_status node_stop_command(const surroundings& around, const node_options& options);
exit_status node_status_command(const surroundings& around, const node_options& options);

// -- clusters ----

struct cluster_options {
  std::string name;               // empty: "local" for a new one, else the cluster that is talked to
  std::string directory;          // of `up`; empty: below the state directory
  std::string listen;             // of `init` and `join`: HOST:PORT; empty: this machine's address
  std::uint32_t nodes = 0;        // of `up`; 0: as many as there are
  std::uint32_t count = 0;        // of `ping`; 0: the usual number
  std::string isolation;          // of `up`; empty: as nodes have it
  std::string program;            // of `check`; empty: none
  std::string grace, valid;       // durations; empty: the usual one; of a token for clients also "never"
  std::string token_file;         // of `login`; "-": standard input; empty: the terminal is asked
  std::string scopes;             // of a token for clients, parted by commas
  std::vector<std::string> words; // nodes, a token, a file
  bool destroys = false;
  bool as_json = false;
};

using cluster_command = exit_status(const surroundings&, const cluster_options&);

cluster_command cluster_up, cluster_down, cluster_use;         // clusters of this machine
cluster_command cluster_status, cluster_token, cluster_voters, // of whatever is talked to
  cluster_backup, node_drain, node_undrain, node_remove, node_ping;
cluster_command cluster_token_create, cluster_token_list, cluster_token_revoke; // tokens for remote clients
cluster_command cluster_login, cluster_logout;                                  // clusters elsewhere
cluster_command cluster_init, node_join;                                        // of this machine's own node
cluster_command check_cluster;

// -- kept results ----

struct cache_options {
  std::string project, domain, task, version;
  std::string entry;       // an id, or the beginning of one
  std::string file;        // of `export` and `import`
  std::string size, ttl;   // of `limit`; empty: not said
  std::uint32_t limit = 0; // 0: the node's default
  double share = 0.1;      // of hits that an audit has execute once more
  std::string lasts = "1m";
  bool all = false;
  bool as_json = false;
};

using cache_command = exit_status(const surroundings&, const cache_options&);

cache_command local_cache_clear, local_cache_stats; // of direct calls on this user's own node
cache_command cache_stats, cache_list, cache_show, cache_invalidate, cache_delete, cache_verify, cache_limit,
  cache_export, cache_import, cache_audit;

/// Prints the completion script of a shell: bash, zsh or fish. Throws command_error (usage) for another.
exit_status completion(const surroundings& around, const std::string& shell);

/// Becomes Python with `words` as its arguments and the SDK on its path. Returns only by throwing command_error.
[[noreturn]] void become_python(const surroundings& around, std::vector<std::string> words);

} // namespace hearth::cli
