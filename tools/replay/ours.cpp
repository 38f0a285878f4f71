#include "tools/replay/ours.hpp"

#include "tools/replay/keep_alive.hpp"

#include <algorithm>
#include <chrono>

namespace hearth::replay {

namespace {

constexpr seconds scaledown_ttl = 30; // the SDK's defaults
constexpr seconds idle_ttl = 30;
constexpr seconds look_again = 1; // at replicas that are over and stay

scaling::duration length(seconds s) { return std::chrono::nanoseconds(static_cast<std::int64_t>(s * 1e9 + 0.5)); }

/// Virtual time as the clock of a node that has been up for a day.
scaling::instant instant(seconds s) { return scaling::instant(std::chrono::hours(24)) + length(s); }

seconds virtual_time(scaling::instant at) {
  return std::chrono::duration<double>(at - scaling::instant(std::chrono::hours(24))).count();
}

} // namespace

void ours::on(event what, const pool_view& pool, answer& out) {
  learn(what, pool);
  fill(what, pool);
  const auto decided = scaling::decide(inputs_);
  out.start = decided.start;
  if (decided.why == scaling::rule::idle_ttl) {
    for (const auto& one : pool.replicas)
      if (!one.draining)
        out.end.push_back(one.id);
  } else if (decided.end > 0) {
    end_idle(decided.end, pool, out);
  }
  if (what == event::tick)
    plan(pool, inputs_.over > decided.end);
  else if (what == event::ended && pool.open() == 0)
    plan(pool, false); // the pool's own clock begins, and what is expected is known
}

void ours::learn(event what, const pool_view& pool) {
  if (what == event::arrived) {
    history_.arrived(instant(pool.now), pool.open() == 1);
  } else if (what == event::ready) {
    history_.started(length(pool.last_start_up));
  } else if (what == event::ended) {
    history_.served(length(pool.last_service));
    if (pool.open() == 0) {
      history_.rested(instant(pool.now));
      idle_since_ = pool.now;
    }
  }
}

void ours::fill(event what, const pool_view& pool) {
  const auto now = instant(pool.now);
  auto& in = inputs_;
  in.max = pool.max;
  in.concurrency = pool.concurrency;
  in.ready = pool.ready;
  in.starting = pool.starting;
  in.running = pool.running;
  in.queued = pool.queued;
  in.oldest_wait = pool.queued > 0 ? length(pool.now - pool.oldest_arrival) : scaling::duration{0};
  in.service = history_.service();
  in.start_up = history_.start_up();
  in.arrivals = history_.arrivals(now);
  in.over = 0;
  in.end_all = scaling::rule::none;
  in.expects_calls = false;
  if (what != event::tick)
    return;
  if (const auto expected = pool.open() == 0 ? history_.expected() : std::nullopt)
    in.expects_calls = expected->from <= now && now < expected->until;
  for (const auto& one : pool.replicas)
    in.over += is_idle_for(one, pool.now, scaledown_ttl);
  if (pool.open() == 0 && pool.now >= idle_since_ + idle_ttl && pool.alive() > 0 && !in.expects_calls)
    in.end_all = scaling::rule::idle_ttl;
}

/// Those that are idle for the longest time.
void ours::end_idle(std::uint32_t count, const pool_view& pool, answer& out) const {
  std::vector<const replica*> over;
  for (const auto& one : pool.replicas)
    if (is_idle_for(one, pool.now, scaledown_ttl))
      over.push_back(&one);
  std::stable_sort(over.begin(), over.end(),
                   [](const replica* a, const replica* b) { return a->idle_since < b->idle_since; });
  for (const auto* one : over)
    if (out.end.size() < count)
      out.end.push_back(one->id);
}

void ours::plan(const pool_view& pool, bool has_left_over) {
  next_ = next_over(pool, scaledown_ttl);
  if (has_left_over)
    next_ = std::min(next_, pool.now + look_again);
  if (pool.open() > 0)
    return;
  auto consider = [&](seconds at) {
    if (at > pool.now)
      next_ = std::min(next_, at);
  };
  consider(idle_since_ + idle_ttl);
  if (const auto expected = history_.expected()) {
    consider(virtual_time(expected->from) + 1e-6); // times are rounded to nanoseconds
    consider(virtual_time(expected->until) + 1e-6);
  }
}

} // namespace hearth::replay
