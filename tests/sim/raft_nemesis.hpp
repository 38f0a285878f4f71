#pragma once

#include "tests/sim/raft_world.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace hearth::sim {

/// Hurts nodes, links and disks at random; each seed uses some of the ways only, so that each has the stage to itself in
/// some of the runs.
class raft_nemesis {
public:
  explicit raft_nemesis(raft_world& where);
  raft_nemesis(const raft_nemesis&) = delete;
  raft_nemesis& operator=(const raft_nemesis&) = delete;

  void start();
  /// No more faults, but for the links and nodes outside of `healthy`, which stay as chance has it.
  void rest(const std::vector<std::size_t>& healthy);

private:
  void strike();
  void isolate();
  void split();
  void cut_one_way();
  void bridge();
  void cut_pair();
  void mend();
  void crash();
  void crash(std::size_t node);
  void crash_all();
  void freeze();
  void slow_disk();
  void swizzle_clog();
  void lose();
  void change_voters();
  void move_leader();
  std::size_t any() { return random_.below(world_.size()); }
  /// Often the leader: it is the one that is worth hurting.
  std::size_t victim();

  raft_world& world_;
  chance random_;
  bool resting_ = false;
  instant pace_;
  std::vector<void (raft_nemesis::*)()> ways_;
};

} // namespace hearth::sim
