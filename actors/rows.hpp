#pragma once

#include "actors/journal_entry.hpp"
#include "core/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The rows of listings; fields as in schema/control.capnp.
namespace hearth {

/// Whole microseconds, as rows have them.
inline std::uint64_t micros(std::chrono::nanoseconds length) {
  return static_cast<std::uint64_t>(length.count() / 1000);
}

/// What a pool has counted.
struct pool_totals {
  std::uint64_t done = 0, failed = 0, lost = 0, cold_starts = 0;
};

struct environment_row {
  std::string project, domain, name, version, state;
  std::uint32_t replicas = 0, starting = 0, min_replicas = 0, max_replicas = 0, concurrency = 0, running = 0,
                parked = 0;
  std::uint64_t queued = 0, done = 0, failed = 0, lost = 0;
  std::string start_mode, start_reason;
  std::vector<std::string> tasks;
  std::string message, python;
  std::uint64_t mean_run_us = 0, cold_starts = 0, mean_start_us = 0;
  std::string reason;  // why this pool is not the one that was there before
  std::string waiting; // "wants 5, has 3, waiting for memory"; empty: nothing waits
  std::uint64_t learned_run_us = 0, learned_start_us = 0;
  std::uint64_t idle_ttl_ms = 0, scaledown_ttl_ms = 0;
  std::string scope;
  std::uint64_t recycled = 0, prewarmed = 0, prewarm_hits = 0, prewarm_idle_ms = 0;
  bool is_fresh = false; // each replica serves one call
  std::string node;      // that owns it; empty: a node without a cluster, here and below
  // Replicas that have been told to end, and what failed: while the last replica that was started did not come to serve.
  std::uint32_t draining = 0;
  std::string failure; // name of its code; empty: nothing fails
  std::uint64_t retry_ms = 0, failed_replica = 0;
  // Of pools of this environment that are forgotten by now, so that sums over all never fall. The same in each of its rows; it
  // does not leave the node.
  pool_totals forgotten{};
};

/// An entry of the journal.
struct event_row {
  std::uint64_t unix_ms = 0;
  std::string project, domain, environment, version, kind, text;
  std::uint64_t replica = 0;
  scaling::inputs in; // of kind "decided"
  scaling::decision what;
  bool is_reproduced = false; // deciding again from `in` gives `what`
  std::string node;
};

/// How often the journal has noted what about an environment, since it began to.
struct journal_counts {
  std::string project, domain, environment;
  std::map<std::string_view, std::uint64_t> decisions; // by scaling::name of the rule
  std::map<std::string_view, std::uint64_t> kinds;     // of all other entries, by their name
};

struct replica_row {
  std::uint64_t id = 0;
  std::string environment, version, state;
  std::uint32_t pid = 0;
  std::string start_mode;
  std::uint64_t start_us = 0;
  std::uint32_t running = 0, parked = 0, ahead = 0;
  std::uint64_t done = 0, memory_bytes = 0, age_ms = 0;
  std::string node; // on which it runs; empty: a node without a cluster
};

struct run_row {
  std::string name, task, phase;
  std::uint64_t started_unix_ms = 0, duration_ms = 0, actions = 0, actions_done = 0, actions_failed = 0;
  bool detached = false;
  std::string error, inputs, project, domain, environment_version;
  call_id call;
  std::string node; // its home
};

struct action_row {
  std::string id, parent, task, phase;
  std::uint32_t attempt = 0;
  bool cold = false;
  std::uint64_t queued_us = 0, start_us = 0, run_us = 0, replica = 0;
  std::string error;
  std::uint32_t depth = 0;
  std::uint64_t fork_us = 0, import_us = 0;
  std::string cache;    // DISABLED, MISS, HIT ...; empty: results of its task are not kept
  std::string producer; // of a hit
};

/// What a look at a node found, for people.
struct finding {
  bool is_fine = false;
  std::string what, text;
};

struct node_row {
  std::string name, id;
  std::uint32_t pid = 0;
  std::string version, state;
  bool is_private = false;
  std::uint64_t up_ms = 0, idle_exit_ms = 0, cpu_millis = 0, memory_bytes = 0, resident_bytes = 0;
  std::uint32_t sessions = 0, environments = 0, replicas = 0;
  std::uint64_t calls = 0; // done by the environments of today
  std::string socket, state_directory;
  // What replicas may reserve, and what they have reserved.
  std::uint64_t memory_capacity = 0, memory_reserved = 0;
  std::uint32_t cpu_capacity_millis = 0, cpu_reserved_millis = 0;
  std::uint32_t gpus = 0, gpus_in_use = 0, orders_waiting = 0;
  std::string memory_limits;     // who ends what uses too much: "cgroup" or "watcher"
  std::string isolation;         // of environments that ask for none: "process", "sandbox"; or "sandbox-only": of all
  std::vector<finding> findings; // of a check
  std::uint32_t links = 0;       // to other nodes, that are up
};

} // namespace hearth
