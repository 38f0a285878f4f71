#include "tools/replay/ours.hpp"

#include "tools/replay/keep_alive.hpp"

#include <algorithm>
#include <chrono>

namespace hearth::replay {

namespace {

constexpr seconds scaledown_ttl = 30; // the SDK's defaults
constexpr seconds idle_ttl = 30;
constexpr seconds look_again = 1; // at what was due and stays

scaling::duration length(seconds s) { return std::chrono::nanoseconds(static_cast<std::int64_t>(s * 1e9 + 0.5)); }

/// Virtual time on the clock of a node that has been up for a day, and back; rounded up, so that what is due then is.
scaling::instant instant(seconds s) { return scaling::instant(std::chrono::hours(24)) + length(s); }

seconds virtual_time(scaling::instant at) {
  return std::chrono::duration<double>(at - scaling::instant(std::chrono::hours(24))).count() + 1e-9;
}

/// Since when the first of those that start was asked for.
scaling::duration oldest_start(const pool_view& pool) {
  for (const auto& one : pool.replicas)
    if (!one.ready && !one.draining)
      return length(pool.now - one.requested);
  return {};
}

} // namespace

void ours::on(event what, const pool_view& pool, answer& out) {
  learn(what, pool);
  if (what == event::tick) {
    end_surplus(pool, out);
    expire_idle(pool, out);
    prewarm(pool, out);
  } else {
    out.start = decide(inputs_now(pool)).start;
  }
  if (what == event::tick || (what == event::ended && pool.open() == 0))
    plan(pool);
}

void ours::learn(event what, const pool_view& pool) {
  if (what == event::arrived) {
    history_.arrived(instant(pool.now), static_cast<double>(pool.running + std::min(pool.queued, pool.running)),
                     pool.open() == 1);
    if (pool.queued == 0)
      saturated_since_ = never;
    else
      saturated_since_ = std::min(saturated_since_, pool.now);
    expected_.reset();
    is_prewarmed_ = is_expired_ = false;
  } else if (what == event::ready) {
    history_.started(length(pool.last_start_up));
  } else if (what == event::ended) {
    history_.served(length(pool.last_service));
    if (pool.open() > 0)
      return;
    history_.rested(instant(pool.now));
    idle_since_ = pool.now;
    if (const auto expected = prewarms_ ? history_.expected() : std::nullopt)
      expected_ = {virtual_time(expected->from), virtual_time(expected->until)};
  }
}

scaling::inputs ours::inputs_now(const pool_view& pool) const {
  scaling::inputs in;
  in.max = pool.max;
  in.concurrency = pool.concurrency;
  in.ready = pool.ready;
  in.starting = pool.starting;
  in.running = pool.running;
  in.queued = pool.queued;
  in.saturated = saturated_since_ == never ? scaling::duration{0} : length(pool.now - saturated_since_);
  in.service = history_.service();
  in.start_up = history_.start_up();
  in.oldest_start = oldest_start(pool);
  in.arrivals = history_.arrivals(instant(pool.now));
  in.rising = history_.rising(instant(pool.now));
  in.is_wanted = !is_expired_;
  in.expects_calls = expects_calls(pool.now);
  return in;
}

bool ours::expects_calls(seconds now) const { return expected_ && now >= expected_->from && now < expected_->until; }

seconds ours::idle_until() const {
  const auto end = idle_since_ + idle_ttl;
  const bool goes_on = expected_ && (is_prewarmed_ || expected_->from <= end);
  return goes_on ? std::max(end, expected_->until) : end;
}

/// Those that are idle for the longest time.
void ours::end_surplus(const pool_view& pool, answer& out) const {
  std::vector<const replica*> over;
  for (const auto& one : pool.replicas)
    if (is_idle_for(one, pool.now, scaledown_ttl))
      over.push_back(&one);
  if (over.empty())
    return;
  auto in = inputs_now(pool);
  in.over = static_cast<std::uint32_t>(over.size());
  const auto decided = decide(in);
  std::stable_sort(over.begin(), over.end(),
                   [](const replica* a, const replica* b) { return a->idle_since < b->idle_since; });
  for (std::uint32_t i = 0; i < decided.end; ++i)
    out.end.push_back(over[i]->id);
}

void ours::expire_idle(const pool_view& pool, answer& out) {
  if (pool.open() > 0 || is_expired_ || pool.now < idle_until())
    return;
  is_expired_ = true;
  is_prewarmed_ = false;
  if (expected_ && expected_->from <= pool.now)
    expected_.reset(); // they did not come
  out.end.clear();
  for (const auto& one : pool.replicas)
    if (!one.draining)
      out.end.push_back(one.id);
}

void ours::prewarm(const pool_view& pool, answer& out) {
  if (!is_expired_ || !expects_calls(pool.now) || pool.alive() > 0)
    return;
  out.start = decide(inputs_now(pool)).start;
  is_prewarmed_ = out.start > 0;
  is_expired_ = !is_prewarmed_;
}

void ours::plan(const pool_view& pool) {
  next_ = pool.now + scaledown_ttl; // what becomes idle later is not over before that
  auto consider = [&](seconds at) { next_ = std::min(next_, at > pool.now ? at : pool.now + look_again); };
  for (const auto& one : pool.replicas)
    if (one.ready && !one.draining && one.in_use == 0)
      consider(one.idle_since + scaledown_ttl);
  if (pool.open() == 0 && !is_expired_)
    consider(idle_until());
  if (is_expired_ && expected_)
    consider(expected_->from);
}

} // namespace hearth::replay
