#pragma once

#include "actors/autoscaler.hpp"
#include "tools/replay/policy.hpp"

#include <optional>

namespace hearth::replay {

/// Hearth's own: `scaling::decide` after every event, with what `scaling::history` has learned in this very trace, and the
/// clocks of a pool with the SDK's defaults: a replica ends after `scaledown_ttl` without calls, the pool after `idle_ttl`.
/// Where it prewarms (`ReusePolicy(prewarm=True)`), the pool stays while calls are expected, and one replica starts when they
/// are. It begins without having learned anything.
class ours final : public policy {
public:
  explicit ours(bool prewarms = false) : prewarms_(prewarms) {}

  std::string_view name() const noexcept override { return prewarms_ ? "hearth_prewarm" : "hearth"; }
  void on(event what, const pool_view& pool, answer& out) override;
  seconds next_tick() const noexcept override { return next_; }

private:
  void learn(event what, const pool_view& pool);
  scaling::inputs inputs_now(const pool_view& pool) const;
  bool expects_calls(seconds now) const;
  seconds idle_until() const;
  void end_surplus(const pool_view& pool, answer& out) const;
  void expire_idle(const pool_view& pool, answer& out);
  void prewarm(const pool_view& pool, answer& out);
  void plan(const pool_view& pool);

  struct expectation {
    seconds from, until;
  };

  const bool prewarms_;
  scaling::history history_;
  std::optional<expectation> expected_; // while idle
  bool is_prewarmed_ = false;
  bool is_expired_ = false;
  seconds idle_since_ = 0;          // the pool
  seconds saturated_since_ = never; // every call has had to wait
  seconds next_ = 0;
};

} // namespace hearth::replay
