#include "actors/supervisor.hpp"

#include <algorithm>

/// Environments that change owners: what a new supervisor takes over, and what one that is no owner any more leaves.
namespace hearth {

// -- a new owner ----

/// Warm replicas of a version that somebody uses join its pool; the others wait for somebody to open theirs.
void supervisor_state::adopt(std::vector<adoptable>& found, bool are_all) {
  for (auto& each : found) {
    const auto v = versions_.find(each.version);
    if (disowned_until_ || v == versions_.end()) // of one that is no owner any more: for the next
      unclaimed_.push_back({std::move(each), now() + defaults::unclaimed_time});
    else if (!claim(*v->second, each))
      self_->send(caf::actor_cast<replica_actor>(each.self), atom::retire::value, false,
                  std::string("not needed any more"));
  }
  if (are_all)
    adopting_until_.reset();
  for (auto& [name, v] : versions_) {
    if (are_all)
      v->calls.release_starts(now(), effects_);
    else
      v->calls.serve(now(), effects_);
    apply(*v);
  }
}

bool supervisor_state::claim(version& v, const adoptable& found) {
  if (found.concurrency != v.calls.limits().concurrency || v.calls.spec().version != found.version
      || v.calls.spec().reuse.is_of_run() || !v.calls.adopt(found.id, found.how.can_hold_ahead, now()))
    return false;
  replica_index_[found.id] = &v;
  auto& known = v.replicas[found.id];
  known.handle = caf::actor_cast<replica_actor>(found.self);
  known.how = found.how;
  known.pid = found.pid;
  known.start = found.start;
  v.forked = found.how.forked;
  v.spawn_reason = found.how.spawn_reason;
  self_->monitor(known.handle);
  note(v, journal_entry::kind_t::adopted, found.id, {});
  return true;
}

/// A pool is made: what it can use of what was waiting for it.
void supervisor_state::claim_for(version& v) {
  std::erase_if(unclaimed_, [&](const unclaimed& u) { return claim(v, u.what); });
}

void supervisor_state::end_unclaimed() {
  std::erase_if(unclaimed_, [&](const unclaimed& u) {
    if (u.until > now())
      return false;
    self_->send(caf::actor_cast<replica_actor>(u.what.self), atom::retire::value, false,
                std::string("not needed any more"));
    return true;
  });
}

void supervisor_state::drain(const std::vector<replica_id>& replicas) {
  for (const auto id : replicas)
    if (auto* v = version_with(id)) {
      v->calls.drain(id, now(), effects_);
      apply(*v);
    }
}

// -- an owner no more ----

/// What runs goes on: results go from its replica to who waits for them, as ever, and what fails is handed back like what
/// has not begun. Replicas stay, for the next owner to take.
void supervisor_state::disown() {
  if (!disowned_until_) {
    disowned_until_ = now() + defaults::orphan_time;
    for (auto& [key, v] : versions_)
      v->calls.disown();
  }
  settle_turn();
}

void supervisor_state::settle_disowned() {
  std::size_t open = 0;
  std::size_t replicas = 0;
  for (auto& [key, v] : versions_) {
    v->calls.hand_back({ec::stale_epoch, std::string(sentence(ec::stale_epoch))}, now(), effects_);
    apply(*v);
    open += v->calls.open();
    replicas += v->replicas.size();
  }
  flush();
  if (open == 0 && (replicas + unclaimed_.size() == 0 || now() >= *disowned_until_))
    return halt();
  arm();
}

} // namespace hearth
