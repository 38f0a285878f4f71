#pragma once

#include "cluster/commands.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which node gets a replica, an environment or a run whose home is gone. Pure: the same question has the same answer on
/// every node.
namespace hearth::cluster {

enum class strategy : std::uint8_t {
  pack,  // as few nodes as possible, so that others stay free for what is large
  spread // as evenly as possible, so that the loss of a node costs little
};

/// A node that may be chosen, as far as the asker knows.
struct candidate {
  seat_id seat;
  node_uuid node;
  std::string name;
  bool draining = false;
  node_capacity capacity;
  node_capacity free;
  std::uint32_t replicas = 0; // of the environment that is to be placed
  std::uint32_t load = 0;     // roles, replicas: whatever is to be even
};

struct demand {
  std::string key;       // what is placed: decides among equals
  node_capacity needs;   // none for a role
  cluster::strategy how = strategy::spread;
  node_uuid preferred{}; // near the caller, or where it is warm; none: nowhere
};

struct choice {
  seat_id seat;
  node_uuid node;
  std::string reason; // for a person
};

/// None when no candidate has room; `why_not` says then what is missing.
std::optional<choice> place(const demand& what, const std::vector<candidate>& candidates);

/// One sentence.
std::string why_not(const demand& what, const std::vector<candidate>& candidates);

/// Rendezvous hashing (Thaler, Ravishankar 1996): the node with the highest weight for a key has it; when a node comes or
/// goes, only what is its own moves. The hash is `hash_of_sequence` of the key and the node's id.
std::uint64_t rendezvous_weight(std::string_view key, node_uuid node) noexcept;

} // namespace hearth::cluster
