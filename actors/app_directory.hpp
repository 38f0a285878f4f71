#pragma once

#include "actors/app_table.hpp"
#include "actors/control.hpp"
#include "actors/interfaces.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <set>
#include <string>

namespace hearth {

/// The APP DIRECTORY of a node knows the apps of the whole cluster: it keeps the table by which requests find theirs, and sees
/// to it that apps which want replicas without being asked have an owner.
///
/// Spawned by: the node, once.
/// Monitors:   nobody.
/// Dies:       with the node.
using app_directory_actor = app_lister_actor::extend<
  // Facts from CONTROL.
  caf::reacts_to<atom::events, control::facts>,
  // INTERNAL: look again whether every app has what it wants.
  caf::reacts_to<atom::tick>>;

struct app_directory_config {
  std::shared_ptr<app_table> table; // read by others on the same loop
  control_actor control;
  agent_actor agent;
  std::function<spec_ptr(const bytes&)> decode_spec;
};

class app_directory_state {
public:
  static inline const char* name = "app directory";

  app_directory_actor::behavior_type make_behavior(app_directory_actor::pointer self, app_directory_config config);

private:
  void take(const control::facts& facts);
  void take(const control::deployed_changed& fact);
  caf::result<spec_ptr> find(const std::string& key) const;
  void look();
  void look_soon();
  void open(const spec_ptr& spec);
  caf::result<std::vector<app_part>> list();

  app_directory_actor::pointer self_ = nullptr;
  app_directory_config config_;
  bool holds_ = false;           // the node may act for the cluster
  std::set<std::string> opened_; // keys of what was opened here or is being opened
  bool is_looking_ = false;      // a tick is on its way
};

} // namespace hearth
