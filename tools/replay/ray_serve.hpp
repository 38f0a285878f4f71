#pragma once

#include "tools/replay/policy.hpp"

#include <vector>

namespace hearth::replay {

/// The decision of Ray Serve's autoscaler in one turn of its control loop, from the mean number of ongoing calls: Ray,
/// python/ray/serve/autoscaling_policy.py with the defaults of AutoscalingConfig (python/ray/serve/config.py).
class ray_decider {
public:
  struct settings {
    double target_ongoing = 2;
    double upscaling_factor = 1;
    double downscaling_factor = 1;
    seconds upscale_delay = 30;
    seconds downscale_delay = 600; // the last replica's too: downscale_to_zero_delay is not set
    std::uint32_t min = 0;
    std::uint32_t max = 1;
  };

  explicit ray_decider(const settings& with) : with_(with) {}

  /// The new target. `ongoing`: running and waiting, a mean; `waiting_now`: calls open at this moment, which count as long
  /// as nothing runs; `running`: replicas that do; `target`: the present one.
  std::uint32_t turn(double ongoing, std::uint64_t waiting_now, std::uint32_t running, std::uint32_t target);

private:
  std::uint32_t wanted(double ongoing, std::uint32_t running) const;

  settings with_;
  std::int64_t turns_ = 0; // in a row that wanted more (positive) or fewer
};

/// Ray Serve: a control loop ten times a second on the mean of the last 30 seconds. `max_ongoing_requests` is the
/// concurrency of a replica; its documentation advises a maximum 20 % to 50 % above `target_ongoing_requests`, so the target
/// is the concurrency divided by 1.35, and at least one call. (The plain default, 2, would cost a pool of concurrency 100
/// fifty times the replicas.)
class ray_serve final : public policy {
public:
  ray_serve(std::uint32_t concurrency, std::uint32_t max, std::uint32_t initial);

  std::string_view name() const noexcept override { return "ray_serve"; }
  void on(event what, const pool_view& pool, answer& out) override;
  seconds next_tick() const noexcept override;

private:
  ray_decider decider_;
  std::uint32_t target_;
  std::int64_t turns_ = 0;
  std::vector<double> areas_; // of the last 30 seconds, a ring
};

} // namespace hearth::replay
