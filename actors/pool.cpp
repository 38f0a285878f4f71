#include "actors/pool.hpp"

#include <algorithm>

namespace hearth {

namespace {

constexpr auto no_time = std::chrono::milliseconds{0};

} // namespace

pool::pool(std::shared_ptr<const environment_spec> spec, pool_limits limits, std::function<replica_id()> next_replica)
  : spec_(std::move(spec)), limits_(limits), next_replica_(std::move(next_replica)),
    service_ns_(spec_->tasks.size(), -1.0) {}

// -- admission ----

std::variant<ticket, pool::refusal> pool::admit(const request& what, instant now) {
  if (what.task >= spec_->tasks.size())
    return refusal{{ec::unknown_task, "Environment " + spec_->name + " has " + std::to_string(spec_->tasks.size())
                                        + " tasks; there is none with index " + std::to_string(what.task) + "."}};
  if (what.depth > defaults::depth_max)
    return refusal{{ec::too_deep, "Task " + spec_->tasks[what.task].name + " is nested deeper than "
                                    + std::to_string(defaults::depth_max) + " calls."}};
  if (broken_until_ && now < *broken_until_ && !has_ready())
    return refusal{{ec::crash_loop, spec_->title() + " is not started for now: " + last_failure_.message}};
  if (what.depth == 0 && (queued_roots_ >= defaults::queued_roots_max || queued_bytes_ >= defaults::queued_bytes_max))
    return refusal{{ec::queue_full, "The queue of environment " + spec_->name + " is full ("
                                      + std::to_string(queued_roots_) + " calls); try again in "
                                      + std::to_string(defaults::queue_full_retry.count()) + " ms."}};
  awake(now);
  auto id = make(what, now);
  enqueue(id, *find(id), false, now);
  return id;
}

ticket pool::make(const request& what, instant now) {
  std::uint32_t index;
  if (unused_.empty()) {
    index = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    index = unused_.back();
    unused_.pop_back();
  }
  auto& e = entries_[index];
  auto generation = e.generation;
  e = entry{};
  e.generation = generation;
  e.in_use = true;
  e.what = what;
  ticket id{(static_cast<std::uint64_t>(generation) << 32) | index};
  ++calls_open_;
  const auto& limit = task_of(e).timeout.deadline;
  auto deadline = what.deadline > no_time && limit > no_time ? std::min(what.deadline, limit)
                                                             : std::max(what.deadline, limit);
  if (deadline > no_time) {
    e.deadline = now + deadline;
    alarms_.emplace(*e.deadline, id);
  }
  return id;
}

pool::entry* pool::find(ticket call) {
  auto index = static_cast<std::uint32_t>(call.value);
  if (index >= entries_.size())
    return nullptr;
  auto& e = entries_[index];
  return e.in_use && e.generation == call.value >> 32 ? &e : nullptr;
}

const pool::entry* pool::find(ticket call) const { return const_cast<pool*>(this)->find(call); }

void pool::release(ticket call, entry& e, instant now, pool_effects& out) {
  clear_limit(call, e);
  if (e.deadline)
    alarms_.erase({*e.deadline, call});
  e.in_use = false;
  if (++e.generation == 0)
    e.generation = 1;
  unused_.push_back(static_cast<std::uint32_t>(call.value));
  if (--calls_open_ == 0) {
    idle_since_ = now;
    history_.rested(now);
    if (limits_.prewarm)
      expected_ = history_.expected();
  }
  out.push_back(pool_effect::release{call});
}

void pool::enqueue(ticket call, entry& e, bool front, instant now) {
  e.where = state::queued;
  e.replica = {};
  e.queued_since = now;
  e.ready_before = ready_count_;
  ++queued_;
  if (e.what.depth == 0) {
    ++queued_roots_;
    queued_bytes_ += e.what.size;
  }
  fair_queue::key where{e.what.root, e.what.depth};
  front ? queue_.push_front(call, where) : queue_.push_back(call, where);
  set_limit(call, e, task_of(e).timeout.max_queued, now);
}

void pool::leave_queue(entry& e, instant now) {
  e.queued_total += now - e.queued_since;
  --queued_;
  if (e.what.depth == 0) {
    --queued_roots_;
    queued_bytes_ -= e.what.size;
  }
}

void pool::set_limit(ticket call, entry& e, std::chrono::milliseconds after, instant now) {
  clear_limit(call, e);
  if (after > no_time) {
    e.limit = now + after;
    alarms_.emplace(*e.limit, call);
  }
}

void pool::clear_limit(ticket call, entry& e) {
  if (!e.limit)
    return;
  if (e.limit != e.deadline)
    alarms_.erase({*e.limit, call});
  e.limit.reset();
}

// -- what calls do ----

void pool::done(replica_id id, ticket call, ec code, bool unstarted, duration run, instant now, pool_effects& out) {
  auto* e = find(call);
  auto member_at = replicas_.find(id);
  if (!e || e->replica != id || member_at == replicas_.end())
    return;
  auto& s = member_at->second;
  unsend(s, call, *e, now);
  if (unstarted) {
    --e->attempt;
    if (e->answered)
      release(call, *e, now, out);
    else if (e->stopping)
      settle(call, *e, e->stop_reason, false, now, out);
    else
      enqueue(call, *e, true, now);
  } else {
    crashes_ = 0;
    ++s.done;
    ++counters_.run_samples;
    counters_.run_total += run;
    auto& learned = service_ns_[e->what.task];
    auto sample = static_cast<double>(run.count());
    learned = learned < 0 ? sample : learned + defaults::service_time_weight * (sample - learned);
    history_.served(run);
    if (limits_.fresh && !s.draining) {
      s.draining = true;
      out.push_back(pool_effect::retire{id, {}});
    }
    if (code == ec::none) {
      ++counters_.done;
      release(call, *e, now, out);
    } else {
      settle(call, *e, {code, std::string(sentence(code))}, true, now, out);
    }
  }
  pump(now, out);
}

void pool::parked(replica_id id, ticket call, instant now, pool_effects& out) {
  auto* e = find(call);
  auto s = replicas_.find(id);
  if (!e || e->replica != id || e->where != state::sent || s == replicas_.end())
    return;
  unsend(s->second, call, *e, now);
  park(s->second, call, *e);
  pump(now, out);
}

void pool::resumed(replica_id id, ticket call, instant now, pool_effects& out) {
  auto* e = find(call);
  auto s = replicas_.find(id);
  if (!e || e->replica != id || e->where != state::parked || s == replicas_.end())
    return;
  unpark(s->second, call, *e);
  e->where = state::sent;
  s->second.begun_asked = false;
  s->second.sent.push_front(call); // it has begun, so it is never among those to recall
  s->second.expected += e->expected;
  s->second.progress = now;
  pump(now, out);
}

void pool::recalled(replica_id id, const std::vector<ticket>& calls, instant now, pool_effects& out) {
  auto s = replicas_.find(id);
  if (s == replicas_.end())
    return;
  s->second.recalling = false;
  const bool hangs = s->second.begun_asked && !calls.empty() && calls.size() == s->second.sent.size();
  ++s->second.recalls;
  // Newest first, so that pushing each to the front restores the order.
  auto back = calls;
  std::sort(back.begin(), back.end(), [&](ticket a, ticket b) {
    auto at = [&](ticket t) { return std::find(s->second.sent.begin(), s->second.sent.end(), t); };
    return at(a) > at(b);
  });
  for (auto call : back) {
    auto* e = find(call);
    if (!e || e->replica != id || e->where != state::sent)
      continue;
    auto progress = s->second.progress; // giving calls back is no progress
    unsend(s->second, call, *e, now);
    s->second.progress = progress;
    --e->attempt;
    if (e->answered)
      release(call, *e, now, out);
    else if (e->stopping)
      settle(call, *e, e->stop_reason, false, now, out);
    else
      enqueue(call, *e, true, now);
  }
  if (hangs)
    replace(id, s->second, out);
  pump(now, out);
}

void pool::replace(replica_id id, member& s, pool_effects& out) {
  s.draining = true;
  last_failure_ = {ec::interpreter_lost,
                   "Replica " + to_string(id) + " began none of its calls within "
                     + std::to_string(defaults::begin_patience.count())
                     + " s and was replaced; what an earlier call left running may have held it."};
  out.push_back(pool_effect::retire{id, last_failure_.message});
}

/// An execution ended without a result: another one follows, or the caller is told.
void pool::settle(ticket call, entry& e, const failure& why, bool with_reply, instant now, pool_effects& out) {
  if (e.answered)
    return release(call, e, now, out);
  auto reason = e.stopping ? e.stop_reason : why;
  with_reply = with_reply && !e.stopping;
  e.stopping = false;
  bool retryable = reason.code == ec::user_error || reason.code == ec::timeout_runtime;
  if (retryable && retry(call, e, false, now))
    return;
  answer(call, e, std::move(reason), with_reply, out);
  release(call, e, now, out);
}

/// `alone`: nothing else had begun in the interpreter, so a lack of memory was this call's.
void pool::settle_loss(ticket call, entry& e, const failure& why, bool alone, instant now, pool_effects& out) {
  ++counters_.lost;
  if (e.answered || e.stopping)
    return settle(call, e, why, false, now, out);
  const bool by_itself = alone && why.code == ec::out_of_memory;
  if (retry(call, e, !by_itself, now))
    return;
  auto told = why;
  if (task_of(e).retries.lost == 0 && (why.code == ec::interpreter_lost || why.code == ec::node_lost))
    told = {ec::maybe_executed, "Task " + task_of(e).name + " may have taken effect: " + why.message
                                  + " It is not run again, because its retries say lost=0."};
  answer(call, e, std::move(told), false, out);
  release(call, e, now, out);
}

bool pool::retry(ticket call, entry& e, bool as_loss, instant now) {
  const auto& rule = task_of(e).retries;
  if (as_loss ? e.losses >= rule.lost : e.user_failures >= rule.count)
    return false;
  auto n = as_loss ? e.losses++ : e.user_failures++;
  auto wait = static_cast<double>(rule.backoff_base.count());
  for (std::uint16_t i = 0; i < n && wait < 1e12; ++i)
    wait *= rule.backoff_factor;
  if (rule.backoff_cap > no_time)
    wait = std::min(wait, static_cast<double>(rule.backoff_cap.count()));
  if (as_loss || wait < 1) {
    enqueue(call, e, true, now);
  } else {
    e.where = state::backoff;
    e.replica = {};
    set_limit(call, e, std::chrono::milliseconds(static_cast<std::int64_t>(std::min(wait, 1e12))), now);
  }
  return true;
}

void pool::answer(ticket call, entry& e, failure why, bool with_reply, pool_effects& out) {
  e.answered = true;
  ++counters_.failed;
  out.push_back(pool_effect::fail{call, std::move(why), e.attempt, with_reply});
}

void pool::stop(ticket call, entry& e, failure why, pool_effects& out) {
  if (e.stopping)
    return;
  e.stopping = true;
  e.stop_reason = std::move(why);
  out.push_back(pool_effect::stop{e.replica, call});
}

void pool::cancel(ticket call, const failure& why, instant now, pool_effects& out) {
  auto* e = find(call);
  if (!e)
    return;
  bool was_answered = e->answered;
  if (!was_answered)
    answer(call, *e, why, false, out);
  switch (e->where) {
    case state::queued:
      leave_queue(*e, now);
      release(call, *e, now, out);
      sweep_queue();
      break;
    case state::backoff:
      release(call, *e, now, out);
      break;
    case state::sent:
    case state::parked:
      stop(call, *e, why, out);
      break;
  }
  pump(now, out);
}

/// The queue forgets tickets that left it from the middle when they are the greater part of it.
void pool::sweep_queue() {
  if (queue_.size() <= 2 * queued_ + defaults::stale_tickets_max)
    return;
  queue_.keep_if([this](ticket id) {
    const auto* e = find(id);
    return e && e->where == state::queued;
  });
}

void pool::abort_all(const failure& why, instant now, pool_effects& out) {
  for (auto call : open_tickets())
    cancel(call, why, now, out);
}

} // namespace hearth
