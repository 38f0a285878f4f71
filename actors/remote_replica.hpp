#pragma once

#include "actors/control.hpp"
#include "actors/interfaces.hpp"

#include <set>
#include <string>

namespace hearth {

/// A REPLICA as its supervisor sees it, when its interpreter runs on another node.
using remote_replica_actor = replica_actor::extend<
  // From the AGENT: what the node of the replica says of it.
  caf::reacts_to<atom::events, replica::events>,
  // From the AGENT: that node is gone, with the reason.
  caf::reacts_to<atom::down, std::string>>;

struct remote_replica_config {
  replica_id id;
  epoch owner_epoch; // of the supervisor
  node_uuid node;    // where it runs
  std::string node_name;
  supervisor_actor supervisor;
  switchboard_actor switchboard;
  bool is_ready = false; // it was another owner's and is adopted
};

/// The REMOTE REPLICA stands on the owner's node for a replica on another one: what its supervisor says becomes messages of
/// the link, and what the other node says becomes its events. It knows which calls are there, because a node that is lost
/// cannot tell: all of them may have begun.
///
/// Spawned by: the AGENT of the owner's node, when it orders a replica from another node or adopts one there.
/// Monitors:   its SUPERVISOR.
/// Dies:       with the replica or its node (its last word is `lost` or `start_failed`, unless it is still to start: then the
///             AGENT orders elsewhere), and with its supervisor. One that failed has its replica ended; one that was disowned
///             leaves it to the next owner.
class remote_replica_state {
public:
  static inline const char* name = "remote replica";

  remote_replica_actor::behavior_type make_behavior(remote_replica_actor::pointer self, remote_replica_config config);

private:
  void dispatch(std::vector<dispatched_call>& calls);
  void take(replica::events& events);
  void node_down(const std::string& reason);
  template <class Message>
  void say(Message&& message);

  remote_replica_actor::pointer self_ = nullptr;
  remote_replica_config config_;
  std::set<ticket> held_; // dispatched, and not known to have ended
  bool ended_ = false;    // of the events being taken: one was the last
};

} // namespace hearth
