#pragma once

#include "cluster/raft_types.hpp"
#include "node/wire/control_log_parts.hpp"
#include "schema/control_message.capnp.h"

#include <vector>

/// Messages of the consensus and their twin in schema/control_message.capnp, both ways. Pure; any thread.
namespace hearth::wire {

inline void fill(capnp::List<log::Id>::Builder into, const std::vector<node_uuid>& nodes) {
  for (std::uint32_t i = 0; i < into.size(); ++i)
    fill(into[i], nodes[i]);
}

inline std::vector<node_uuid> nodes_of(capnp::List<log::Id>::Reader from) {
  std::vector<node_uuid> result;
  for (auto node : from)
    result.push_back(node_of(node));
  return result;
}

void fill(log::RaftMessage::Builder into, const cluster::raft::message& message);

/// Throws kj::Exception when it is malformed or of a newer Hearth.
cluster::raft::message read_raft(log::RaftMessage::Reader from);

} // namespace hearth::wire
