#pragma once

#include "node/identity/authority.hpp"
#include "node/identity/cluster_file.hpp"
#include "node/identity/join_token.hpp"
#include "node/link/wire.hpp"

#include <chrono>
#include <filesystem>
#include <string>

namespace hearth::node {

/// A machine that wants to become a node: asks the member that the token names, which is known by the fingerprint of its
/// authority, for a certificate, and writes what it gets to `directory`. The key is made here and stays here. Blocks, at most
/// for defaults::join_timeout: for a command, not for a loop. Throws start_error: the member's own sentence when it refuses.
cluster_file join_cluster(const join_token& token, node_uuid node, const std::string& name, const link_address& listen,
                          const std::filesystem::path& directory,
                          std::chrono::milliseconds patience = defaults::join_timeout);

/// The other side: what a member that holds the authority's key answers to a request whose token was good. `own` is its own
/// cluster file. A refusal, when the request cannot be signed.
join_answer welcome(const authority& authority, const join_request& request, const cluster_file& own);

} // namespace hearth::node
