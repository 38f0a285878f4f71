#pragma once

#include <memory>
#include <string>
#include <utility>

namespace hearth::cli {

/// What a client of a cluster elsewhere trusts, and what it shows.
struct credentials {
  std::string authority; // the cluster's own certificate, PEM
  std::string secret;    // of its token, 32 bytes
};

/// Where a node answers: a Unix socket of this machine, or a member's link.
struct node_address {
  node_address(std::string socket) : where(std::move(socket)) {} // NOLINT: a path is an address
  node_address(std::string link, std::string id, std::shared_ptr<const credentials> as)
    : where(std::move(link)), node(std::move(id)), shows(std::move(as)) {}

  bool is_remote() const noexcept { return shows != nullptr; }

  std::string where; // a path, or "host:port"
  std::string node;  // of a link: whose certificate it must show; empty: any node's of the cluster
  std::shared_ptr<const credentials> shows; // of a link
};

} // namespace hearth::cli
