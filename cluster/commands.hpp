#pragma once

#include "core/bytes.hpp"
#include "core/errors.hpp"
#include "core/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What the control log is asked to do. Each command is decided by `control_state`, in the order of the log and alike on
/// every node; none does anything twice when it is proposed twice. The twin of schema/control_log.capnp.
namespace hearth::cluster {

/// The position of an entry in the control log; the first has 1.
using log_index = std::uint64_t;

/// A value that a run brings or leaves: here when it is small, a blob of that digest when it is not.
struct stored_value {
  std::string digest; // SHA-256 in hex of the content; empty: there is no value
  std::uint64_t size = 0;
  bytes content; // empty while size > 0: it is a blob

  bool operator==(const stored_value&) const = default;
};

/// What a node has for replicas.
struct node_capacity {
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_millis = 0;
  std::uint32_t gpus = 0;

  bool operator==(const node_capacity&) const = default;
};

// -- membership ----

/// This node may take a seat from now on. By an operator, or by who shows a join token.
struct admit_node {
  node_uuid node;
  std::string name;      // unique among members; a taken one gets a number behind it
  std::string address{}; // where its link will listen, so that others reach it before it has a seat; empty: not known

  bool operator==(const admit_node&) const = default;
};

/// A node that stays away: its seat ends, its certificate is worth nothing any more.
struct remove_node {
  node_uuid node;

  bool operator==(const remove_node&) const = default;
};

/// No new roles and replicas for it (true), or again (false).
struct drain_node {
  node_uuid node;
  bool draining = true;

  bool operator==(const drain_node&) const = default;
};

/// A daemon has started, or has been without a seat. Ends an older seat of the node. Refused with `not_a_member` for who was
/// not admitted, and with `stale_epoch` for an incarnation that is not higher than the last one, unless the nonce tells that
/// it is the same process: an old copy of its disk.
struct take_seat {
  node_uuid node;
  std::uint64_t incarnation = 0; // counted on the node's disk, one more at each start
  std::string address;           // where its link listens, "host:port"; empty: nowhere
  node_capacity capacity;
  std::uint32_t level = 0; // highest feature level that it understands
  std::uint64_t nonce = 0; // drawn by the process when it starts

  bool operator==(const take_seat&) const = default;
};

enum class departure : std::uint8_t { left, expired, died };

/// The seat ends; what it owned and the runs whose home it was are nobody's.
struct end_seat {
  seat_id seat;
  departure how = departure::left;

  bool operator==(const end_seat&) const = default;
};

/// The heartbeats that the leader has heard since the last one: a node that finds its own here has its lease from the moment
/// when it sent that heartbeat.
struct renew {
  struct heartbeat {
    seat_id seat;
    std::uint64_t number = 0; // counted by the node

    bool operator==(const heartbeat&) const = default;
  };

  std::vector<heartbeat> heard;
  std::uint64_t cluster_time_ms = 0; // never goes back, whatever clocks do

  bool operator==(const renew&) const = default;
};

/// The log ends here; another one with these voters begins from this state, one generation later.
struct set_voters {
  std::vector<node_uuid> voters;

  bool operator==(const set_voters&) const = default;
};

/// From here on entries of this feature level may be written. Refused while a seat understands less.
struct raise_level {
  std::uint32_t level = 0;

  bool operator==(const raise_level&) const = default;
};

// -- environments ----

/// What an environment version is; `spec` is not looked into. Kept while the environment has an owner, or a run needs it.
struct put_spec {
  std::string key;     // "project/domain/name"
  std::string version; // 15 hex digits
  bytes spec;
  bool deployed = false; // this version is the one that stays warm

  bool operator==(const put_spec&) const = default;
};

/// No version of the environment is deployed any more; what runs of it goes on. Nothing of that name deployed: done.
struct undeploy {
  std::string key;

  bool operator==(const undeploy&) const = default;
};

/// The seat owns the environment from now on; the epoch is this entry's index. When somebody with a seat owns it already,
/// nothing changes and the outcome says who.
struct grant {
  std::string key;
  seat_id seat;

  bool operator==(const grant&) const = default;
};

/// The owner gives it up. Refused with `stale_epoch` when the epoch is not the current one.
struct release {
  std::string key;
  hearth::epoch epoch;

