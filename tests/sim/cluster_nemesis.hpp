#pragma once

#include "tests/sim/cluster_world.hpp"

#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace hearth::sim {

/// Hurts nodes, links and disks at random, and does what operators do at bad moments; each seed uses some of the ways only,
/// so that each has the stage to itself in some of the runs.
class cluster_nemesis {
public:
  explicit cluster_nemesis(cluster_world& where);
  cluster_nemesis(const cluster_nemesis&) = delete;
  cluster_nemesis& operator=(const cluster_nemesis&) = delete;

  void start();
  /// No more faults, but for the nodes outside of `healthy`: each of them is down, cut off, deaf or dumb.
  void rest(const std::vector<std::size_t>& healthy);
  /// It is of no use to anybody any more.
  bool removed(std::size_t node) const { return removed_.contains(node); }

private:
  using way = void (cluster_nemesis::*)();

  void strike();
  void isolate();
  void split();
  void deafen();
  void starve();
  void bridge();
  void cut_pair();
  void mend();
  void crash();
  void crash_all();
  void freeze();
  void block_work();
  void slow_disk();
  void clog();
  void lose();
  void leave();
  void drain();
  void remove();
  void change_voters();
  void put_old_copy();
  void crash(std::size_t node, instant away);
  void restart(std::size_t node);
  bool votes(std::size_t node) const;
  std::size_t any() { return random_.below(world_.size()); }
  /// Often the leader: it is the one that is worth hurting.
  std::size_t victim();

  cluster_world& world_;
  chance random_;
  bool resting_ = false;
  instant pace_{0};
  std::vector<way> ways_;
  std::set<std::size_t> removed_;
};

} // namespace hearth::sim
