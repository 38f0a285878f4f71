#pragma once

#include "core/ids.hpp"

#include <string_view>
#include <vector>

namespace hearth::cluster {

/// The nodes that hold copies of what `key` names: of `nodes` the `copies` with the highest weights, the highest first.
/// Rendezvous hashing (Thaler and Ravishankar 1998, "Using name-based mappings to increase hit rates"): a node that comes or
/// goes moves only what it holds. Pure.
std::vector<node_uuid> holders_of(std::string_view key, const std::vector<node_uuid>& nodes, std::size_t copies);

} // namespace hearth::cluster