  bool operator==(const release&) const = default;
};

// -- runs ----

/// A run as it is submitted. The same root with the same `request_digest` again changes nothing and succeeds; with another
/// one it is a `conflict`, and a name that another run has is `name_taken`. The spec must have been put before
/// (`unknown_environment`); a root older than what is remembered of ended runs is `gone`.
struct accept_run {
  call_id root;               // chosen by the client: what makes a submission idempotent
  std::string name;           // unique among the runs that are kept
  std::string request_digest; // SHA-256 in hex over everything that decides what the run does
  std::string principal;
  std::string project, domain;
  std::string key, version; // of the environment
  std::uint32_t task = 0;   // index in the spec
  std::string task_name;
  std::string inputs;      // for display
  std::string rerun_of;    // name; its record of finished children counts for this run too
  std::uint32_t lost = 3;  // so many losses of its home are survived; 0: once started, it never starts again
  bool detached = false;
  std::uint16_t cache = 0;       // flags of a call (schema/frame.capnp): how the run uses the cache
  std::uint64_t deadline_ms = 0; // of the whole run from `unix_ms`; 0: unlimited
  std::uint64_t unix_ms = 0;     // the client's node's calendar, for listings
  std::uint64_t trace_hi = 0, trace_lo = 0, trace_span = 0;
  stored_value arguments;
  seat_id home; // where it runs first

  bool operator==(const accept_run&) const = default;
};

/// With lost=0: committed before the first byte of the root call goes to an interpreter. Refused with `stale_epoch` unless
/// `attempt` is the current one and `home` its home.
struct claim_run {
  std::string name;
  std::uint32_t attempt = 0;
  seat_id home;

  bool operator==(const claim_run&) const = default;
};

/// The root call ended. The first one that comes while the run is open decides, also from an attempt that is not the current
/// one; later ones are refused with `conflict`, unless they say the same.
struct complete_run {
  std::string name;
  std::uint32_t attempt = 0;
  ec code = ec::none;
  bool is_text = false; // a failure's value is one sentence
  std::string error;    // one sentence for listings
  std::uint64_t unix_ms = 0;
  std::uint64_t run_ns = 0, queued_ns = 0, start_ns = 0;
  std::uint64_t actions = 0, actions_failed = 0;
  stored_value value;

  bool operator==(const complete_run&) const = default;
};

/// Somebody wants it to end; its home sees to it. One without a home ends at once.
struct abort_run {
  std::string name;
  std::string reason;
  std::uint64_t unix_ms = 0;

  bool operator==(const abort_run&) const = default;
};

/// These runs, whose home is gone, go on there as their next attempt; those that may not start again end instead.
struct rehome_runs {
  std::vector<std::string> names;
  seat_id home;
  std::uint64_t unix_ms = 0; // for those that end by it

  bool operator==(const rehome_runs&) const = default;
};

// -- cache, tokens ----

/// Nothing that was cached below this scope before is served after it. A scope is below another one when that one and a
/// "/" begin it; all are below "".
struct raise_generation {
  std::string scope;

  bool operator==(const raise_generation&) const = default;
};

/// What a project may have in the cache of each node, and for how long. What is not said stays as it was.
struct limit_cache {
  std::string project;
  std::optional<std::uint64_t> bytes_max; // 0: what projects have of which nothing is said
  std::optional<std::uint64_t> ttl_ms;    // 0: any time

  bool operator==(const limit_cache&) const = default;
};

/// A token for remote clients, by the digest of its secret.
struct put_token {
  std::string name;
  std::string digest; // SHA-256 in hex
  std::vector<std::string> scopes;
  std::uint64_t expires_unix_ms = 0; // 0: never

  bool operator==(const put_token&) const = default;
};

struct revoke_token {
  std::string name;

  bool operator==(const revoke_token&) const = default;
};

using command = std::variant<admit_node, remove_node, drain_node, take_seat, end_seat, renew, set_voters, raise_level,
                             put_spec, grant, release, accept_run, claim_run, complete_run, abort_run, rehome_runs,
                             raise_generation, put_token, revoke_token, limit_cache, undeploy>;

/// The feature level that the cluster must have reached before this may be written: an older Hearth does not know it.
constexpr std::uint32_t level_of(const command& order) noexcept {
  return std::holds_alternative<limit_cache>(order) ? 2 : std::holds_alternative<undeploy>(order) ? 4 : 0;
}

/// What became of a command: refused with a code, or done.
struct outcome {
  ec code = ec::none;
  std::string message; // of a refusal, for a person
  log_index index = 0; // of the entry: the new seat, epoch or generation
  seat_id owner{};     // of `grant`: who owns it now ...
  hearth::epoch epoch{}; // ... since when

  bool operator==(const outcome&) const = default;
};

} // namespace hearth::cluster
