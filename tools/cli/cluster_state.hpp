#pragma once

#include "tools/cli/local_cluster.hpp"
#include "tools/cli/rows.hpp"
#include "tools/cli/table.hpp"
#include "tools/cli/target.hpp"

#include <optional>
#include <string>
#include <vector>

/// What is known of a cluster, from its nodes and from what is on this machine.
namespace hearth::cli {

struct cluster_view {
  std::string name;
  std::string asked;          // the node that answered, by its id; empty: none did
  std::string trouble;        // why the one that answered may not act for the cluster; empty: it may
  json nodes = json::array(); // name, id, address, state, voter, leader, draining, seat, replicas, memoryBytes, pid
};

/// What the node there says of its cluster; nothing when nobody listens there, it does not answer in time, or it belongs to
/// none (`why` says which).
std::optional<json> ask_cluster(const node_address& where, std::string& why);

/// Asks nodes one after another until one answers, and fills in what this machine knows of `local`: also when none does.
cluster_view look_at_cluster(const std::string& name, const std::vector<node_address>& nodes,
                             const std::optional<local_cluster>& local);

/// A line for each node. Pure.
table table_of(const cluster_view& view);

/// The same for programs. Pure.
json json_of(const cluster_view& view);

} // namespace hearth::cli
