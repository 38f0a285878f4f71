#pragma once

#include "cluster/commands.hpp"
#include "cluster/records.hpp"
#include "core/bytes.hpp"
#include "core/ids.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What the control log decided, as actors hear of it.
namespace hearth {

/// Who owns an environment, since which entry of the control log.
struct ownership {
  node_uuid node;
  seat_id seat;
  hearth::epoch epoch;
};

/// A member of the cluster, as the control log knows it.
struct member_row {
  node_uuid node;
  std::string name, address;
  seat_id seat; // none: it is not there
  std::uint64_t incarnation = 0;
  bool draining = false, is_voter = false, is_leader = false;
  bool is_removed = false; // it may not come back
  cluster::node_capacity capacity;
};

/// What the control log decided, as far as actors react to it.
/// A run as the control log knows it. Immutable: what changes is another one.
struct durable_run {
  cluster::accept_run submitted;
  std::uint32_t attempt = 1; // at its home; more than 1: an earlier home was lost, or left
  bool is_claimed = false;   // the current attempt may have begun
  node_uuid home;            // none: its home is gone, and nobody took over yet
  seat_id seat;              // of the home
  bool is_to_end = false;    // somebody wants it to, for this reason
  std::string abort_reason;
  std::optional<cluster::complete_run> end; // terminal: never changes
};

using durable_run_ptr = std::shared_ptr<const durable_run>;

namespace control {

struct member_changed {
  member_row now;
};

struct owner_changed {
  std::string key;
  ownership now; // without a node: nobody owns it
};

/// Anything about a run: it was accepted, has another home, is to end, has ended.
struct run_changed {
  durable_run_ptr now;
};

/// It is not kept any longer; nor are its values.
struct run_forgotten {
  durable_run_ptr last;
};

/// Whether this node may act for the cluster: it has a seat, and its lease runs.
struct standing {
  bool holds = false;
  seat_id seat;
  std::string why_not; // for a person
};

/// All tokens of remote clients that there are now.
struct tokens_changed {
  std::shared_ptr<const std::vector<cluster::token_record>> now;
};

/// What is not to be served from the cache any more: by scope, all that was kept before this index of the control log.
struct generations_changed {
  std::shared_ptr<const std::map<std::string, cluster::log_index>> now;
};

/// This version of an environment is deployed, with these live fields.
struct deployed_changed {
  std::string key, version; // no version: none is any more
  bytes spec;               // encoded
};

/// What projects may have in the cache: those of which something is said.
struct cache_limits_changed {
  std::shared_ptr<const std::map<std::string, cluster::cache_limit>> now;
};

using fact = std::variant<member_changed, owner_changed, run_changed, run_forgotten, standing, tokens_changed,
                          generations_changed, cache_limits_changed, deployed_changed>;
using facts = std::vector<fact>;

} // namespace control

} // namespace hearth
