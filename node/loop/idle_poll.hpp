#pragma once

#include "core/defaults.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace hearth {

/// Whether a loop that has nothing to do should look at its sockets a little longer before it sleeps: waking a core costs
/// more than a short call. It does while single messages come and go quickly, and learns from each pause whether that pays,
/// as KVM does for halted guests (Linux, Documentation/virt/kvm/halt-polling.rst). Between two looks the loop gives way to
/// whoever else wants the core: those may be the ones for whose answer it waits. Where that costs it a whole slice of somebody
/// who computes, it keeps the core, and looks half as long, for the next defaults::idle_poll_rest messages. Pure; one thread.
class idle_poll {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A turn begins, and its sockets have brought `frames`.
  void begin(std::size_t frames, time_point now) {
    if (frames == 0)
      return;
    const bool was_short = pause_ && now - *pause_ <= patience();
    streak_ = was_short && frames == 1 ? streak_ + 1 : 0;
    pause_.reset();
    crowded_for_ -= crowded_for_ > 0 ? 1 : 0;
  }

  /// A turn has left nothing to do: whether to look again at once instead of sleeping.
  bool go_on(time_point now) {
    if (!pause_)
      pause_ = now;
    return streak_ >= defaults::idle_poll_streak && now - *pause_ < patience();
  }

  /// Whether to give way before the next look.
  bool gives_way() const noexcept { return crowded_for_ == 0; }

  /// How long others had the core then.
  void gave_way(std::chrono::nanoseconds time) {
    if (time > defaults::idle_poll_time)
      crowded_for_ = defaults::idle_poll_rest;
  }

private:
  std::chrono::nanoseconds patience() const noexcept {
    return gives_way() ? defaults::idle_poll_time : defaults::idle_poll_time / 2;
  }

  std::optional<time_point> pause_; // since there is nothing to do
  std::uint64_t streak_ = 0;        // single messages in a row that came after a short pause
  std::uint64_t crowded_for_ = 0;   // messages until it gives way again
};

} // namespace hearth
