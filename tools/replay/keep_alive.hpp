#pragma once

#include "tools/replay/policy.hpp"

#include <string>

namespace hearth::replay {

/// What functions as a service do: a call that finds no slot, neither free nor starting, starts a replica; a replica ends
/// after so long without calls. The fixed keep-alive of "Serverless in the Wild" (Shahrad et al., USENIX ATC 2020) is 600 s
/// (OpenWhisk) or a few minutes.
class keep_alive final : public policy {
public:
  explicit keep_alive(seconds time);

  std::string_view name() const noexcept override { return name_; }
  void on(event what, const pool_view& pool, answer& out) override;
  seconds next_tick() const noexcept override { return next_; }

private:
  seconds time_;
  std::string name_;
  seconds next_;
};

/// The earliest time after `pool.now` at which a replica may have been idle for `time`, by what is known now: others become
/// idle later and so are not over before that either.
seconds next_over(const pool_view& pool, seconds time);

/// Whether the replica has had nothing to do for `time`.
inline bool is_idle_for(const replica& one, seconds now, seconds time) {
  return one.ready && !one.draining && one.in_use == 0 && now >= one.idle_since + time;
}

} // namespace hearth::replay
