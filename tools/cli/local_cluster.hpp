#pragma once

#include "tools/cli/surroundings.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// A cluster whose nodes are all processes of this user on this machine: what `hearth cluster up` makes.
///
///   <directory>/cluster.json     which nodes there are
///   <directory>/node-K/          the state directory of a node, hearthd.log in it
///   <directory>/node-K.sock      where it listens
namespace hearth::cli {

struct local_node {
  std::string name;
  std::string id;
  std::string address; // of its link
  std::filesystem::path directory;
  std::string socket;

  std::filesystem::path log() const { return directory / "hearthd.log"; }
};

struct local_cluster {
  std::string name;
  std::filesystem::path directory;
  std::vector<local_node> nodes;
};

/// How many of so many nodes vote: one, three or five.
std::size_t voters_of(std::size_t nodes);

/// Nothing when there is none in the directory. Throws command_error when its file makes no sense.
std::optional<local_cluster> read_local_cluster(const std::filesystem::path& directory);

/// Makes certificates and directories for `nodes` nodes; the cluster is there as a whole or not at all. Starts nothing. Throws
/// command_error.
local_cluster make_local_cluster(const surroundings& around, const std::string& name,
                                 const std::filesystem::path& directory, std::size_t nodes);

/// The daemon that uses the node's state directory; 0 when there is none. The pid that it left there counts only while the
/// process of that number is a hearthd of this directory.
pid_t daemon_of(const local_node& node);

/// Sends SIGTERM to the daemons of these nodes, waits so long for their end, then ends them with SIGKILL. How many it ended
/// so. Throws command_error when one does not even go then.
struct ended {
  std::size_t all = 0;
  std::size_t killed = 0;
};
ended end_daemons(const std::vector<local_node>& nodes, std::chrono::milliseconds grace);

} // namespace hearth::cli
