#pragma once

#include "actors/handles.hpp"
#include "actors/interfaces.hpp"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth {

/// The REPLICA is the mailbox of one warm interpreter: it gives each call a slot, hands it over, sends results straight to
/// the callers, and speaks for the tasks that run inside when they call other tasks.
///
/// Spawned by: the AGENT of the node where the interpreter runs.
/// Monitors:   its INTERPRETER, its SUPERVISOR and those of its open child calls.
/// Dies:       when the interpreter is gone (its last word is `lost` or `start_failed`), or with its supervisor, unless another
///             one has taken it over before.
/// States:     starting -> idle <-> busy -> draining -> dead
struct replica_config {
  replica_order order;
  supervisor_actor supervisor;
  agent_actor agent;
  logs_actor logs;                     // output outside of calls
  std::shared_ptr<std::uint64_t> load; // calls that run on the node; may be empty
};

class replica_state {
public:
  static inline const char* name = "replica";

  replica_actor::behavior_type make_behavior(replica_actor::pointer self, replica_config config);

private:
  /// A call in the interpreter; its index is its word in the slot table.
  struct use {
    dispatched_call call;
    bool in_use = false;
    bool stopping = false;
  };

  struct child {
    supervisor_actor supervisor;
    std::uint32_t parent_slot = 0;
    std::unique_ptr<call> waiting; // not made yet: its run's record is asked first
  };

  // From the foundry and the supervisor.
  void attach(const interpreter_actor& door, const attachment& how);
  void fail_start(failure why);
  void dispatch(std::vector<dispatched_call>& calls);
  void recall(const std::vector<ticket>& calls);
  void cancel(ticket id);
  void grant(call_id id, std::uint64_t size);
  void pass_on(input_part& part);
  void retire(bool at_once, const std::string& reason);
  void tick(ticket id);
  bool change_owner(const supervisor_actor& to);
  void announce_if_idle();
  adoptable announcement() const;
  void supervisor_down(const caf::actor_addr& which);

  // From the interpreter.
  void take(interpreter::hello& e);
  void take(interpreter::outcome& e);
  void take(interpreter::child_call& e);
  void take(interpreter::child_cancel& e);
  void take(interpreter::part& e);
  void take(interpreter::wanted& e);
  void take(interpreter::parked& e);
  void take(interpreter::resumed& e);
  void take(interpreter::recalled& e);
  void take(interpreter::open_environment& e);
  void take(interpreter::output& e);
  void take(interpreter::memory& e);
  void take(interpreter::gone& e);

  // From supervisors of child calls.
  void forward(std::vector<call_reply>& replies);
  void child_supervisor_down(const caf::down_msg& down);

  // Of a parent in a run that runs again.
  void look_up(child& open, call&& what);
  void seek(call_id id, const call& what);
  void found(std::vector<found_child>& children);
  void give_up(const std::vector<call_id>& ids);
  void invoke_waiting(child& open);
  void flush_records();

  use* at(std::uint32_t slot);
  void free_slot(std::uint32_t slot);
  void count_load(std::int64_t by);
  void cancel_children_of(std::uint32_t slot);
  void answer_child(call_id id, failure why);
  void end_if_drained();
  bool runs_stop_hooks() const;
  std::string hint_of_hooks() const;
  void flush();
  void quit();

  replica_actor::pointer self_ = nullptr;
  replica_config config_;
  instant born_;
  interpreter_actor door_;
  attachment how_;
  bool ready_ = false;
  std::uint32_t pid_ = 0;
  nanoseconds start_{0};
  instant attached_;            // its process is there
  nanoseconds init_{0};         // from then until it was ready
  bool is_handed_over_ = false; // the new supervisor hears of it when nothing of the former one's runs any more
  supervisor_actor former_;     // until then it hears of what runs; empty: it has ended
  bool draining_ = false;
  std::vector<use> uses_;
  std::vector<std::uint32_t> free_;
  std::size_t in_use_ = 0;
  std::unordered_map<call_id, std::uint32_t> slot_of_call_;
  std::unordered_map<ticket, std::uint32_t> slot_of_ticket_;
  std::unordered_map<call_id, child> children_;
  // Children in runs that were cancelled with their parent and are not answered yet: the parent's next attempt makes calls
  // with the same ids, which wait for that.
  std::unordered_map<call_id, caf::actor_addr> leaving_;
  handle_table handles_;

  // Of the message being handled.
  std::vector<std::pair<caf::strong_actor_ptr, std::vector<reply_part>>> parts_;
  std::vector<std::pair<caf::strong_actor_ptr, std::vector<call_reply>>> replies_;
  std::vector<std::pair<caf::strong_actor_ptr, std::vector<log_text>>> output_;
  std::vector<std::pair<supervisor_actor, std::vector<call>>> child_calls_;
  std::vector<std::pair<supervisor_actor, std::vector<cancellation>>> child_cancels_;
  std::vector<call_reply> child_replies_;
  std::vector<std::pair<std::pair<caf::strong_actor_ptr, call_id>, std::vector<call_id>>> seeks_; // recorder and root
  std::vector<std::pair<caf::strong_actor_ptr, std::vector<finished_child>>> records_;
  std::vector<log_text> unattributed_;
  replica::events told_;
};

} // namespace hearth
