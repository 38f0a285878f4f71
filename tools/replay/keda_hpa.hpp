#pragma once

#include "tools/replay/policy.hpp"

#include <cstdint>
#include <vector>

namespace hearth::replay {

/// The decision of Kubernetes' horizontal pod autoscaler in one sync: kubernetes, pkg/controller/podautoscaler, with the
/// default behaviour of autoscaling/v2.
class hpa_decider {
public:
  hpa_decider(double target, std::uint32_t min, std::uint32_t max) : target_(target), min_(min), max_(max) {}

  /// The number of replicas from now on. `metric`: of all replicas together; `present`: replicas asked for, at least one.
  std::uint32_t sync(seconds now, double metric, std::uint32_t present);
  void forget() { recommended_.clear(); }

private:
  struct recommendation {
    seconds at;
    std::uint32_t replicas;
  };
  double target_;
  std::uint32_t min_, max_;
  std::vector<recommendation> recommended_; // of the last 300 s
};

/// KEDA with the autoscaler above: KEDA, pkg/scaling/executor/scale_scaledobjects.go. Looks every 30 s whether there is
/// work: from zero to one replica, and back to zero 300 s after the last time that there was. In between the autoscaler
/// decides every 15 s. The metric is the number of calls that run or wait at that moment, as KEDA's triggers on queues report
/// it, with 0.7 of a replica's concurrency as target. Polls come at 15 s, 45 s, ...: what begins at 0 waits the mean time.
class keda_hpa final : public policy {
public:
  keda_hpa(std::uint32_t concurrency, std::uint32_t max, std::uint32_t initial);

  std::string_view name() const noexcept override { return "keda_hpa"; }
  void on(event what, const pool_view& pool, answer& out) override;
  seconds next_tick() const noexcept override;

private:
  void poll(const pool_view& pool);

  hpa_decider decider_;
  std::uint32_t target_;
  seconds next_poll_ = 15;
  seconds next_sync_ = 7.5;
  seconds last_active_ = 0;
};

} // namespace hearth::replay
