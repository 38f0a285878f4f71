#pragma once

#include "core/ids.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

/// Which node gets a role that one node at a time has: an environment, or a run whose home is gone. Pure: the same question
/// has the same answer on every node. (Where replicas go is decided by the owner of their environment.)
namespace hearth::cluster {

/// A node that may be chosen.
struct candidate {
  seat_id seat; // none: it is not there
  node_uuid node;
  bool draining = false;
  std::uint32_t load = 0; // roles of the kind that is to be even
};

/// The seat of the node with the least load. `near`, where it is warm or called from (none: nowhere), is worth one unit of
/// it: locality makes no crowd. Among equals the one with the highest weight for `key`. None when nobody is there.
std::optional<seat_id> place(std::string_view key, node_uuid near, const std::vector<candidate>& candidates);

/// Rendezvous hashing (Thaler, Ravishankar 1996): the node with the highest weight for a key has it; when a node comes or
/// goes, only what is its own moves. The hash is `hash_of_sequence` of the key and the node's id.
std::uint64_t rendezvous_weight(std::string_view key, node_uuid node) noexcept;

} // namespace hearth::cluster
