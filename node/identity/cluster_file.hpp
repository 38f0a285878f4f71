#pragma once

#include "core/ids.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::node {

/// Where a node's link listens.
struct link_address {
  std::string host; // a name, or a number without brackets
  std::uint16_t port = 0;

  bool operator==(const link_address&) const = default;
};

/// "host:port", "[::1]:7400". Nothing when it is not written so.
std::optional<link_address> parse_link_address(std::string_view text);
std::string to_string(const link_address& address);

/// What a node knows of its cluster before it has heard from anybody: `cluster.toml`. The control log is what counts; this is
/// how a node finds it.
struct cluster_file {
  struct peer {
    node_uuid node;
    std::string name;
    link_address address;

    bool operator==(const peer&) const = default;
  };

  node_uuid cluster;
  std::string cluster_name;
  node_uuid node; // this one
  std::string name;
  link_address listen;
  std::vector<node_uuid> voters;
  std::vector<peer> peers; // without this node

  bool operator==(const cluster_file&) const = default;
};

/// TOML, with a line on what it is.
std::string to_toml(const cluster_file& file);

/// Throws std::invalid_argument with a sentence fragment that follows the file's name: "names two voters".
cluster_file cluster_file_from_toml(std::string_view text);

/// `directory`/cluster.toml; nothing when it does not exist. Throws start_error.
std::optional<cluster_file> read_cluster_file(const std::filesystem::path& directory);
void write_cluster_file(const std::filesystem::path& directory, const cluster_file& file);

} // namespace hearth::node
