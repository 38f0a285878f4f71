#pragma once

#include "cluster/controller.hpp"
#include "tests/sim/cluster_words.hpp"
#include "tests/sim/world.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>

/// What must never happen to a cluster, told by somebody who sees all nodes at once. Numbers of invariants are those of the
/// design: I1 to I10, I19.
namespace hearth::sim {

class cluster_oracle {
public:
  // -- the control log ----
  /// An entry was applied somewhere; `state` is the state behind it. True: nobody had applied it before.
  bool applied(instant now, const cluster::effects::applied& what, const cluster::control_state& state);
  /// I1: states that have applied the same are the same.
  void compare(const cluster::control_state& state);
  /// I1: one leader per term.
  void leads(std::size_t node, std::uint32_t generation, std::uint64_t term);
  /// I2: what somebody was told of has been decided.
  void answered(cluster::log_index index);
  cluster::log_index answered() const noexcept { return answered_; }
  cluster::log_index seen() const noexcept { return seen_; }
  std::size_t renewals() const noexcept { return renewals_; }

  /// "n2"; for chronicles.
  std::string holder(seat_id seat) const;

  // -- owners ----
  /// I5: a node acts as the owner, with a lease.
  void acts(std::size_t node, const std::string& key, hearth::epoch epoch) const;
  /// I4: a node does what the owner of this epoch wants. `process` is another one after each start.
  void admits(std::size_t node, unsigned process, const std::string& key, hearth::epoch epoch);

  // -- runs ----
  void submitted(std::uint64_t run, std::uint32_t lost) { at_most_once_.emplace(run, lost == 0); }
  void accepted(std::uint64_t run) { accepted_.insert(run); }
  std::size_t accepted() const noexcept { return accepted_.size(); }
  /// I9: the root call of a run begins.
  void starts(std::uint64_t run);
  std::uint32_t started(std::uint64_t run) const;
  void recorded(std::size_t home, child_name child, instant now) { records_[{home, child}] = now; }
  /// The home of a run makes its root call, and cares for no earlier one any more.
  void makes_call(std::uint64_t run, std::uint32_t call) { calls_[run] = call; }
  /// A child runs in this root call, which began at `begun`; `excused`: its home could not be asked.
  void child_runs(std::size_t home, child_name child, std::uint32_t call, instant begun, bool excused);
  std::uint64_t child_runs() const noexcept { return child_runs_; }
  std::uint64_t children_replayed = 0;

  /// What is wrong in a cluster that has had time to end everything; empty: nothing.
  std::string unfinished(const cluster::control_state& state) const;

  static std::string name_of(std::uint64_t run) { return "r" + std::to_string(run); }
  static std::uint64_t run_of(const std::string& name) { return std::stoull(name.substr(1)); }
  static std::uint32_t children_of(std::uint64_t run) { return static_cast<std::uint32_t>(run % 4); }
  static std::string child_value(child_name child) {
    return std::to_string(child.first) + "." + std::to_string(child.second);
  }
  /// f(input): what the run returns.
  static std::string value_of(std::uint64_t run);

private:
  struct ownership {
    seat_id owner;
    hearth::epoch epoch;
  };
  struct place {
    seat_id home;
    std::uint32_t attempt = 0;
  };

  void on(const cluster::facts::seat_began& what, const cluster::effects::applied& entry);
  void on(const cluster::facts::owner_changed& what, const cluster::effects::applied& entry, instant now);
  void check_runs(instant now, const cluster::effects::applied& what);
  void check_end(const std::string& name, const cluster::control_state& state);
  void check_members(instant now, const cluster::effects::applied& what, const cluster::control_state& state);
  bool could_avoid(seat_id seat, instant now) const;

  cluster::log_index seen_ = 0; // entries up to here were looked at
  cluster::log_index answered_ = 0;
  std::uint64_t cluster_time_ms_ = 0;
  std::size_t renewals_ = 0;
  std::map<cluster::log_index, std::uint64_t> entries_, digests_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::size_t> leaders_;

  std::map<std::string, ownership> owners_;
  std::map<std::pair<std::string, hearth::epoch>, seat_id> grants_;
  std::map<std::pair<std::size_t, std::string>, std::pair<unsigned, hearth::epoch>>
    fences_;                                       // node, key: process, highest
  std::map<seat_id, node_uuid> seats_, all_seats_; // those that are there; all that ever were
  std::set<seat_id> left_;                         // seats that ended although their node was there
  std::map<node_uuid, std::pair<std::uint64_t, std::uint64_t>> incarnations_; // and nonces
  std::map<node_uuid, instant> drained_;                                      // since
  std::set<node_uuid> removed_;
  std::map<node_uuid, instant> seated_; // since

  std::map<std::uint64_t, bool> at_most_once_;
  std::set<std::uint64_t> accepted_;
  std::map<std::uint64_t, std::uint32_t> starts_, calls_;
  std::map<std::uint64_t, place> places_;
  std::map<std::uint64_t, std::string> ends_; // their bytes
  std::map<std::pair<std::size_t, child_name>, instant> records_;
  std::uint64_t child_runs_ = 0;
};

} // namespace hearth::sim
