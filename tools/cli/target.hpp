#pragma once

#include "tools/cli/connection.hpp"
#include "tools/cli/surroundings.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The cluster that a user works with. Files below `$XDG_CONFIG_HOME/hearth` (else `~/.config/hearth`) say it, to this command
/// and to the SDK: `clusters/NAME.json` for each cluster that is known here, with the token where it is elsewhere, and `target`,
/// which names the one in use. Nobody else may read them.
namespace hearth::cli {

/// Where the link of a node listens when nobody has said otherwise.
inline constexpr std::uint16_t usual_link_port = 7400;

/// A member of a cluster elsewhere.
struct remote_member {
  std::string name, id;
  std::string address; // of its link, "host:port"

  bool operator==(const remote_member&) const = default;
};

struct cluster_target {
  std::string name;
  std::vector<std::string> sockets;           // of its nodes; any of them will do
  std::filesystem::path directory;            // where `hearth cluster up` made it; empty: it is not of this machine
  std::shared_ptr<const credentials> login{}; // of a cluster elsewhere, which has `members` instead of sockets
  std::vector<remote_member> members{};       // any of them will do

  std::vector<node_address> nodes() const;
};

/// Throws command_error when there is neither a home nor XDG_CONFIG_HOME.
std::filesystem::path config_directory(const variable_reader& variable);

/// The cluster of that name; nothing when it is not known here. Throws command_error for a file that makes no sense.
std::optional<cluster_target> find_target(const variable_reader& variable, const std::string& name);

/// The name of the cluster in use; nothing: the user's own node. Empty for a file that names none.
std::optional<std::string> name_in_use(const variable_reader& variable);

/// The cluster in use; nothing: the user's own node. Throws command_error when that is not known here.
std::optional<cluster_target> current_target(const variable_reader& variable);

/// Names of the clusters that are known here, in order.
std::vector<std::string> known_targets(const variable_reader& variable);

/// Remembers a cluster, and forgets one, which is then not in use either.
void keep_target(const variable_reader& variable, const cluster_target& target);
void forget_target(const variable_reader& variable, const std::string& name);

/// What commands and programs talk to from now on; none: the user's own node. Throws command_error (usage) for a name that is
/// not known.
void use_target(const variable_reader& variable, const std::optional<std::string>& name);

/// Fills in what `around` talks to: `socket` (--socket) or `cluster` (--cluster), else $HEARTH_SOCKET, $HEARTH_CLUSTER, the
/// cluster in use, the user's own node. Throws command_error (usage).
void choose_target(surroundings& around, const std::string& socket, const std::string& cluster);

/// How long one node of a cluster is waited for before another one is asked.
inline constexpr std::chrono::milliseconds node_patience{2000};

/// Whether a node that answers will do.
using node_choice = std::function<bool(connection&)>;

/// A connection to what `around` talks to: the node, or the first one of the cluster that answers and will do, beginning at
/// any; when none will do, one that answers. Throws command_error (no_node) that says how to start it.
connection open_node(const surroundings& around, const node_choice& will_do = {});

} // namespace hearth::cli
