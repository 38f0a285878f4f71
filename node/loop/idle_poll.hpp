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
/// whoever else wants the core: those may be the ones for whose answer it waits. Pure; one thread.
class idle_poll {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A turn begins, and its sockets have brought `frames`.
  void begin(std::size_t frames, time_point now) {
    if (frames == 0)
      return;
    const bool was_short = pause_ && now - *pause_ <= defaults::idle_poll_time;
    streak_ = was_short && frames == 1 ? streak_ + 1 : 0;
    pause_.reset();
  }

  /// A turn has left nothing to do: whether to look again at once instead of sleeping.
  bool go_on(time_point now) {
    if (!pause_)
      pause_ = now;
    return streak_ >= defaults::idle_poll_streak && now - *pause_ < defaults::idle_poll_time;
  }

private:
  std::optional<time_point> pause_; // since there is nothing to do
  std::uint64_t streak_ = 0;        // single messages in a row that came after a short pause
};

} // namespace hearth
