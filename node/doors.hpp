#pragma once

#include "actors/cache_shelf.hpp"
#include "actors/capacity.hpp"
#include "actors/interfaces.hpp"
#include "actors/stores.hpp"
#include "node/interpreter/cgroup.hpp"
#include "node/loop/loop.hpp"
#include "node/settings.hpp"
#include "node/store/writer.hpp"

#include <caf/all.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hearth::node {

/// The interpreter of environments that name none.
std::string python_of(const settings& wanted);

/// The node's doors to its disk and to processes, with what they stand on.
class node_doors {
public:
  /// Claims the node's control groups, if it may make some, and opens the stores. `loop` outlives the doors.
  node_doors(work_loop& loop, const settings& wanted, const node_resources& resources, isolation level);

  const bundles_actor& bundles() const { return bundles_; }
  const logs_actor& logs() const { return logs_; }
  const blobs_actor& blobs() const { return blobs_; }
  const records_actor& records() const { return records_; }
  /// The results that this node keeps, to be read on the loop, and the door to the rest of it.
  const std::shared_ptr<cache_shelf>& shelf() const { return shelf_; }
  const cache_disk_actor& cache_disk() const { return cache_disk_; }
  const foundry_actor& foundry() const { return foundry_; }
  const inspector_actor& inspector() const { return inspector_; }
  bool has_groups() const { return groups_.has_value(); }

  /// The thread that waits for the disk.
  writer& disk() { return disk_; }

  /// All of them, with what they are to people.
  std::vector<std::pair<caf::actor, const char*>> all() const;

  /// Waits for the disk. False: not by `deadline`.
  bool finish(std::chrono::steady_clock::time_point deadline) { return disk_.finish(deadline); }

private:
  void spawn_stores(const settings& wanted);

  work_loop& loop_;
  writer disk_;
  std::optional<cgroup_tree> groups_;
  bundles_actor bundles_;
  logs_actor logs_;
  blobs_actor blobs_;
  records_actor records_;
  std::shared_ptr<cache_shelf> shelf_;
  cache_disk_actor cache_disk_;
  foundry_actor foundry_;
  inspector_actor inspector_;
};

} // namespace hearth::node
