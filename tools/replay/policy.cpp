#include "tools/replay/policy.hpp"

#include <algorithm>

namespace hearth::replay {

void toward(std::uint32_t wanted, const pool_view& pool, answer& out) {
  wanted = std::min(wanted, pool.max);
  if (wanted >= pool.alive()) {
    out.start = wanted - pool.alive();
    return;
  }
  std::vector<const replica*> candidates;
  for (const auto& one : pool.replicas)
    if (!one.draining)
      candidates.push_back(&one);
  std::sort(candidates.begin(), candidates.end(), [](const replica* a, const replica* b) {
    if (a->ready != b->ready)
      return !a->ready;
    if (a->in_use != b->in_use)
      return a->in_use < b->in_use;
    return a->id > b->id;
  });
  for (std::uint32_t i = 0; i < pool.alive() - wanted; ++i)
    out.end.push_back(candidates[i]->id);
}

} // namespace hearth::replay
