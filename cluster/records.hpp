#pragma once

#include "cluster/commands.hpp"

#include <map>
#include <string>
#include <vector>

/// What the control log has decided so far, as plain values: what a snapshot holds. The twin of schema/control_log.capnp.
namespace hearth::cluster {

/// A node that was admitted.
struct member {
  node_uuid node;
  std::string name;
  bool draining = false;
  bool removed = false; // kept, so that it is not mistaken for a new one
  std::uint64_t incarnation = 0;
  std::uint64_t nonce = 0;
  seat_id seat{}; // none while it is away
  std::string address{}; // where it listened last, or will first

  bool operator==(const member&) const = default;
};

struct seat_record {
  seat_id seat;
  node_uuid node;
  std::string address;
  node_capacity capacity;
  std::uint32_t level = 0;
  std::uint64_t incarnation = 0;

  bool operator==(const seat_record&) const = default;
};

struct spec_record {
  bytes spec;
  log_index put = 0;

  bool operator==(const spec_record&) const = default;
};

struct environment_record {
  std::string key;
  seat_id owner{};       // none: nobody's
  hearth::epoch epoch{}; // of the last grant; stays when the owner has gone
  bool lost = false;     // the last owner did not release it: its seat ended
  std::string deployed;  // version; empty: none
  std::map<std::string, spec_record> specs; // by version

  bool operator==(const environment_record&) const = default;
};

enum class run_phase : std::uint8_t { accepted, claimed, ended };

struct run_record {
  accept_run order;
  log_index accepted = 0;
  run_phase phase = run_phase::accepted;
  std::uint32_t attempt = 1;
  std::uint32_t losses = 0;
  seat_id home{};      // none: it waits for one, or has ended
  bool placed = false; // the current attempt has had a home
  bool abort_wanted = false;
  std::string abort_reason;
  complete_run end;    // of an ended run
  log_index ended = 0; // 0: open

  bool open() const noexcept { return phase != run_phase::ended; }

  bool operator==(const run_record&) const = default;
};

struct token_record {
  std::string name;
  std::string digest;
  std::vector<std::string> scopes;
  std::uint64_t expires_unix_ms = 0;

  bool operator==(const token_record&) const = default;
};

/// What a project may have in the cache.
struct cache_limit {
  std::uint64_t bytes_max = 0; // on each node; 0: what projects have of which nothing is said
  std::uint64_t ttl_ms = 0;    // from when a result was made; 0: any time

  bool operator==(const cache_limit&) const = default;
};

/// All of it. Copies share the contents of values and specs.
struct control_image {
  log_index applied = 0;
  std::vector<node_uuid> voters;
  std::uint64_t generation = 1; // of the log: raised by `set_voters`
  std::uint32_t level = 0;
  std::uint64_t cluster_time_ms = 0;
  std::uint64_t horizon_ms = 0; // roots from before this time may belong to runs that are forgotten
  std::map<node_uuid, member> members;
  std::map<seat_id, seat_record> seats; // live ones
  std::map<std::string, environment_record> environments;
  std::map<std::string, run_record> runs;             // by name
  std::map<std::string, log_index> cache_generations; // by scope
  std::map<std::string, token_record> tokens;         // by name
  std::map<std::string, cache_limit> cache_limits;    // by project

  bool operator==(const control_image&) const = default;
};

/// Same content, wherever it lies.
bool same(const stored_value& a, const stored_value& b) noexcept;

/// What a run costs in memory, its indexes included. Bytes.
std::uint64_t charge(const run_record& run) noexcept;

/// When a root was chosen, ms of the Unix calendar: the time of its UUIDv7.
std::uint64_t chosen_ms(call_id root) noexcept;

/// A hash of all of it, alike on every node. Not against malice. Reads everything: for tests and checks.
std::uint64_t digest_of(const control_image& image);

} // namespace hearth::cluster
