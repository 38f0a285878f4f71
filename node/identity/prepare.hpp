#pragma once

#include "node/identity/cluster_file.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// State directories become members of a cluster. For commands: everything here blocks on disks, claims the directories for as
/// long as it works, so that no node runs in them, and throws start_error.
namespace hearth::node {

struct new_member {
  std::filesystem::path state_directory;
  std::string name;                   // 1 to 63 visible characters
  std::optional<link_address> listen; // none: a free port of the loopback interface
};

/// Makes a cluster of these members, in the order in which they are named; the first `voters` vote. Each has the authority's
/// key: whoever can read one of the directories can read them all. Refuses directories that belong to a cluster already.
std::vector<cluster_file> prepare_cluster(std::string_view cluster_name, std::vector<new_member> members,
                                          std::size_t voters);

/// What joining did.
struct joined {
  cluster_file file;
  std::filesystem::path set_aside; // the control log that the node had alone; empty: there was none
};

/// Asks the member that the token names for a certificate, and makes the directory a member of its cluster. What the node did
/// while it was alone is set aside, since it is no part of that cluster's log.
joined join(const new_member& who, std::string_view token);

/// Makes the control log in the state directory from a backup (control_store::restore).
void restore_control(const std::filesystem::path& state_directory, const std::filesystem::path& backup);

} // namespace hearth::node
