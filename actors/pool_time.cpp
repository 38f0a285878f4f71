#include "actors/pool.hpp"

#include <algorithm>

/// Limits in time, versions, and what others may ask: the part of the pool without calls coming and going.
namespace hearth {

namespace {

failure too_late(ec code, const task_spec& task, std::chrono::milliseconds limit, std::string_view what) {
  return {code, "Task " + task.name + " " + std::string(what) + " " + std::to_string(limit.count()) + " ms."};
}

} // namespace

// -- time ----

std::optional<pool::instant> pool::next_wake() const {
  std::optional<instant> result;
  auto consider = [&](instant at) { result = result ? std::min(*result, at) : at; };
  if (!alarms_.empty())
    consider(alarms_.begin()->first);
  if (disowned_)
    return result;
  const auto members = count_members();
  // What is open changes by events; time alone changes a rate.
  const auto kept = limits_.metric == scaling::metric::rate ? limits_.min_replicas : wanted(members, {});
  const bool has_surplus = members.alive() > std::min(kept, limits_.max_replicas);
  const bool ages = limits_.recycle_age.count() > 0;
  for (const auto& [id, s] : replicas_) {
    if (may_stall(s))
      consider(s.progress + defaults::stall_after);
    else if (has_surplus && is_surplus(s))
      consider(std::max(s.progress + limits_.scaledown_ttl, surplus_stays_until_));
    if (may_hang(s))
      consider(s.progress + defaults::begin_patience);
    if (ages && s.ready && !s.draining && s.is_due == due::no)
      consider(s.ready_since + limits_.recycle_age);
  }
  if (held_until_)
    consider(*held_until_);
  if (starts_held_until_)
    consider(*starts_held_until_);
  if (broken_until_ && wants_replicas_)
    consider(*broken_until_);
  if (calls_open_ == 0 && !expired_)
    consider(idle_until());
  if (expired_ && !cooled_ && cool_at_)
    consider(*cool_at_);
  if (cooled_ && !forgettable_)
    consider(idle_since_ + scaling::history::longest_pause);
  if (expired_ && expected_ && !superseded_)
    consider(expected_->from);
  return result;
}

void pool::tick(instant now, pool_effects& out) {
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    auto call = alarms_.begin()->second;
    alarms_.erase(alarms_.begin());
    ring(call, now, out);
  }
  if (disowned_)
    return;
  if (broken_until_ && *broken_until_ <= now)
    broken_until_.reset();
  if (starts_held_until_ && *starts_held_until_ <= now)
    starts_held_until_.reset();
  recall_stalled(now, out);
  recall_hanging(now, out);
  end_surplus(now, limits_.scaledown_ttl, scaling::rule::scaledown_ttl, out);
  expire_idle(now, out);
  prewarm(now, out);
  cool_down(now, out);
  pump(now, out);
}

void pool::ring(ticket call, instant now, pool_effects& out) {
  auto* e = find(call);
  if (!e)
    return;
  const auto& task = task_of(*e);
  if (e->deadline && *e->deadline <= now) {
    e->deadline.reset();
    return cancel(call, {ec::deadline_exceeded, "Task " + task.name + " passed its deadline."}, now, out);
  }
  e->limit.reset();
  switch (e->where) {
    case state::queued:
      return cancel(
        call, too_late(ec::timeout_queued, task, task.timeout.max_queued, "waited in the queue longer than"), now, out);
    case state::backoff:
      return enqueue(call, *e, false, now);
    case state::sent:
    case state::parked: {
      auto why = too_late(ec::timeout_runtime, task, task.timeout.max_runtime, "ran longer than");
      if (!e->answered && e->user_failures >= task.retries.count)
        answer(call, *e, why, false, out); // nobody waits for the interpreter to give up
      return stop(call, *e, std::move(why), out);
    }
  }
}

// -- versions ----

void pool::opened(instant now) {
  if (calls_open_ == 0)
    idle_since_ = now;
  expired_ = cooled_ = forgettable_ = outdated_ = false;
  cool_at_.reset();
}

void pool::deploy(instant now, pool_effects& out) {
  opened(now);
  superseded_ = false;
  wants_replicas_ = true;
  pump(now, out);
  if (spec_->is_app() && limits_.min_replicas == 0 && replicas_.empty() && !disowned_ && !holds_starts(now)
      && !is_paused(now))
    rehearse(now, out);
}

void pool::rehearse(instant now, pool_effects& out) {
  const auto id = next_replica_();
  auto& s = replicas_[id];
  s.since = s.progress = now;
  s.rehearses = true;
  out.push_back(pool_effect::start{id, false, true});
}

void pool::supersede(instant now, pool_effects& out) {
  superseded_ = outdated_ = true;
  expire_idle(now, out);
  cool_down(now, out);
}

void pool::outdate(instant now, pool_effects& out) {
  outdated_ = true;
  expected_.reset(); // nobody comes back to it
  expire_idle(now, out);
  cool_down(now, out);
}

// -- questions ----

std::vector<ticket> pool::open_tickets() const {
  std::vector<ticket> result;
  result.reserve(calls_open_);
  for (std::uint32_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].in_use)
      result.push_back(ticket{(static_cast<std::uint64_t>(entries_[i].generation) << 32) | i});
  return result;
}

std::vector<ticket> pool::sent_to(replica_id id) const {
  auto s = replicas_.find(id);
  if (s == replicas_.end())
    return {};
  std::vector<ticket> result(s->second.sent.begin(), s->second.sent.end());
  result.insert(result.end(), s->second.parked.begin(), s->second.parked.end());
  return result;
}

std::uint16_t pool::attempt_of(ticket call) const {
  const auto* e = find(call);
  return e ? e->attempt : std::uint16_t{0};
}

pool::waits pool::waits_of(ticket call) const {
  const auto* e = find(call);
  return e ? waits{e->queued_total, e->cold ? e->queued_total : duration{0}, e->cold} : waits{};
}

std::vector<pool::replica_view> pool::view() const {
  std::vector<replica_view> result;
  result.reserve(replicas_.size());
  for (const auto& [id, s] : replicas_) {
    auto running = std::min(s.in_flight(), limits_.concurrency);
    result.push_back({id, s.ready, s.draining, s.rehearses, s.waits_for, running,
                      static_cast<std::uint32_t>(s.parked.size()), s.in_flight() - running, s.done, s.since});
  }
  return result;
}

} // namespace hearth
