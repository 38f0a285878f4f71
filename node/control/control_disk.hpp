#pragma once

#include "cluster/controller.hpp"
#include "node/store/control_store.hpp"
#include "node/store/writer.hpp"

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace hearth::node {

/// The disk of the control log: one thread, which writes what it is given in order. What comes while it writes goes into the
/// next transaction together. When the disk fails the process ends, with `exit_disk_failed`: what was promised is not known
/// any more.
class control_disk {
public:
  /// The state at this mark becomes the snapshot.
  struct snapshot {
    raft::snapshot_mark mark;
    std::variant<cluster::control_image, std::string> content; // still to be encoded; or as it came from another node
    std::string digest;                                        // SHA-256 in hex of what came, to be checked
    later_entries entries = later_entries::keep;
    bool is_installed = false;
  };
  using job = std::variant<raft::store, snapshot>;

  /// The newest durable snapshot, for others.
  struct content {
    cluster::log_index index = 0;
    std::string bytes;
    std::string digest;
  };

  /// What is durable: for the controller, and what is new to send to others.
  struct report {
    std::vector<cluster::controller_event> events;
    std::optional<content> snapshot;
  };

  /// `done` is called on the disk's thread. `store` outlives the disk.
  control_disk(control_store& store, std::function<void(report)> done);

  /// Loop thread only, like `write_next`. Jobs wait until `write_next`.
  void add(job what) { waiting_.push_back(std::move(what)); }

  /// Hands what waits to the disk, unless that is still at work: then the next report is the time to call again.
  void write_next(bool is_free);

  /// Waits until the disk has nothing more to do. False: not by `deadline`.
  bool finish(std::chrono::steady_clock::time_point deadline) { return thread_.finish(deadline); }

private:
  report write(std::vector<job>& jobs);
  void write(snapshot& what, report& into);

  control_store& store_;
  std::function<void(report)> done_;
  std::vector<job> waiting_;
  bool is_writing_ = false;
  writer thread_; // last: ends before the rest
};

} // namespace hearth::node
