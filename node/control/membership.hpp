#pragma once

#include "actors/controller.hpp"
#include "node/control/control_loop.hpp"
#include "node/control/links.hpp"
#include "node/control/registrar.hpp"
#include "node/gateway/client_desk.hpp"
#include "node/loop/loop.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hearth::node {

struct membership_config {
  std::filesystem::path state_directory;
  std::string name;
  cluster::node_capacity capacity;
  writer* disk = nullptr; // for what joins; outlives the membership's actors
  /// Tests of upgrades: the node announces itself as of a Hearth by so many versions newer.
  std::uint32_t versions_ahead = 0;
};

/// A node's part in its cluster: its identity, the control plane, and the links to other nodes. A node alone is a cluster of
/// one, without links. Work loop's thread only.
class membership {
public:
  /// Opens the control log. Throws start_error. `loop` outlives it.
  membership(work_loop& loop, membership_config config);

  node_uuid self() const noexcept { return self_; }
  /// The CONTROLLER; it hears nothing before `start`.
  const controller_actor& controller() const noexcept { return controller_; }

  /// Of a cluster of several nodes; empty: the node is alone.
  const switchboard_actor& switchboard() const noexcept { return switchboard_; }

  /// What the sessions of operators need. With an empty name: the node is alone.
  session_cluster for_sessions() const;

  /// How remote clients are served that were let in; before `start`. Without effect where the node is alone.
  void serve_clients(std::function<connection_actor(arrived, client_rights)> serve);

  /// Whose token for clients this is; a node alone has none.
  std::variant<client_rights, failure> judge(std::string_view secret) const;

  /// Begins to take part. `on_fatal` hears why the node cannot go on; `parts` are what other nodes may reach.
  void start(std::function<void(const failure&)> on_fatal, node_parts parts);

  /// The lease of this node.
  const std::shared_ptr<const lease_clock> lease() const noexcept { return lease_; }

  /// Leaves, with a word to the cluster where there is time for one.
  void stop(std::chrono::milliseconds patience);

  /// Actors to be ended with the node, and what they are to people.
  std::vector<std::pair<caf::actor, const char*>> actors() const;

private:
  control_config control_of(const membership_config& config);
  control_config control_alone(const membership_config& config) const;
  control_listener listener();
  void spawn_cluster_cast(writer& disk);
  void hear(const control::facts& facts);

  work_loop& loop_;
  node_uuid self_;
  std::function<void(const failure&)> on_fatal_;
  std::shared_ptr<lease_clock> lease_ = std::make_shared<lease_clock>();
  controller_actor controller_;
  switchboard_actor switchboard_;
  caf::actor member_watcher_;
  registrar_door registrar_;
  std::unique_ptr<join_desk> desk_;
  std::unique_ptr<client_desk> client_desk_;
  std::unique_ptr<cluster_links> links_;
  std::unique_ptr<control_loop> control_; // ends before the links
};

} // namespace hearth::node
