#pragma once

#include "actors/autoscaler.hpp"
#include "tools/replay/policy.hpp"

namespace hearth::replay {

/// Hearth's own: `scaling::decide` after every event, with what `scaling::history` has learned in this very trace, and the
/// clocks of a pool: a replica ends after `scaledown_ttl` without calls, the pool after `idle_ttl`.
class ours final : public policy {
public:
  ours() = default;

  std::string_view name() const noexcept override { return "hearth"; }
  void on(event what, const pool_view& pool, answer& out) override;
  seconds next_tick() const noexcept override { return next_; }

private:
  void learn(event what, const pool_view& pool);
  void fill(event what, const pool_view& pool);
  void end_idle(std::uint32_t count, const pool_view& pool, answer& out) const;
  void plan(const pool_view& pool, bool has_left_over);

  scaling::history history_;
  scaling::inputs inputs_;
  seconds idle_since_ = 0; // the pool
  seconds next_ = 30;
};

} // namespace hearth::replay
