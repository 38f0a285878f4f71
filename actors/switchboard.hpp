#pragma once

#include "actors/caller_numbers.hpp"
#include "actors/control.hpp"
#include "core/defaults.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hearth {

/// The SWITCHBOARD connects the actors of this node with those of others: it numbers callers, knows the environments that
/// this node owns for others to call, puts and answers questions, and tells who depends on it that a node comes or goes.
///
/// Spawned by: a node of a cluster, once.
/// Monitors:   its PEERs (the end of one is the end of that link), numbered callers, REMOTE CALLERs, GATEs and the
///             SUPERVISORs that other nodes use.
/// Dies:       with the node.
/// Bounds:     questions without an answer, per node; versions of an environment that is served; callers kept in vain.
struct switchboard_config {
  node_uuid node; // this one
  control_actor control;
};

class switchboard_state {
public:
  static inline const char* name = "switchboard";

  switchboard_actor::behavior_type make_behavior(switchboard_actor::pointer self, switchboard_config config);

  /// Replies and output for callers that are not there any more.
  std::uint64_t late() const { return late_; }
  std::size_t exported() const { return exports_.size(); }
  std::size_t imported() const { return imports_.size(); }

private:
  struct link_to {
    peer_actor door;
    std::uint64_t incarnation = 0;
    link::messages said; // in this turn
  };

  /// An environment of this node that others use.
  struct served {
    supervisor_actor supervisor;
    hearth::epoch epoch;
    std::map<std::string, spec_ptr> versions;
    std::deque<std::string> order; // of those, oldest first
    std::set<node_uuid> users;
  };

  struct question {
    node_uuid node;
    std::function<void(link::answer)> done;    // with an error: it failed; or
    std::function<void(failure, bool)> opened; // when it was to open an environment: whether that is new there
  };

  using answerer = std::function<void(link::answer)>;

  // -- links ----
  void node_up(node_uuid node, std::uint64_t incarnation, const peer_actor& door);
  void node_down(node_uuid node, const std::string& why);
  void down(const caf::down_msg& which);
  void say(node_uuid node, link::message what);
  void flush();
  void undelivered(const link::message& what);
  void undelivered(const link::invoke& what);
  void answer_not_there(const link::sought& what);

  // -- callers ----
  void number(link::caller_ref& whom);
  void resolve(link::caller_ref& whom);
  recorder_actor recorder(std::uint64_t number) const;

  // -- what another node said ----
  void hear(node_uuid from, link::messages& what);
  void take(node_uuid from, link::open_environment& what);
  void take(node_uuid from, link::opened& what);
  void take(node_uuid from, link::invoke& what);
  void take(node_uuid from, link::cancel& what);
  void take(node_uuid from, link::probe& what);
  void take(node_uuid from, link::strays& what);
  void take(node_uuid from, link::replies& what);
  void take(node_uuid from, link::logged& what);
  void take(node_uuid from, link::parts& what);
  void take(node_uuid from, link::more& what);
  void take(node_uuid from, link::input& what);
  void take(node_uuid from, link::recorded& what);
  void take(node_uuid from, link::sought& what);
  void take(node_uuid from, link::found& what);
  void take(node_uuid from, link::acted& what);
  void take(node_uuid from, link::ask& what);
  void take(node_uuid from, link::answer& what);
  template <class OfReplicas>
  void take(node_uuid, OfReplicas& what) {
    of_replicas_.emplace_back(std::move(what));
  }

  // -- what the control log says ----
  void learn(control::facts& facts);
  void take(control::member_changed& fact);
  void take(control::owner_changed& fact);
  void take(control::standing& fact);
  template <class OfRuns>
  void take(OfRuns&) {}
  bool owns(const std::string& key, hearth::epoch epoch) const;
  void disown(const std::string& key);
  void stop_serving(const std::string& key, const std::string& why);
  void serve(node_uuid user, const link::open_environment& what, const opened_environment& found);

  // -- questions ----
  std::uint64_t put(question what, milliseconds patience);
  failure obstacle_to(node_uuid node) const;
  void settle(std::uint64_t request, link::answer what, bool is_new = false);
  caf::result<bool> open_at(node_uuid node, link::open_environment& what);
  void ask(node_uuid node, link::ask what, milliseconds patience, answerer done);
  void ask_all(const link::ask& what, milliseconds patience, const std::function<void(link::member_answers)>& done);
  void respond(link::ask what, const answerer& done);
  bool respond_with_rows(const link::ask& what, const answerer& done);
  bool respond_about_runs(const link::ask& what, const answerer& done);
  void respond_with_logs(const link::ask& what, const answerer& done);
  void respond_with_record(const link::ask& what, const answerer& done);
  std::string name_of(node_uuid node) const;

  switchboard_actor::pointer self_ = nullptr;
  switchboard_config config_;
  node_parts parts_;
  std::map<node_uuid, link_to> links_;
  bool flush_is_coming_ = false;
  exported_callers exports_;
  imported_callers imports_{defaults::remote_callers_kept};
  std::uint64_t late_ = 0;
  std::map<std::string, served> served_;    // by key
  std::map<std::string, ownership> owners_; // by key
  std::map<std::string, gate_actor> gates_; // by key
  std::map<node_uuid, member_row> members_;
  bool holds_ = false; // this node may act for the cluster
  std::uint64_t last_question_ = 0;
  std::map<std::uint64_t, question> questions_;
  link::messages of_replicas_; // of the message being handled
};

} // namespace hearth
