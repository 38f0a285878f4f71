#include "actors/pool.hpp"

#include <algorithm>
#include <cmath>

/// What the number of replicas follows: the part of the pool that looks at the metric of an app.
namespace hearth {

/// A request that a replica finishes before it ends asks for no other one.
void pool::observe(scaling::inputs& into, const census& members, instant now) const {
  into.metric = limits_.metric;
  into.target = limits_.target;
  if (limits_.metric == scaling::metric::concurrency)
    into.observed = static_cast<double>(calls_open_ - std::min<std::uint64_t>(calls_open_, members.leaving));
  else if (limits_.metric == scaling::metric::rate)
    into.observed = history_.rate(now);
}

/// As many as are there without a reason of their own: the minimum, or what the metric asks for, which may pass the maximum.
std::uint32_t pool::wanted(const census& members, instant now) const {
  if (!has_metric())
    return limits_.min_replicas;
  scaling::inputs in;
  in.concurrency = slots_each();
  in.running = members.running;
  in.queued = queued_;
  in.lent = members.lent;
  observe(in, members, now);
  return std::max(limits_.min_replicas, scaling::replicas_asked(in));
}

/// How many replicas serve so many calls, never fewer than the minimum: as the metric has it, or without one being full.
std::uint64_t pool::replicas_needed(std::uint64_t calls, instant now) const {
  double needed = 0;
  if (limits_.metric == scaling::metric::rate)
    needed = std::max(1.0, history_.rate(now) / std::max(limits_.target, 1u));
  else if (limits_.metric == scaling::metric::concurrency)
    needed = static_cast<double>(calls) / std::max(std::min(limits_.target, limits_.concurrency), 1u);
  else if (limits_.concurrency == 1)
    return calls;
  else
    needed = static_cast<double>(calls) / std::max(1.0, defaults::pack_share * limits_.concurrency);
  return std::max<std::uint64_t>(limits_.min_replicas, static_cast<std::uint64_t>(std::ceil(needed)));
}

} // namespace hearth
