#include "tools/replay/kpa.hpp"

namespace hearth::replay {

namespace {

constexpr double utilization = 0.7;          // target-utilization
constexpr double target_min = 0.01;          // calls per replica
constexpr double burst_capacity = 211;       // target-burst-capacity
constexpr std::uint32_t stable_buckets = 60; // stable-window, in seconds
constexpr std::uint32_t panic_buckets = 6;   // 10 % of it
constexpr seconds tick = 2;
constexpr seconds grace = 30; // scale-to-zero-grace-period

} // namespace

kpa_decider::kpa_decider(const settings& with) : with_(with), delayed_(with.scale_down_delay, tick) {}

std::uint32_t kpa_decider::scale(seconds now, double stable, double panic, std::uint32_t ready) {
  const double present = std::max(1u, ready);
  const double up = std::ceil(with_.max_scale_up_rate * present);
  const double down = std::floor(present / with_.max_scale_down_rate);
  const double by_stable = std::ceil(stable / with_.target);
  const double by_panic = std::ceil(panic / with_.target);
  auto limited = [&](double wanted) {
    auto result = static_cast<std::uint32_t>(std::min(std::max(wanted, down), up));
    return with_.activation_scale > 1 && wanted > 0 ? std::max(result, with_.activation_scale) : result;
  };
  const auto for_stable = limited(by_stable);
  const auto for_panic = limited(by_panic);

  if (by_panic / present >= with_.panic_threshold) {
    panic_since_ = now;
  } else if (panic_since_ && *panic_since_ + with_.stable_window < now) {
    panic_since_.reset();
    panic_most_ = 0;
  }
  auto wanted = for_stable;
  if (panic_since_)
    wanted = panic_most_ = std::max({panic_most_, for_stable, for_panic});
  if (with_.scale_down_delay > 0) {
    delayed_.record(now, wanted);
    wanted = delayed_.current();
  }
  return wanted;
}

kpa::kpa(std::uint32_t concurrency, std::uint32_t initial)
  : total_(concurrency), decider_({.target = std::max(target_min, concurrency * utilization)}), stable_(stable_buckets),
    panic_(panic_buckets) {
  // The revision has been there for longer than the window, without calls.
  for (std::uint32_t second = 0; second < stable_buckets; ++second) {
    stable_.record(second, 0);
    panic_.record(second, 0);
  }
  if (initial > 0)
    active_since_ = -seconds{stable_buckets};
}

void kpa::on(event what, const pool_view& pool, answer& out) {
  if (what == event::ready && !active_since_)
    active_since_ = pool.now;
  if (what == event::arrived && pool.alive() == 0) { // the activator reports it at once
    stable_.record(pool.now + stable_buckets, 1);
    panic_.record(pool.now + stable_buckets, 1);
    decide(pool, out);
  }
  if (what != event::tick)
    return;
  sample(pool);
  if (static_cast<std::int64_t>(next_) % static_cast<std::int64_t>(tick) == 0)
    decide(pool, out);
  next_ += 1;
}

void kpa::sample(const pool_view& pool) {
  const auto at = pool.now + stable_buckets - 1; // the second that ends now
  stable_.record(at, pool.concurrency_area - area_);
  panic_.record(at, pool.concurrency_area - area_);
  area_ = pool.concurrency_area;
}

void kpa::decide(const pool_view& pool, answer& out) {
  const auto at = pool.now + stable_buckets - (next_ == pool.now ? 1 : 0);
  const auto stable = stable_.average(at);
  const auto panic = panic_.average(at);
  const double excess = std::floor(pool.ready * total_ - burst_capacity - panic);
  if (excess >= 0)
    proxied_since_.reset();
  else if (!proxied_since_)
    proxied_since_ = pool.now;
  toward(hold_last(decider_.scale(pool.now, stable, panic, pool.ready), pool), pool, out);
}

std::uint32_t kpa::hold_last(std::uint32_t wanted, const pool_view& pool) {
  if (wanted > 0) {
    if (inactive_since_)
      active_since_ = pool.now;
    inactive_since_.reset();
    return wanted;
  }
  if (pool.alive() == 0)
    return 0;
  if (!active_since_) // the first replica still starts
    return pool.alive();
  if (!inactive_since_) {
    if (pool.now - *active_since_ < stable_buckets)
      return 1;
    inactive_since_ = pool.now;
  }
  const bool is_proven = proxied_since_ && pool.now - *proxied_since_ >= grace;
  if (!is_proven && pool.now - *inactive_since_ < grace)
    return pool.alive();
  active_since_.reset();
  inactive_since_.reset();
  return 0;
}

} // namespace hearth::replay
