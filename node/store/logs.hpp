#pragma once

#include "node/store/log_files.hpp"
#include "node/store/off_loop.hpp"

#include <memory>
#include <string>
#include <unordered_map>

namespace hearth::node {

/// LOGS, the door to the log files of runs and replicas. The writer's thread appends and reads, in the order in which it was
/// asked; text that cannot be written, because the disk is behind, full or broken, is counted and shows up as `dropped`
/// before the next text of its log.
///
/// Spawned by: the node, once. Monitors nobody: whoever asks may be gone when the answer comes.
/// Dies:       with the node, when everybody who writes is gone; the writer finishes what it has taken.
using log_door = logs_actor::extend<
  // INTERNAL: the disk has done something.
  takes_completions>;

struct logs_config {
  std::shared_ptr<log_files> files;             // used on the writer's thread alone
  writer* disk = nullptr;                       // outlives the actor
  std::function<void(const std::string&)> warn; // hears why text is dropped, once per outage
};

class logs_state {
public:
  static inline const char* name = "logs";

  log_door::behavior_type make_behavior(log_door::pointer self, logs_config config);

private:
  void append(std::string& log, std::vector<log_text>& texts);
  void dropped(const std::string& log, std::uint64_t bytes, const std::string& why);

  log_door::pointer self_ = nullptr;
  logs_config config_;
  std::unordered_map<std::string, std::uint64_t> dropped_; // bytes since the last text that was written
  bool is_failing_ = false;
};

} // namespace hearth::node
