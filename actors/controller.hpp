#pragma once

#include "actors/control.hpp"
#include "cluster/control_state.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth {

namespace control {

/// Committed entries in their order; one without a command is only an index.
struct entry {
  cluster::log_index index = 0;
  std::optional<cluster::command> command;
};
using entries = std::vector<entry>;

/// The whole state at once: at the start, and when this node was too far behind for entries.
using image_ptr = std::shared_ptr<const cluster::control_image>;

/// What consensus knows that is in no entry.
struct consensus {
  bool has_lease = false;
  seat_id seat;        // that this process has taken; none: not yet, or lost
  node_uuid leader;    // none: unknown
  std::string why_not; // without a lease, for a person
};

} // namespace control

/// The CONTROLLER as its node's control loop sees it.
using controller_actor = control_actor::extend<
  caf::reacts_to<atom::attach, control::image_ptr>, caf::reacts_to<atom::append, control::entries>,
  caf::reacts_to<atom::status, control::consensus>,
  // The command that was submitted under this number has been decided, or what was to be read is known. Told after the
  // entries that belong to it.
  caf::reacts_to<atom::done, std::uint64_t, cluster::outcome>>;

/// The CONTROLLER applies the entries of the control log beside the actors that need to know, tells them what changed, and
/// takes their commands to the control loop. Its state is the same as that of every other node at the same index.
///
/// Spawned by: the node, once.
/// Monitors:   its watchers.
/// Dies:       with the node.
/// Promises:   every command is answered once, after the facts it led to.
struct controller_config {
  node_uuid self;
  std::vector<node_uuid> voters;
  /// Takes a command to the control loop, which answers under this number, in a bounded time. Does not block.
  std::function<void(std::uint64_t number, cluster::command)> submit;
  /// Has the control loop answer under this number when what was decided until now has been told, in a bounded time. Does not
  /// block.
  std::function<void(std::uint64_t number)> read;
};

class controller_state {
public:
  static inline const char* name = "controller";

  controller_actor::behavior_type make_behavior(controller_actor::pointer self, controller_config config);

private:
  using owner_promise = caf::typed_response_promise<ownership>;

  void attach(const control::image_ptr& image);
  void append(const control::entries& entries);
  void take(const cluster::fact& fact);
  void decided(std::uint64_t number, const cluster::outcome& outcome);
  caf::result<cluster::outcome> propose(const cluster::command& command);
  caf::result<cluster::outcome> read();
  caf::result<ownership> own(const std::string& key);
  caf::result<bytes> find(const std::string& key, const std::string& version);
  void watch(const control_watcher& watcher);
  std::vector<cluster::token_record> tokens() const;
  std::optional<control::deployed_changed> deployed_of(const std::string& key) const;
  control::generations_changed generations() const;
  control::cache_limits_changed cache_limits() const;
  control::facts everything() const;
  void tell(control::fact fact);
  void flush();
  void settle_standing();
  void refresh(const std::string& run_name);
  void forget(call_id root);
  member_row row_of(const cluster::member& member) const;
  ownership owner_of(const std::string& key) const;
  durable_run_ptr durable(const cluster::run_record& run) const;

  controller_actor::pointer self_ = nullptr;
  controller_config config_;
  std::optional<cluster::control_state> state_;
  control::consensus consensus_;
  control::standing standing_;
  std::unordered_map<call_id, durable_run_ptr> runs_; // as they were told
  std::vector<control_watcher> watchers_;
  control::facts news_; // not told yet
  std::uint64_t numbers_ = 0;
  std::map<std::uint64_t, caf::typed_response_promise<cluster::outcome>> proposed_; // and asked to read
  std::map<std::uint64_t, std::string> granted_;                                    // key
  std::map<std::string, std::vector<owner_promise>> owners_wanted_;
};

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::control::image_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::control::entries)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::control::consensus)
