#include "tools/replay/keda_hpa.hpp"

#include <algorithm>
#include <cmath>

namespace hearth::replay {

namespace {

constexpr double utilization = 0.7;      // as for the other autoscaler that divides by a target
constexpr seconds polling_interval = 30; // pollingInterval
constexpr seconds cooldown = 300;        // cooldownPeriod
constexpr seconds sync_period = 15;      // --horizontal-pod-autoscaler-sync-period
constexpr double tolerance = 0.1;        // --horizontal-pod-autoscaler-tolerance
constexpr seconds stabilization = 300;   // scaleDown.stabilizationWindowSeconds
constexpr std::uint32_t up_pods = 4;     // scaleUp: the larger of these two per 15 s
constexpr std::uint32_t up_factor = 2;   // 100 %

} // namespace

std::uint32_t hpa_decider::sync(seconds now, double metric, std::uint32_t present) {
  const double ratio = metric / (target_ * present);
  auto wanted = std::abs(ratio - 1) <= tolerance ? present : static_cast<std::uint32_t>(std::ceil(metric / target_));
  wanted = std::clamp(wanted, min_, max_);
  std::erase_if(recommended_, [&](const recommendation& one) { return one.at <= now - stabilization; });
  recommended_.push_back({now, wanted});
  if (wanted < present) { // not below what was recommended of late
    for (const auto& one : recommended_)
      wanted = std::max(wanted, one.replicas);
    wanted = std::min(wanted, present);
  }
  return std::min(wanted, std::max(present * up_factor, present + up_pods));
}

keda_hpa::keda_hpa(std::uint32_t concurrency, std::uint32_t max, std::uint32_t initial)
  : decider_(utilization * concurrency, 1, max), target_(initial) {}

seconds keda_hpa::next_tick() const noexcept { return std::min(next_poll_, next_sync_); }

void keda_hpa::on(event what, const pool_view& pool, answer& out) {
  if (what != event::tick)
    return;
  if (pool.now >= next_poll_) {
    next_poll_ += polling_interval;
    poll(pool);
  }
  if (pool.now >= next_sync_) {
    next_sync_ += sync_period;
    if (target_ > 0)
      target_ = decider_.sync(pool.now, static_cast<double>(pool.open()), target_);
  }
  toward(target_, pool, out);
}

void keda_hpa::poll(const pool_view& pool) {
  if (pool.open() > 0) {
    last_active_ = pool.now;
    target_ = std::max(target_, 1u);
  } else if (target_ > 0 && pool.now > last_active_ + cooldown) {
    target_ = 0;
    decider_.forget();
  }
}

} // namespace hearth::replay
