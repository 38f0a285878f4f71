#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace hearth::replay {

/// Virtual time and its lengths: seconds since the trace began.
using seconds = double;

inline constexpr seconds never = std::numeric_limits<seconds>::infinity();

/// One replica of the simulated pool.
struct replica {
  std::uint32_t id = 0;     // in the order of the requests to start, from 0
  std::uint32_t in_use = 0; // slots
  seconds requested = 0;
  seconds placed = never; // the machine had room, and starting began
  seconds idle_since = 0; // since it is ready, or since its last call ended; means something while in_use == 0
  bool ready = false;
  bool draining = false; // takes no more calls
};

/// What happened in the pool.
enum class event : std::uint8_t {
  arrived, // a call came; it has begun if a slot was free, else it is the last in the queue
  ended,   // a call ended, and another may have taken its slot
  ready,   // a replica takes calls, and has taken those that waited
  tick,    // the policy's own time has come
};

/// The pool as a policy sees it. Numbers leave out replicas that drain.
struct pool_view {
  seconds now = 0;
  std::uint32_t max = 1;
  std::uint32_t concurrency = 1;
  std::uint32_t ready = 0;
  std::uint32_t starting = 0;
  std::uint64_t running = 0; // calls in slots, those of draining replicas too
  std::uint64_t queued = 0;
  seconds oldest_arrival = 0;    // of the first in the queue; means something while queued > 0
  seconds last_service = 0;      // how long the call of `event::ended` ran
  seconds last_start_up = 0;     // how long the start of `event::ready` took
  double concurrency_area = 0;   // the integral of running + queued over time, in call-seconds
  std::vector<replica> replicas; // oldest first, with those that drain

  std::uint32_t alive() const noexcept { return ready + starting; }
  std::uint64_t open() const noexcept { return running + queued; }
};

/// What a policy wants changed. More starts than `max` leaves room for are not made.
struct answer {
  std::uint32_t start = 0;
  std::vector<std::uint32_t> end; // ids: they finish their calls first

  bool empty() const noexcept { return start == 0 && end.empty(); }
  void clear() noexcept {
    start = 0;
    end.clear();
  }
};

/// An autoscaler in virtual time. It is asked after each event and at its own ticks, and sees nothing but the pool.
class policy {
public:
  policy() = default;
  policy(const policy&) = delete;
  policy& operator=(const policy&) = delete;
  virtual ~policy() = default;

  /// Stable, lower case ("ray_serve").
  virtual std::string_view name() const noexcept = 0;
  /// `out` is empty when this is called.
  virtual void on(event what, const pool_view& pool, answer& out) = 0;
  /// When it is to be asked next without an event; `never` if not. Later than the `now` of its last tick.
  virtual seconds next_tick() const noexcept = 0;
};

/// Starts or ends as many replicas as are missing or too many. Those that end: first what still starts, then those with
/// the fewest calls, the youngest among equals; kind to policies that name only a number.
void toward(std::uint32_t wanted, const pool_view& pool, answer& out);

} // namespace hearth::replay
