#pragma once

#include "core/ids.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Control groups (v2): the kernel bounds memory and shares cpu among replicas.
namespace hearth::node {

/// What a group is to enforce; 0: nothing.
struct cgroup_limits {
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_millis = 0;     // its share, relative to others
  std::uint32_t cpu_max_millis = 0; // never more
};

/// The group of one replica; goes with this object, or, while processes are left in it, soon after.
class cgroup {
public:
  cgroup(const cgroup&) = delete;
  cgroup& operator=(const cgroup&) = delete;
  ~cgroup();

  /// Moves a process there, with what it forks from now on. False when the kernel refuses.
  bool add(pid_t pid) const;

  /// Whether the kernel has ended a process in it for want of memory since it was made.
  bool ran_out_of_memory() const { return kills() > kills_before_; }

private:
  friend class cgroup_tree;
  cgroup(std::filesystem::path directory, std::shared_ptr<std::vector<std::filesystem::path>> left);

  std::uint64_t kills() const;

  std::filesystem::path directory_;
  std::shared_ptr<std::vector<std::filesystem::path>> left_; // groups that could not be removed yet
  std::uint64_t kills_before_;                               // of one whose name was used before
};

/// The groups of a node's replicas, below the group in which the node was started. Loop thread only.
class cgroup_tree {
public:
  /// Makes `own` (a directory as of `own_cgroup`) ready for groups of replicas: moves this process to a group of its own
  /// below, because the kernel shares resources only among groups without processes beside them. Nothing, and all as it
  /// was, where that is not ours to do or the group has no memory controller.
  static std::optional<cgroup_tree> claim(const std::filesystem::path& own, pid_t self);

  /// A group for a replica; null when the kernel refuses.
  std::unique_ptr<cgroup> make(replica_id id, const cgroup_limits& limits);

private:
  cgroup_tree(std::filesystem::path own, bool has_cpu);
  void remove_left();

  std::filesystem::path own_;
  bool has_cpu_;
  std::shared_ptr<std::vector<std::filesystem::path>> left_;
};

} // namespace hearth::node
