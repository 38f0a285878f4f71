#pragma once

#include "actors/interfaces.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace hearth {

/// The environments that one connection or interpreter has opened; calls name them by number, so that a call carries four
/// bytes instead of a name and a version.
class handle_table {
public:
  /// The same version keeps its number.
  std::uint32_t put(opened_environment opened) {
    for (std::uint32_t i = 0; i < opened_.size(); ++i)
      if (opened_[i].supervisor == opened.supervisor && opened_[i].spec->version == opened.spec->version) {
        opened_[i] = std::move(opened);
        return i + 1;
      }
    opened_.push_back(std::move(opened));
    return static_cast<std::uint32_t>(opened_.size());
  }

  /// Null for a number that was never given, or whose supervisor has ended.
  const opened_environment* find(std::uint32_t handle) const {
    return handle > 0 && handle <= opened_.size() && opened_[handle - 1].supervisor ? &opened_[handle - 1] : nullptr;
  }

  /// That supervisor has ended: its numbers are of no use any more.
  void forget(const caf::actor_addr& supervisor) {
    for (auto& o : opened_)
      if (o.supervisor && o.supervisor.address() == supervisor)
        o.supervisor = supervisor_actor{};
  }

  /// Whether any opened environment lives there.
  bool knows(const supervisor_actor& supervisor) const {
    return std::any_of(opened_.begin(), opened_.end(), [&](auto& o) { return o.supervisor == supervisor; });
  }

private:
  std::vector<opened_environment> opened_;
};

} // namespace hearth
