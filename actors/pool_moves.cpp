#include "actors/pool.hpp"

/// Replicas and calls that change owners: the part of the pool that a cluster needs.
namespace hearth {

bool pool::adopt(replica_id id, bool can_hold_ahead, instant now) {
  if (disowned_ || superseded_ || expired_ || limits_.fresh || replicas_.count(id) > 0
      || alive() >= limits_.max_replicas)
    return false;
  auto& s = replicas_[id];
  s.ready = true;
  s.can_hold_ahead = can_hold_ahead;
  s.since = s.ready_since = s.progress = now;
  s.ready_number = ++ready_count_;
  is_failing_ = false;
  return true;
}

void pool::release_starts(instant now, pool_effects& out) {
  starts_held_until_.reset();
  pump(now, out);
}

void pool::drain(replica_id id, instant now, pool_effects& out) {
  const auto s = replicas_.find(id);
  if (s == replicas_.end() || disowned_)
    return;
  if (auto* next = partner(s->second.replaced_by))
    next->replaces.reset();
  s->second.replaced_by.reset();
  end_replica(id, s->second, out);
  pump(now, out);
}

void pool::hand_back(const failure& why, instant now, pool_effects& out) {
  for (const auto call : open_tickets())
    if (is_waiting(call))
      cancel(call, why, now, out);
}

} // namespace hearth
