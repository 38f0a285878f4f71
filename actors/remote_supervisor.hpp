#pragma once

#include "actors/control.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hearth {

/// The GATE stands for one environment of a cluster on a node that does not know where the environment's supervisor is, or
/// whether it stays there. It finds the owner, opens there what its users open, hands their calls on, and keeps each call
/// until it is answered: so a call survives its owner.
///
/// Spawned by: the AGENT of a node in a cluster, when somebody there opens the environment for the first time.
/// Monitors:   the AGENT, and the SUPERVISOR while this node is the owner.
/// Dies:       when the AGENT says `halt`; with the AGENT.
/// Promises:   every call taken is answered once. What came back as not begun (`stale_epoch`) goes to the next owner; what may
///             have begun there and is lost with it follows the loss rule of its task.
/// Bounds:     what is open elsewhere (bytes) and what waits (calls, bytes, time); beyond it roots are refused.
struct gate_config {
  std::string key; // "project/domain/name"
  node_uuid node;  // this one
  agent_actor agent;
  control_actor control;
  switchboard_actor switchboard;
};

class gate_state {
public:
  static inline const char* name = "gate";

  gate_actor::behavior_type make_behavior(gate_actor::pointer self, gate_config config);

private:
  /// Where a call was sent: to the owner of an epoch.
  struct place {
    node_uuid node;
    hearth::epoch epoch;
  };

  struct held {
    call what;
    instant came;             // its deadline counts from here
    instant waits_since;      // for an owner
    std::optional<place> at;  // none: it waits
    std::uint32_t lost = 0;   // executions that may have begun and of which nothing is known
    instant sure_at{};        // its answer was surely not lost by then
    std::uint8_t asked = 0;   // how often it has been asked after since there is doubt
    bool is_suspect = false;  // its answer may have been lost
    bool was_missing = false; // its owner did not know of it when it was asked
    bool was_refused = false; // by an owner that is none, or not yet
  };

  struct version {
    spec_ptr spec;
    bool deploy = false;   // the one that stays warm
    bool is_open = false;  // at the present owner
    bool is_asked = false; // it is being opened there
    bool is_news = false;  // somebody opened it, and the owner has not heard of that
    instant since;         // the oldest of these wait
    std::vector<caf::typed_response_promise<bool>> waiting;
  };

  /// A supervisor of this node that owned the environment and may still run calls.
  struct former {
    supervisor_actor supervisor;
    hearth::epoch epoch;
  };

  // -- from users ----
  void invoke(std::vector<call>& calls);
  void cancel(std::vector<cancellation>& what);
  caf::result<bool> open(const spec_ptr& spec, bool deploy);
  void stop(milliseconds grace);
  failure refusal_of(const call& c) const;
  version& version_of(const spec_ptr& spec);
  std::vector<call_id> open_of(const caller_actor& caller, const std::vector<call_id>& asked) const;

  // -- from the owner and the cluster ----
  void replied(std::vector<call_reply>& replies);
  void owned(const ownership& now);
  void leave_owner();
  void node_up(node_uuid node);
  void node_down(node_uuid node, const std::string& why);
  void missing(hearth::epoch epoch, const std::vector<call_id>& calls, const std::string& why);
  void down(const caf::down_msg& which);

  // -- what to do next ----
  void settle();
  bool is_reachable(node_uuid node) const { return node == config_.node || up_.contains(node); }
  bool has_owner() const { return owner_.node && is_reachable(owner_.node) && !retry_at_; }
  bool has_work() const;
  void look_for_owner();
  void open_versions();
  void open_at_owner(version& v);
  void opened(const std::string& version_name, hearth::epoch at, bool is_new);
  void not_opened(const std::string& version_name, hearth::epoch at, failure why);
  void retry_later();
  void hand_on();
  void hand_on(std::deque<call_id>& waiting, std::vector<call>& here, std::vector<link::call>& there);
  void hand_over(held& h, std::vector<call>& here, std::vector<link::call>& there);
  void wait_again(held& h);
  void suspect(held& h);
  void doubt();
  void probe();
  void probe_here(hearth::epoch epoch, const std::vector<call_id>& calls);
  void give_up_waiting();
  void lose(call_id id, const std::string& why);
  void answer(call_id id, ec code, const std::string& text);
  void finish(call_id id, call_reply reply);
  void abort_all();
  void arm();
  void flush();
  void tell_drained();
  failure no_owner() const;
  supervisor_actor supervisor_of(hearth::epoch epoch) const;

  /// The calls at an owner for which `match(place, held)` holds.
  template <class Match>
  std::vector<call_id> sent(Match match) const {
    std::vector<call_id> found;
    for (const auto& [id, h] : calls_)
      if (h.at && match(*h.at, h))
        found.push_back(id);
    std::sort(found.begin(), found.end()); // so that the same history has the same effects
    return found;
  }

  instant now() const { return self_->clock().now(); }

  gate_actor::pointer self_ = nullptr;
  gate_config config_;
  std::unordered_map<call_id, held> calls_;
  // What waits, in the order in which it goes; ids of answered calls are passed over. Children go first.
  std::deque<call_id> waiting_roots_, waiting_children_;
  std::size_t waiting_ = 0;
  std::uint64_t waiting_bytes_ = 0;
  std::uint64_t open_bytes_ = 0; // of calls at an owner on another node
  std::map<std::string, version> versions_;

  ownership owner_;       // without a node: not known, or nobody
  hearth::epoch newest_;  // epoch heard of
  supervisor_actor here_; // the supervisor, while this node is the owner and something is open
  std::vector<former> formers_;
  std::set<node_uuid> up_; // nodes that can be spoken to
  bool is_asking_ = false; // the CONTROL, who owns it
  std::optional<instant> retry_at_;
  std::optional<instant> probe_at_;
  std::optional<instant> doubt_at_;
  std::optional<instant> unreachable_since_; // the owner
  std::string why_not_;                      // the last reason for having no owner
  std::optional<instant> armed_;
  std::optional<instant> stop_at_;
  bool aborted_ = false;
  bool drained_ = false;

  // Of the message being handled.
  std::vector<std::pair<caller_actor, std::vector<call_reply>>> replies_;
  std::vector<cancellation> cancels_;
};

} // namespace hearth
