#pragma once

#include "actors/control.hpp"
#include "actors/interfaces.hpp"

#include <string>
#include <vector>

namespace hearth {

/// A SUPERVISOR as the replicas of this node see it, when it lives on another node.
using absent_owner_actor = supervisor_actor::extend<
  // From the AGENT: that node is gone.
  caf::reacts_to<atom::down>>;

struct absent_owner_config {
  std::string key;
  hearth::epoch owner_epoch;
  node_uuid node; // of the supervisor
  switchboard_actor switchboard;
};

/// The ABSENT OWNER stands on the node of a replica for a supervisor on another one: what replicas tell it goes there. It is
/// one ownership: a new owner, and the same one after its node was gone, has another stand-in.
///
/// Spawned by: the AGENT, with the first order of an ownership or when that ownership adopts what is here.
/// Monitors:   nobody.
/// Dies:       when the AGENT says `halt`, because it has no replicas any more; some time after its node was gone. Replicas that
///             no new owner has taken until then end with it.
class absent_owner_state {
public:
  static inline const char* name = "absent owner";

  absent_owner_actor::behavior_type make_behavior(absent_owner_actor::pointer self, absent_owner_config config);

private:
  void tell(replica::events& events);
  void hand_over(std::vector<adoptable>& found, bool are_all);
  void refuse(const std::vector<call>& calls);
  void say(link::message message);

  absent_owner_actor::pointer self_ = nullptr;
  absent_owner_config config_;
  bool is_gone_ = false;
  bool gathers_ = true; // those that are idle now go in one message, also when there are none
  std::vector<link::adopted::item> gathered_;
};

} // namespace hearth
