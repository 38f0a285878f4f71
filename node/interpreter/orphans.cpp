#include "node/interpreter/orphans.hpp"

#include "core/defaults.hpp"

#include <system_error>
#include <utility>

namespace hearth::node {

orphans::orphans(work_loop& loop, std::function<bool(pid_t)> is_known, std::function<std::vector<pid_t>()> in_sandboxes)
  : loop_(loop), is_known_(std::move(is_known)), in_sandboxes_(std::move(in_sandboxes)),
    soon_(loop.timers(), [this] { look(); }) {
  adopt_orphans();
}

void orphans::look_soon() {
  if (!soon_.is_set())
    soon_.set(defaults::orphan_sweep_delay);
}

bool orphans::none_left() {
  look();
  return ending_.empty();
}

void orphans::look() {
  auto found = in_sandboxes_();
  for (const auto pid : children())
    if (!is_known_(pid))
      found.push_back(pid);
  for (const auto pid : found) {
    if (ending_.contains(pid))
      continue;
    try {
      auto ended = [this, pid](exit_status) {
        const auto gone = ending_.extract(pid);
        // Its own children, if it had any, are ours now.
        look_soon();
        if (on_change_)
          on_change_();
      };
      auto orphan = std::make_unique<child_process>(loop_, pid, open_pidfd(pid), ended);
      orphan->kill();
      ending_.emplace(pid, std::move(orphan));
    } catch (const std::system_error&) {
      look_soon(); // no descriptor left, or gone in the meantime
    }
  }
}

} // namespace hearth::node
