#include "tools/replay/ray_serve.hpp"

#include <algorithm>
#include <cmath>

namespace hearth::replay {

namespace {

constexpr std::int64_t turns_per_second = 10; // CONTROL_LOOP_INTERVAL_S = 0.1
constexpr std::int64_t look_back = 30;        // look_back_period_s
constexpr double headroom = 1.35;             // max_ongoing_requests / target_ongoing_requests

} // namespace

std::uint32_t ray_decider::wanted(double ongoing, std::uint32_t running) const {
  const double present = running;
  const double desired = present * (ongoing / (with_.target_ongoing * present));
  const double factor = desired > present ? with_.upscaling_factor : with_.downscaling_factor;
  double scaled = std::ceil(present + factor * (desired - present));
  if (std::ceil(desired) < present && scaled >= present) // a small factor must not stop it
    scaled = present - 1;
  return std::max(with_.min, static_cast<std::uint32_t>(std::clamp(scaled, 0.0, static_cast<double>(with_.max))));
}

std::uint32_t ray_decider::turn(double ongoing, std::uint64_t waiting_now, std::uint32_t running,
                                std::uint32_t target) {
  if (running == 0) // the fast path: no delay from zero
    return waiting_now > 0 ? std::max(static_cast<std::uint32_t>(std::ceil(with_.upscaling_factor)), target) : target;
  const auto desired = wanted(ongoing, running);
  auto turns_of = [](seconds delay) { return static_cast<std::int64_t>(delay * turns_per_second + 0.5); };
  if (desired > target) {
    turns_ = std::max<std::int64_t>(turns_, 0) + 1;
    if (turns_ <= turns_of(with_.upscale_delay))
      return target;
    turns_ = 0;
    return desired;
  }
  if (desired < target) {
    turns_ = std::min<std::int64_t>(turns_, 0) - 1;
    if (-turns_ <= turns_of(with_.downscale_delay))
      return target;
    turns_ = 0;
    return target == 1 ? desired : std::max(1u, desired); // zero is reached from one alone
  }
  turns_ = 0;
  return target;
}

ray_serve::ray_serve(std::uint32_t concurrency, std::uint32_t max, std::uint32_t initial)
  : decider_({.target_ongoing = std::max(1.0, concurrency / headroom), .max = max}), target_(initial),
    areas_(static_cast<std::size_t>(look_back * turns_per_second), 0.0) {}

seconds ray_serve::next_tick() const noexcept {
  return static_cast<double>(turns_ + 1) / static_cast<double>(turns_per_second);
}

void ray_serve::on(event what, const pool_view& pool, answer& out) {
  if (what != event::tick)
    return;
  auto& oldest = areas_[static_cast<std::size_t>(turns_ % static_cast<std::int64_t>(areas_.size()))];
  const double ongoing = (pool.concurrency_area - oldest) / static_cast<double>(look_back);
  oldest = pool.concurrency_area;
  ++turns_;
  target_ = decider_.turn(ongoing, pool.open(), pool.ready, target_);
  toward(target_, pool, out);
}

} // namespace hearth::replay
