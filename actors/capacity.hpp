#pragma once

#include "actors/environment.hpp"
#include "core/errors.hpp"
#include "core/ids.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace hearth {

/// What a node gives to replicas.
struct node_resources {
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_millis = 0;
  bool cpu_bars = false; // requests for cpu are admitted; otherwise they are shares, and any number of replicas fits
  std::vector<std::uint32_t> gpus; // indices
};

/// What one replica keeps from the others while it lives. Zero costs nothing.
struct demand {
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_millis = 0;
  std::uint32_t gpus = 0;
};

/// The requests of an environment; a limit without a request is one.
demand demand_of(const resource_spec& resources);

/// Memory of one replica beyond which it is ended; a request without a limit is one. 0: not said.
std::uint64_t memory_limit_of(const resource_spec& resources);

/// What a node has, and what its replicas hold. Pure: no clock, no device, no process. Not thread-safe.
///
/// Never more is held than there is, but by the rule for nested calls (`reserve`): the only way in which a call graph
/// that needs more than the node has still ends.
class capacity {
public:
  /// `node` is its name, for messages.
  capacity(node_resources has, std::string node);

  /// Whether one replica could start if no other were there: `does_not_fit`, with a sentence, or code `none`.
  failure unfit(const environment_spec& spec) const;

  struct grant {
    std::vector<std::uint32_t> gpus; // the lowest that are free
    std::string beyond;              // the resource of which there was no more; empty: everything fits
  };
  /// The first of "gpu", "memory" and "cpu" of which too little is free.
  struct lacking {
    std::string resource;
  };

  /// The first of "gpu", "memory" and "cpu" of which too little is free for this; empty: it fits.
  std::string lacks(const demand& wanted) const;

  /// Reserves for a replica that holds nothing yet. `alone`: a call that runs waits for it, and no replica could serve
  /// that call instead; it gets memory and cpu beyond what there is, never a GPU.
  std::variant<grant, lacking> reserve(replica_id id, const demand& wanted, bool alone);

  /// Gives back what it holds, if anything; the GPUs that were its own.
  std::vector<std::uint32_t> release(replica_id id);

  /// Another node of this machine has this GPU: it is not given until `look_elsewhere`.
  void is_elsewhere(std::uint32_t gpu) { elsewhere_.insert(gpu); }
  /// GPUs of others may be free again.
  void look_elsewhere() { elsewhere_.clear(); }

  std::uint32_t free_gpus() const;
  const node_resources& has() const { return has_; }
  const demand& reserved() const { return reserved_; }

private:
  struct holding {
    demand what;
    std::vector<std::uint32_t> gpus;
  };

  node_resources has_;
  std::string node_;
  demand reserved_; // sum over `held_`
  std::unordered_map<replica_id, holding> held_;
  std::set<std::uint32_t> free_gpus_;
  std::set<std::uint32_t> elsewhere_;
};

} // namespace hearth
