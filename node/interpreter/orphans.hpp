#pragma once

#include "node/interpreter/child_process.hpp"

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace hearth::node {

/// Ends what interpreters leave behind: processes whose parents are gone become children of this process, and any child
/// that nobody here knows is such a one; in a sandbox its first process adopts them. For a process that starts children in no
/// other way. Loop thread only.
class orphans {
public:
  /// `is_known` tells the children that are no orphans, `in_sandboxes` finds those of sandboxes. From now on this process
  /// adopts.
  orphans(work_loop& loop, std::function<bool(pid_t)> is_known, std::function<std::vector<pid_t>()> in_sandboxes);

  /// An interpreter has ended: there will be a look soon.
  void look_soon();

  /// Looks now. Whether nothing is left; what was found is being ended, and `on_change` is called as it goes.
  bool none_left();

  void on_change(std::function<void()> call) { on_change_ = std::move(call); }

private:
  void look();

  work_loop& loop_;
  std::function<bool(pid_t)> is_known_;
  std::function<std::vector<pid_t>()> in_sandboxes_;
  std::function<void()> on_change_;
  std::unordered_map<pid_t, std::unique_ptr<child_process>> ending_;
  loop_timer soon_;
};

} // namespace hearth::node
