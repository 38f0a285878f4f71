#include "actors/pool.hpp"

#include <algorithm>

/// Who runs what where: the part of the pool that deals with replicas.
namespace hearth {

// -- replicas come and go ----

void pool::replica_ready(replica_id id, bool can_hold_ahead, instant now, pool_effects& out,
                         std::optional<duration> start_up) {
  auto s = replicas_.find(id);
  if (s == replicas_.end() || s->second.ready)
    return;
  s->second.ready = true;
  if (s->second.rehearses) // its node knows of no rehearsals, and has made a replica
    return end_replica(id, s->second, out);
  s->second.waits_for.clear();
  history_.started(start_up.value_or(now - s->second.since));
  s->second.ready_since = now;
  if (prewarmed_ && prewarmed_->replica == id) {
    prewarmed_->since = now;
    ++counters_.prewarmed;
  }
  end_predecessor(s->second, out);
  s->second.can_hold_ahead = can_hold_ahead;
  s->second.ready_number = ++ready_count_;
  is_failing_ = false;
  s->second.progress = now;
  pump(now, out);
}

void pool::replica_unmade(replica_id id, const failure& why, instant now, pool_effects& out) {
  const auto unmade = replicas_.find(id);
  if (unmade == replicas_.end())
    return;
  if (auto* old = partner(unmade->second.replaces))
    old->replaced_by.reset();
  const auto started = unmade->second.since;
  const bool has_rehearsed = unmade->second.rehearses && (why.code == ec::none || is_loss(why.code));
  replicas_.erase(unmade);
  if (has_rehearsed) {
    is_failing_ = is_failing_ && why.code != ec::none;
    return pump(now, out);
  }
  if (prewarmed_ && prewarmed_->replica == id)
    prewarmed_.reset();
  count_crash(why, started, now, out);
  // A start that was interrupted is tried again; code that cannot be imported stays so.
  if (has_ready()) {
    broken_until_ = std::max(broken_until_.value_or(now), now + defaults::start_pause);
  } else if (!is_loss(why.code)) {
    fail_waiting(why, now, out);
    wants_replicas_ = false; // until the next call: somebody may have installed what was missing
  }
  pump(now, out);
}

void pool::replica_lost(replica_id id, const failure& why, const std::vector<ticket>& begun, instant now,
                        pool_effects& out) {
  auto at = replicas_.find(id);
  if (at == replicas_.end())
    return;
  if (at->second.rehearses) {
    replicas_.erase(at);
    return pump(now, out);
  }
  if (prewarmed_ && prewarmed_->replica == id)
    end_prewarming(now);
  auto s = std::move(at->second);
  parked_calls_ -= s.parked.size();
  replicas_.erase(at);
  if (auto* next = partner(s.replaced_by))
    next->replaces.reset();
  if (auto* old = partner(s.replaces))
    old->replaced_by.reset();
  // A task that ends its interpreter fails alone. An app that ends before it has answered anything does not serve.
  const bool is_crash = (begun.empty() || spec_->is_app()) && s.parked.empty() && s.done == 0 && !s.draining
                        && now - s.since < defaults::crash_backoff;
  if (!s.draining)
    last_failure_ = why;
  const bool alone = begun.size() + s.parked.size() == 1;
  // Newest first: what goes back to the front of the queue keeps its order.
  for (auto call = s.sent.rbegin(); call != s.sent.rend(); ++call) {
    auto* e = find(*call);
    if (!e)
      continue;
    clear_limit(*call, *e);
    if (std::find(begun.begin(), begun.end(), *call) != begun.end()) {
      settle_loss(*call, *e, why, alone, now, out);
    } else {
      --e->attempt;
      if (e->answered || e->stopping)
        settle(*call, *e, why, false, now, out);
      else
        enqueue(*call, *e, true, now);
    }
  }
  for (auto call : s.parked)
    if (auto* e = find(call)) {
      clear_limit(call, *e);
      settle_loss(call, *e, why, alone, now, out);
    }
  if (is_crash) // last: what it held waits again, and shares the fate of the others
    count_crash(why, s.since, now, out);
  pump(now, out);
}

/// Starts that were on their way when another one was lost share its fate, for instance that of their zygote: they count once.
void pool::count_crash(const failure& why, instant started, instant now, pool_effects& out) {
  last_failure_ = why;
  is_failing_ = true;
  if (is_loss(why.code) && started < crashed_at_)
    return;
  crashed_at_ = now;
  if (++crashes_ < defaults::crashes_in_row_max)
    return;
  crashes_ = 0;
  broken_until_ = now + defaults::crash_backoff;
  if (has_ready())
    return;
  fail_waiting({ec::crash_loop, spec_->title() + " does not start: " + std::to_string(defaults::crashes_in_row_max)
                                  + " replicas in a row ended before they served a call. The last one: " + why.message},
               now, out);
}

void pool::fail_waiting(const failure& why, instant now, pool_effects& out) {
  while (has_head()) {
    auto call = queue_.pop();
    auto& e = *find(call);
    leave_queue(e, now);
    answer(call, e, why, false, out);
    release(call, e, now, out);
  }
}

void pool::set_limits(pool_limits limits, instant now, pool_effects& out) {
  limits_ = limits;
  pump(now, out);
}

// -- dispatch ----

void pool::pump(instant now, pool_effects& out) {
  if (disowned_)
    return;
  replica_id id;
  held_until_.reset();
  while (has_head()) {
    const auto& head = *find(queue_.head().id);
    auto* s = choose(head, now, id);
    if (!s)
      break;
    if (head.queued_since == now)
      saturated_since_.reset();
    send(queue_.pop(), id, *s, now, out);
  }
  if (queued_ > 0 && !saturated_since_)
    saturated_since_ = now;
  if (queued_ == 0 && !has_metric())
    told_ = scaling::rule::none; // of the next queue it is news again
  grow(now, out);
  while (has_head()) {
    auto* s = choose_ahead(find(queue_.head().id)->what, now, id);
    if (!s)
      break;
    send(queue_.pop(), id, *s, now, out);
  }
}

/// Drops tickets that left the queue another way; whether one is left.
bool pool::has_head() {
  while (!queue_.empty()) {
    const auto* e = find(queue_.head().id);
    if (e && e->where == state::queued)
      return true;
    queue_.pop();
  }
  return false;
}

/// A replica with a free slot: the emptiest of those that the running calls need, the oldest among equals, so that few
/// replicas stay warm for little work. One where parents wait is left to their descendants as long as another replica may be
/// started for a root; not so with a metric, which alone says when one is started. Where that is the rate of requests, these
/// take turns.
pool::member* pool::choose(const entry& head, instant now, replica_id& id) {
  const auto depth = head.what.depth;
  member* best = nullptr;
  member* lent = nullptr;
  replica_id lent_id;
  // Where slots are lent there may be more replicas than the maximum; never more of them work.
  std::uint32_t working = 0;
  std::uint64_t calls = 1;
  for (const auto& [number, s] : replicas_) {
    working += s.in_flight() > 0 && !s.draining ? 1 : 0;
    calls += load_of(s);
  }
  const bool is_full = working >= limits_.max_replicas;
  const auto needed = replicas_needed(calls, now);
  const bool by_turns = limits_.metric == scaling::metric::rate;
  const auto is_better = [&](const member& s) {
    const auto before = load_of(*best);
    return load_of(s) < before || (by_turns && load_of(s) == before && s.progress < best->progress);
  };
  std::uint32_t rank = 0;
  for (auto& [number, s] : replicas_) {
    if (!s.ready || s.draining || s.recalling || s.in_flight() >= limits_.concurrency
        || (is_full && s.in_flight() == 0))
      continue;
    if (s.parked.empty() || (has_metric() && s.may_park(depth))) {
      if (!best || (rank < needed && is_better(s))) {
        best = &s;
        id = number;
      }
      ++rank;
    } else if (s.may_park(depth) && (!lent || s.parked.size() < lent->parked.size())) {
      lent = &s;
      lent_id = number;
    }
  }
  if (best)
    return best;
  if (!lent || limits_.fresh || (depth == 0 ? can_grow() : waits_for_start(head, now)))
    return nullptr;
  id = lent_id;
  return lent;
}

/// A slot that its parent has lent may be wanted back while the call runs there, so a replica that is about to be ready is
/// worth a moment.
bool pool::waits_for_start(const entry& head, instant now) {
  const bool any = std::any_of(replicas_.begin(), replicas_.end(), [](const auto& entry) {
    const auto& s = entry.second;
    return !s.ready && !s.draining && !s.replaces && s.waits_for.empty();
  });
  const auto until = head.queued_since + defaults::lend_patience;
  if (!any || now >= until)
    return false;
  held_until_ = until;
  return true;
}

/// A busy replica that will come to this call within one round trip, so that it need not wait for the next wake-up. Only
/// for calls whose length is known, and never behind one that has turned out long.
pool::member* pool::choose_ahead(const request& what, instant now, replica_id& id) {
  auto expected = estimate(what.task);
  if (limits_.fresh || !expected || what.size > defaults::prefetch_bytes_max
      || spec_->tasks[what.task].timeout.max_runtime.count() > 0)
    return nullptr;
  auto horizon = duration(defaults::prefetch_round_trip) * limits_.concurrency;
  member* best = nullptr;
  for (auto& [number, s] : replicas_) {
    if (!s.ready || s.draining || s.recalling || !s.can_hold_ahead || !s.parked.empty()
        || s.in_flight() >= limits_.concurrency + defaults::prefetch_max || s.expected + *expected > horizon
        || now - s.progress >= defaults::stall_after)
      continue;
    if (!best || s.in_flight() < best->in_flight()) {
      best = &s;
      id = number;
    }
  }
  return best;
}

std::optional<pool::duration> pool::estimate(std::uint32_t task) const {
  if (service_ns_[task] < 0)
    return std::nullopt;
  return duration(static_cast<std::int64_t>(service_ns_[task]));
}

void pool::send(ticket call, replica_id to, member& s, instant now, pool_effects& out) {
  auto& e = *find(call);
  leave_queue(e, now);
  e.where = state::sent;
  e.replica = to;
  e.cold = e.cold || s.ready_number > e.ready_before;
  if (s.in_flight() == 0) {
    s.progress = now;
    s.begun_asked = false;
  }
  // What nothing is known of fills the horizon: nothing is sent behind it.
  e.expected = estimate(e.what.task).value_or(duration(defaults::prefetch_round_trip) * limits_.concurrency);
  s.expected += e.expected;
  s.sent.push_back(call);
  s.recalls = 0;
  ++e.attempt;
  set_limit(call, e, task_of(e).timeout.max_runtime, now);
  out.push_back(pool_effect::dispatch{to, call, e.attempt});
}

void pool::park(member& s, ticket call, entry& e) {
  e.where = state::parked;
  s.parked.push_back(call);
  ++parked_calls_;
  ++s.parked_depths[e.what.depth];
}

void pool::unpark(member& s, ticket call, const entry& e) {
  std::erase(s.parked, call);
  --parked_calls_;
  const auto at = s.parked_depths.find(e.what.depth);
  if (--at->second == 0)
    s.parked_depths.erase(at);
}

/// The call no longer takes a slot of the replica.
void pool::unsend(member& s, ticket call, entry& e, instant now) {
  if (e.where == state::parked) {
    unpark(s, call, e);
  } else {
    auto at = std::find(s.sent.begin(), s.sent.end(), call); // nearly always the first
    if (at != s.sent.end())
      s.sent.erase(at);
    s.expected -= e.expected;
  }
  s.progress = now;
  s.begun_asked = false;
}

// -- replicas that do not go on ----

/// Whether it holds calls ahead that could be taken back.
bool pool::may_stall(const member& s) const {
  return s.can_hold_ahead && !s.recalling && s.recalls < 2 && s.in_flight() > limits_.concurrency;
}

/// A replica that holds calls ahead and gets nothing done has met a long call: the others need not wait behind it.
void pool::recall_stalled(instant now, pool_effects& out) {
  for (auto& [id, s] : replicas_) {
    if (!may_stall(s) || now < s.progress + defaults::stall_after)
      continue;
    s.recalling = true;
    // First what came last; when that did not help, the interpreter began deeper calls first, and older ones wait.
    const auto kept = s.recalls == 0 ? limits_.concurrency : 0u;
    out.push_back(pool_effect::recall{id, {s.sent.begin() + kept, s.sent.end()}});
  }
}

bool pool::may_hang(const member& s) const {
  return s.ready && s.can_hold_ahead && !s.recalling && !s.begun_asked && !s.sent.empty();
}

/// A replica without progress for long gives back what it has not begun. One that began nothing at all hangs, perhaps in
/// what an earlier call left running: `recalled` replaces it.
void pool::recall_hanging(instant now, pool_effects& out) {
  for (auto& [id, s] : replicas_) {
    if (!may_hang(s) || now < s.progress + defaults::begin_patience)
      continue;
    s.recalling = s.begun_asked = true;
    out.push_back(pool_effect::recall{id, {s.sent.begin(), s.sent.end()}});
  }
}

} // namespace hearth
