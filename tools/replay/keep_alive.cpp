#include "tools/replay/keep_alive.hpp"

#include <algorithm>

namespace hearth::replay {

seconds next_over(const pool_view& pool, seconds time) {
  auto next = pool.now + time;
  for (const auto& one : pool.replicas)
    if (one.ready && !one.draining && one.in_use == 0 && one.idle_since + time > pool.now)
      next = std::min(next, one.idle_since + time);
  return next;
}

keep_alive::keep_alive(seconds time)
  : time_(time), name_("keep_alive_" + std::to_string(static_cast<int>(time))), next_(time) {}

void keep_alive::on(event what, const pool_view& pool, answer& out) {
  if (what == event::arrived && pool.queued > std::uint64_t{pool.starting} * pool.concurrency)
    out.start = 1;
  if (what != event::tick)
    return;
  for (const auto& one : pool.replicas)
    if (is_idle_for(one, pool.now, time_) || (one.placed == never && pool.now >= one.requested + time_))
      out.end.push_back(one.id); // what found no place for so long is not needed any more either
  next_ = next_over(pool, time_);
}

} // namespace hearth::replay
