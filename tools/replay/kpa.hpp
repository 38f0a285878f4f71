#pragma once

#include "tools/replay/bucket_window.hpp"
#include "tools/replay/policy.hpp"

#include <optional>

namespace hearth::replay {

/// The decision of Knative's pod autoscaler from its averages: Knative Serving, pkg/autoscaler/scaling/autoscaler.go
/// (Scale) with the defaults of config/core/configmaps/autoscaler.yaml.
class kpa_decider {
public:
  struct settings {
    double target = 7; // calls per replica: the container's concurrency times `target-utilization`
    double max_scale_up_rate = 1'000;
    double max_scale_down_rate = 2;
    double panic_threshold = 2;
    seconds stable_window = 60;
    seconds scale_down_delay = 0;
    std::uint32_t activation_scale = 1;
  };

  explicit kpa_decider(const settings& with);

  /// How many replicas it wants. `ready`: replicas that are.
  std::uint32_t scale(seconds now, double stable, double panic, std::uint32_t ready);
  bool is_panicking() const noexcept { return panic_since_.has_value(); }

private:
  settings with_;
  std::optional<seconds> panic_since_; // extended while the threshold is passed
  std::uint32_t panic_most_ = 0;
  max_window delayed_;
};

/// Knative's pod autoscaler: samples once a second, decides every two seconds and at once when a call finds no replica;
/// to zero as in pkg/reconciler/autoscaling/kpa/scaler.go. Its target is 0.7 of the replica's concurrency, which is what
/// `containerConcurrency` with the default `container-concurrency-target-percentage` amounts to.
class kpa final : public policy {
public:
  explicit kpa(std::uint32_t concurrency, std::uint32_t initial);

  std::string_view name() const noexcept override { return "kpa"; }
  void on(event what, const pool_view& pool, answer& out) override;
  seconds next_tick() const noexcept override { return next_; }

private:
  void sample(const pool_view& pool);
  void decide(const pool_view& pool, answer& out);
  /// 0 only once the revision was long enough inactive or served by the activator.
  std::uint32_t hold_last(std::uint32_t wanted, const pool_view& pool);

  double total_; // calls per replica without the utilization
  kpa_decider decider_;
  bucket_window stable_;
  bucket_window panic_;
  seconds next_ = 1;
  double area_ = 0;                       // at the last sample
  std::optional<seconds> active_since_;   // a replica is ready and the revision is not marked inactive
  std::optional<seconds> inactive_since_; // marked, and the last replicas still there
  std::optional<seconds> proxied_since_;  // the activator is in the path
};

} // namespace hearth::replay
