#pragma once

#include "actors/control.hpp"
#include "core/defaults.hpp"

#include <caf/actor_addr.hpp>

#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth {

/// An action that has not ended: who can cancel it.
struct open_action {
  caf::actor_addr supervisor;            // or the SWITCHBOARD, when it is far
  std::shared_ptr<const far_action> far; // set: another node owns its environment
};

/// What a node knows of one run: what the control log decided, and, on its home, what happened to its actions.
struct run_entry {
  durable_run_ptr durable;
  run_row row;
  std::vector<action_row> actions;                // the first `run_actions_kept`
  std::unordered_map<call_id, std::size_t> index; // of those
  std::unordered_map<call_id, open_action> open_actions;

  bool ended() const { return durable->end.has_value(); }
  call_id root() const { return durable->submitted.root; }
  const std::string& name() const { return durable->submitted.name; }
};

/// The runs of the cluster, as one node lists them. Pure; not thread-safe. Entries stay where they are until they are
/// forgotten.
class run_book {
public:
  /// Of the newest so many ended runs the actions are kept, and what is reported late is still counted.
  explicit run_book(std::size_t actions_of_ended_max = defaults::runs_kept) : actions_of_ended_(actions_of_ended_max) {}

  /// Adds the run, or brings it up to date.
  run_entry& put(durable_run_ptr run);
  void forget(call_id root);

  /// Null when there is none.
  run_entry* find(const std::string& name);
  run_entry* find(call_id root);
  /// By its name, or by the id of its root in hex.
  run_entry* find_either(const std::string& name_or_root);

  /// Newest first.
  std::vector<run_entry*> newest(std::size_t limit);

  /// The first of the run's actions, as listings show them: in a run that has ended none runs, whatever was reported.
  static std::vector<action_row> actions(const run_entry& run, std::size_t limit);

  /// Its home is elsewhere now, and what happened here is not what happens there.
  static void forget_actions(run_entry& run);

  /// How many have not ended.
  std::size_t open_count() const { return open_; }

  /// Counts the event into the run's actions, unless it is about one that has ended: whatever is reported later, an end is
  /// final.
  static void count(run_entry& run, action_event& e);

private:
  void settle(run_entry& run);

  const std::size_t actions_of_ended_;
  std::size_t open_ = 0;
  std::list<run_entry> entries_; // in the order in which they were accepted
  std::unordered_map<std::string, std::list<run_entry>::iterator> by_name_;
  std::unordered_map<call_id, std::list<run_entry>::iterator> by_root_;
  std::deque<call_id> ended_; // whose actions are kept
};

} // namespace hearth
