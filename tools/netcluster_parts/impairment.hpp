#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

/// What a bad link does to packets. Pure: the caller tells the time, a seed replaces chance.
namespace hearth::netcluster {

using time_point = std::chrono::steady_clock::time_point;

/// Shares are from 0 to 1.
struct impairment {
  double loss = 0;
  double reorder = 0; ///< of the packets, those that do not wait and so overtake others
  double duplicate = 0;
  std::chrono::microseconds delay{0};
  std::chrono::microseconds jitter{0}; ///< at most `delay`; a packet waits for delay ± jitter, evenly spread
};

struct fate {
  bool is_lost = false;
  bool is_copied = false;
  time_point due; ///< when it goes on
};

/// One direction of a link. The fate of the n-th packet depends on the seed and n alone (its `due` also on the packets
/// before it), because every packet takes the same number of draws.
class direction {
public:
  direction(const impairment& with, std::uint64_t seed) noexcept : with_(with), state_(seed) {}

  fate next(time_point now) noexcept {
    const double loss = draw(), spread = draw(), overtaking = draw(), copy = draw();
    fate result{.is_lost = loss < with_.loss, .is_copied = copy < with_.duplicate, .due = now};
    if (overtaking < with_.reorder || result.is_lost)
      return result;
    const auto jitter = static_cast<double>(with_.jitter.count()) * (2 * spread - 1);
    last_ = std::max(last_, now + with_.delay + std::chrono::microseconds(static_cast<std::int64_t>(jitter)));
    result.due = last_;
    return result;
  }

private:
  /// From 0 to 1, 1 excluded. SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
  double draw() noexcept {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    mixed ^= mixed >> 31;
    return static_cast<double>(mixed >> 11) * 0x1.0p-53;
  }

  impairment with_;
  std::uint64_t state_;
  time_point last_{};
};

} // namespace hearth::netcluster
