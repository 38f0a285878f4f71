#include "actors/pool.hpp"

#include <algorithm>
#include <array>
#include <utility>

/// How many replicas there are: the part of the pool that asks the autoscaler and does what it decides.
namespace hearth {

namespace {

std::string label(replica_id id) { return "replica " + to_string(id); }

} // namespace

// -- counting ----

/// Replicas that take calls, those on their way, and those where every call waits for its children. Two that change places
/// count as one.
pool::census pool::count_members() const {
  census result;
  for (const auto& [id, s] : replicas_) {
    if (s.draining)
      result.leaving += s.sent.size() + s.parked.size();
    if (s.draining || s.replaces || s.rehearses)
      continue;
    if (!s.parked.empty() && s.sent.empty())
      ++result.lent;
    else
      ++(s.ready ? result.ready : result.starting);
    result.waiting += s.waits_for.empty() || s.is_promoted ? 0 : 1;
    result.running += std::min(s.in_flight(), limits_.concurrency);
  }
  return result;
}

bool pool::has_ready() const {
  return std::any_of(replicas_.begin(), replicas_.end(),
                     [](const auto& s) { return s.second.ready && !s.second.draining; });
}

std::uint32_t pool::alive() const { return count_members().alive(); }

bool pool::can_grow() const {
  return count_members().counted() < limits_.max_replicas && replicas_.size() < processes_max();
}

/// Since when the first of the replicas that start was asked for.
pool::instant pool::oldest_start() const {
  for (const auto& [id, s] : replicas_) // in the order of their numbers, hence of their starts
    if (!s.ready && !s.draining && !s.rehearses && s.waits_for.empty())
      return s.since;
  return instant::max();
}

scaling::inputs pool::inputs_now(const census& members, instant now) const {
  scaling::inputs in;
  in.min = limits_.min_replicas;
  in.max = limits_.max_replicas;
  in.concurrency = slots_each();
  in.places = static_cast<std::uint32_t>(processes_max() - std::min<std::size_t>(processes_max(), replicas_.size()));
  in.is_wanted = wants_replicas_;
  in.ready = members.ready;
  in.starting = members.starting;
  in.lent = members.lent;
  in.running = members.running;
  in.queued = queued_;
  in.saturated = saturated_since_ ? now - *saturated_since_ : duration{0};
  in.service = limits_.fresh ? duration{0} : history_.service(); // a fresh replica serves no second call
  in.start_up = history_.start_up();
  if (members.starting > 0)
    in.oldest_start = std::max(now - oldest_start(), duration{0});
  in.arrivals = history_.arrivals(now);
  in.rising = limits_.fresh ? 0 : history_.rising(now);
  observe(in, members, now);
  in.is_paused = is_paused(now);
  in.expects_calls = expects_calls(now);
  return in;
}

/// What a decision to wait says changes with every call, so it is told when it is another one, and not too often. What
/// happens to replicas that serve one call each is no decision.
void pool::tell(const scaling::inputs& in, const scaling::decision& what, instant now, pool_effects& out,
                std::string detail) {
  if (limits_.fresh)
    return;
  const bool acts = what.start > 0 || what.end > 0;
  if (!acts) {
    if (what.why == scaling::rule::none || what.why == told_ || now - told_at_ < defaults::decision_interval)
      return;
    told_at_ = now;
  }
  told_ = acts ? scaling::rule::none : what.why;
  out.push_back(pool_effect::decided{in, what, std::move(detail)});
}

// -- growing ----

void pool::grow(instant now, pool_effects& out) {
  if (holds_starts(now))
    return;
  recycle(now, out);
  auto members = count_members();
  if (queued_ > 0 && members.alive() > limits_.max_replicas) {
    end_surplus(now, duration{0}, scaling::rule::lowered_max, out);
    members = count_members();
  } else if (queued_ == 0 && withdraw_waiting(std::min(wanted(members, now), limits_.max_replicas), members, out)) {
    members = count_members();
  }
  const auto least = wanted(members, now);
  const bool is_rising = !has_metric() && history_.rising(now) > 0;
  const bool is_enough = queued_ == 0 && !is_rising && members.alive() >= least;
  if (is_enough)
    told_ = scaling::rule::none; // when it is short again, that is news
  if (has_metric() && members.alive() > std::min(least, limits_.max_replicas)) {
    end_surplus(now, limits_.scaledown_ttl, scaling::rule::scaledown_ttl, out); // what the metric has kept until now
    members = count_members();
  }
  if (!wants_replicas_ || is_enough)
    return;
  promote_waiting(members, out);
  if (members.counted() >= limits_.max_replicas && told_ == scaling::rule::at_maximum)
    return; // under full load this is what every call would hear again
  const auto in = inputs_now(members, now);
  const auto what = decide(in);
  tell(in, what, now, out);
  for (std::uint32_t i = 0; i < what.start; ++i, ++members.starting)
    start_one(now, is_stuck_parent(members), out);
}

/// Whether the call at the head has a parent that waits for it, and nothing of the pool is going to serve it: replicas that
/// run calls, and those that start without waiting for a resource, will.
bool pool::is_stuck_parent(const census& members) const {
  return !queue_.empty() && queue_.head().depth > 0 && members.ready == 0 && members.starting == members.waiting;
}

/// What waits for a resource may be all that a parent's call can hope for: the order says so from then on.
void pool::promote_waiting(const census& members, pool_effects& out) {
  if (members.waiting == 0 || !is_stuck_parent(members))
    return;
  const auto s = std::find_if(replicas_.begin(), replicas_.end(), [](const auto& each) {
    return !each.second.waits_for.empty() && !each.second.is_promoted;
  });
  if (s == replicas_.end())
    return;
  s->second.is_promoted = true;
  out.push_back(pool_effect::promote{s->first});
}

replica_id pool::start_one(instant now, bool for_nested, pool_effects& out) {
  const auto id = next_replica_();
  auto& s = replicas_[id];
  s.since = now;
  s.progress = now;
  ++counters_.cold_starts;
  s.is_promoted = for_nested;
  out.push_back(pool_effect::start{id, for_nested});
  return id;
}

void pool::replica_waits(replica_id id, std::string resource, instant now, pool_effects& out) {
  const auto s = replicas_.find(id);
  if (s == replicas_.end() || s->second.ready)
    return;
  if (s->second.rehearses) { // not worth what others may have to give up for it
    replicas_.erase(s);
    out.push_back(pool_effect::withdraw{id});
    return;
  }
  s->second.waits_for = std::move(resource);
  // The one to be replaced may hold what its successor waits for.
  end_predecessor(s->second, out);
  pump(now, out);
}

/// Ends the wait of replicas for a resource, which no call waits for, as long as more than `kept` are left; whether there were
/// any.
bool pool::withdraw_waiting(std::uint32_t kept, const census& members, pool_effects& out) {
  const auto alive = members.alive();
  auto left = alive;
  for (auto s = replicas_.end(); s != replicas_.begin() && left > kept;) {
    --s;
    if (s->second.waits_for.empty() || s->second.draining)
      continue;
    if (prewarmed_ && prewarmed_->replica == s->first)
      prewarmed_.reset();
    out.push_back(pool_effect::withdraw{s->first});
    s = replicas_.erase(s);
    --left;
  }
  return left < alive;
}

// -- shrinking ----

/// Takes no more calls and ends when it has none.
void pool::end_replica(replica_id id, member& s, pool_effects& out) {
  if (s.draining)
    return;
  s.draining = true;
  out.push_back(pool_effect::retire{id, {}});
}

/// The other one of two that change places; null when there is none, or it is gone.
pool::member* pool::partner(const std::optional<replica_id>& id) {
  const auto found = id ? replicas_.find(*id) : replicas_.end();
  return found == replicas_.end() ? nullptr : &found->second;
}

/// The one in whose place this one starts takes no more calls.
void pool::end_predecessor(member& s, pool_effects& out) {
  if (auto* old = partner(s.replaces))
    end_replica(*s.replaces, *old, out);
  s.replaces.reset();
}

/// Whether the replica has nothing to do; its last event was the end of what it had.
bool pool::is_surplus(const member& s) const {
  return s.ready && !s.draining && !s.recalling && s.sent.empty() && s.parked.empty();
}

/// Each replica above the minimum has a clock of its own, which runs while it has nothing to do; `after`: what it shows when
/// the replica may end.
void pool::end_surplus(instant now, duration after, scaling::rule why, pool_effects& out) {
  std::vector<std::pair<instant, replica_id>> over;
  for (const auto& [id, s] : replicas_)
    if (is_surplus(s) && now >= s.progress + after)
      over.emplace_back(s.progress, id);
  const auto members = count_members();
  if (over.empty() || members.alive() <= std::min(limits_.min_replicas, limits_.max_replicas))
    return;
  auto in = inputs_now(members, now);
  in.over = static_cast<std::uint32_t>(over.size());
  if (why == scaling::rule::lowered_max)
    in.over = std::min(in.over, in.counted() - std::min(in.max, in.counted()));
  in.is_asked_to_yield = why == scaling::rule::yielded;
  const auto what = decide(in);
  if (what.end == 0) {
    surplus_stays_until_ = now + defaults::decision_interval;
    return;
  }
  std::sort(over.begin(), over.end());
  std::string names;
  for (std::uint32_t i = 0; i < what.end; ++i) {
    names += (names.empty() ? "" : ", ") + label(over[i].second);
    end_replica(over[i].second, replicas_.at(over[i].second), out);
  }
  tell(in, what, now, out, std::move(names));
}

void pool::yield_idle(instant now, pool_effects& out) { end_surplus(now, duration{0}, scaling::rule::yielded, out); }

pool::instant pool::idle_until() const {
  const auto end = idle_since_ + (superseded_ ? duration{0} : duration(limits_.idle_ttl));
  const bool goes_on = expected_ && !superseded_ && (prewarmed_ || expected_->from <= end);
  return goes_on ? std::max(end, expected_->until) : end;
}

void pool::expire_idle(instant now, pool_effects& out) {
  if (calls_open_ != 0 || expired_ || now < idle_until())
    return;
  expired_ = true;
  wants_replicas_ = false;
  cool_at_ = now + (superseded_ ? duration{0} : duration(limits_.zygote_ttl));
  if (expected_ && expected_->from <= now)
    expected_.reset(); // they did not come
  end_prewarming(now);
  if (alive() == 0)
    return;
  const auto members = count_members();
  auto in = inputs_now(members, now);
  in.end_all = superseded_ ? scaling::rule::superseded : scaling::rule::idle_ttl;
  tell(in, decide(in), now, out);
  withdraw_waiting(0, members, out);
  for (auto& [id, s] : replicas_)
    end_replica(id, s, out);
}

/// The second stage of idleness: the zygote. A version that nobody would come back to keeps none.
void pool::cool_down(instant now, pool_effects& out) {
  if (!expired_ || calls_open_ != 0)
    return;
  if (!cooled_ && (outdated_ || superseded_ || now >= *cool_at_)) {
    cooled_ = true;
    out.push_back(pool_effect::cool{});
  }
  const bool has_history = limits_.prewarm && !outdated_ && !superseded_;
  if (cooled_ && (!has_history || now >= idle_since_ + scaling::history::longest_pause))
    forgettable_ = true;
}

// -- ahead of calls ----

/// A call came.
void pool::awake(instant now) {
  const bool was_idle = calls_open_ == 0;
  if (prewarmed_ && prewarmed_->since)
    ++counters_.prewarm_hits;
  end_prewarming(now);
  const auto in_slots = static_cast<double>(calls_open_ - queued_ - parked_calls_);
  history_.arrived(now, in_slots + 1 + std::min(static_cast<double>(queued_), in_slots), was_idle);
  expected_.reset();
  expired_ = cooled_ = forgettable_ = false;
  cool_at_.reset();
  wants_replicas_ = true;
}

bool pool::expects_calls(instant now) const {
  return expected_ && !superseded_ && now >= expected_->from && now < expected_->until;
}

/// One try: when starts fail now, the next call will see to it.
void pool::prewarm(instant now, pool_effects& out) {
  if (!expired_ || !expected_ || now < expected_->from)
    return;
  const auto in = inputs_now(count_members(), now);
  const auto what = decide(in);
  if (!expects_calls(now) || alive() > 0 || what.start == 0) {
    tell(in, what, now, out);
    expected_.reset();
    return;
  }
  expired_ = cooled_ = false;
  cool_at_.reset();
  tell(in, what, now, out);
  prewarmed_ = prewarming{start_one(now, false, out), std::nullopt};
}

/// It has been called, or was not needed.
void pool::end_prewarming(instant now) {
  if (prewarmed_ && prewarmed_->since)
    counters_.prewarm_waste += now - *prewarmed_->since;
  prewarmed_.reset();
}

// -- in place of others ----

void pool::replica_memory(replica_id id, std::uint64_t bytes, instant now, pool_effects& out) {
  const auto s = replicas_.find(id);
  if (s == replicas_.end())
    return;
  s->second.bytes = bytes;
  if (s->second.first_bytes == 0)
    s->second.first_bytes = bytes;
  pump(now, out);
}

pool::due pool::due_of(const member& s, instant now) const {
  if (limits_.recycle_calls > 0 && s.done >= limits_.recycle_calls)
    return due::calls;
  if (limits_.recycle_age.count() > 0 && now >= s.ready_since + limits_.recycle_age)
    return due::age;
  if (limits_.recycle_growth > 0 && s.bytes > s.first_bytes + limits_.recycle_growth)
    return due::memory;
  return due::no;
}

/// A replica that has served its time is replaced first and drained then, so no call ever waits for it.
void pool::recycle(instant now, pool_effects& out) {
  const bool recycles = limits_.recycle_calls > 0 || limits_.recycle_age.count() > 0 || limits_.recycle_growth > 0;
  if (!recycles || limits_.fresh)
    return;
  std::uint32_t dues = 0;
  std::uint32_t replacing = 0;
  auto next = replicas_.end();
  for (auto s = replicas_.begin(); s != replicas_.end(); ++s) {
    replacing += s->second.replaces ? 1 : 0;
    if (!s->second.ready || s->second.draining || s->second.replaced_by)
      continue;
    if (s->second.is_due == due::no)
      s->second.is_due = due_of(s->second, now);
    if (s->second.is_due == due::no)
      continue;
    ++dues;
    if (next == replicas_.end() || (is_surplus(s->second) && !is_surplus(next->second)))
      next = s;
  }
  if (dues == 0)
    return;
  auto in = inputs_now(count_members(), now);
  in.due = dues;
  in.due_idle = is_surplus(next->second) ? 1 : 0;
  in.replacing = replacing;
  const auto what = decide(in);
  if (what.end == 0)
    return;
  ++counters_.recycled;
  constexpr std::array<const char*, 4> reasons{"", "which has served its calls", "which has reached its age",
                                               "which has grown"};
  tell(in, what, now, out, label(next->first) + ", " + reasons[static_cast<std::size_t>(next->second.is_due)]);
  if (what.start == 0)
    return end_replica(next->first, next->second, out);
  const auto old = next->first;
  const auto id = start_one(now, false, out);
  replicas_.at(id).replaces = old;
  replicas_.at(old).replaced_by = id;
}

} // namespace hearth
