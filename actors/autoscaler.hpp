#pragma once

#include "core/defaults.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth::scaling {

using instant = std::chrono::steady_clock::time_point;
using duration = std::chrono::nanoseconds;

/// Why a pool grew, shrank or stayed as it was.
enum class rule : std::uint8_t {
  none = 0,            // nothing waits and nothing is over
  minimum = 1,         // fewer replicas than the minimum
  demand = 2,          // calls wait, and nothing is known of how long they or a start take
  predicted_wait = 3,  // calls wait, or will, for longer than they should
  enough_starting = 4, // those that start already have room for all that waits
  drains_sooner = 5,   // the present replicas come to all that waits before another one would be ready
  at_maximum = 6,      // calls wait, and there are as many replicas as may be
  paused = 7,          // starts failed a moment ago
  scaledown_ttl = 8,   // replicas above the minimum had nothing to do for their time
  idle_ttl = 9,        // the environment had nothing to do for its time
  superseded = 10,     // another version is deployed
  prewarm = 11,        // the history of arrivals says that calls come soon
  recycle = 12,        // a replica has served its calls, its age or its memory, and another takes its place
  yielded = 13,        // another environment waits for what an idle replica holds
  rising = 14,         // demand has risen steadily, and a start takes long
  draining = 15,       // as many processes as may be, until those that end are gone
  lowered_max = 16,    // more replicas than the maximum, which has been lowered
  metric = 17,         // the metric of an app asks for more replicas than there are
  metric_met = 18,     // requests wait, and there are as many replicas as the metric asks for
};
inline constexpr rule last_rule = rule::metric_met;

/// Stable lower-case name ("predicted_wait"); never empty.
std::string_view name(rule why) noexcept;

/// What the number of replicas follows.
enum class metric : std::uint8_t {
  none = 0,        // calls that wait
  concurrency = 1, // requests that are open: in slots, parked, or waiting
  rate = 2,        // requests that come per second
};

/// "concurrency", "rate", or empty; and back, with `none` for any other text.
std::string_view name(metric what) noexcept;
metric metric_of(std::string_view text) noexcept;

/// Everything a decision depends on. Times are lengths, so that a recorded decision can be made again anywhere.
struct inputs {
  std::uint32_t min = 0;
  std::uint32_t max = 1;
  std::uint32_t concurrency = 1;
  bool is_wanted = false;            // called or deployed since it was idle: keeps its minimum
  std::uint32_t places = UINT32_MAX; // processes that may be started before some that end are gone
  std::uint32_t ready = 0;           // replicas that take calls
  std::uint32_t starting = 0;
  std::uint32_t lent = 0;    // replicas where every call waits for its children: they do not count towards `max`
  std::uint64_t running = 0; // calls in slots
  std::uint64_t queued = 0;
  duration saturated{0};    // for how long every call has had to wait
  duration service{0};      // learned, per call; 0: unknown
  duration start_up{0};     // learned; 0: unknown
  duration oldest_start{0}; // since the first of those that start was asked for
  double arrivals = 0;      // calls per second that have come steadily of late
  double rising = 0; // slots that a rising demand will need when a start that begins now is ready; 0: it does not rise
  bool is_paused = false;
  std::uint32_t over = 0;         // replicas without calls whose scaledown_ttl is over
  rule end_all = rule::none;      // idle_ttl or superseded: nothing is to stay
  bool expects_calls = false;     // by the history of arrivals
  bool is_asked_to_yield = false; // `over` counts whatever is idle, because another environment waits
  std::uint32_t due = 0;          // replicas to be replaced; only when that is the question
  std::uint32_t due_idle = 0;     // of those: without calls
  std::uint32_t replacing = 0;    // starting in the place of others, which still count as ready
  scaling::metric metric = scaling::metric::none;
  std::uint32_t target = 0; // of the metric, per replica
  double observed = 0;      // by the metric; requests of replicas that end are not among the open ones

  std::uint32_t counted() const noexcept { return ready + starting; } // towards the maximum
  std::uint32_t alive() const noexcept { return counted() + lent; }
  /// What a start takes: as learned, else at least as long as one is on its way.
  duration expected_start_up() const noexcept { return start_up.count() > 0 ? start_up : oldest_start; }

  bool operator==(const inputs&) const = default;
};

/// What a replica is to have by the metric: its target, but of open requests no more than it takes at once. Knative's rule
/// as well (Knative Serving, pkg/reconciler/autoscaling/resources/target.go), without its share of utilisation.
std::uint32_t target_of(const inputs& in) noexcept;

/// Replicas that the metric asks for: ceil(observed / target), the formula of Knative's autoscaler (Knative Serving,
/// pkg/autoscaler/scaling/autoscaler.go), and at least one while a request is open; the bounds are not applied. 0: no metric.
std::uint32_t replicas_asked(const inputs& in) noexcept;

/// The same within the bounds: what a pool is brought to, and what clocks leave. Without a metric the minimum.
std::uint32_t desired(const inputs& in) noexcept;

struct decision {
  std::uint32_t start = 0;
  std::uint32_t end = 0;
  rule why = rule::none;
  duration predicted_wait{
    0}; // until the last of the queue begins if nothing is started; only with the rules that use it

  bool operator==(const decision&) const = default;
};

/// How many replicas to start or end. Pure.
///
/// Up, with S the time of a call, T that of a start, C the slots of ready replicas and Q the queue. Nothing is started for a
/// queue that is young (`defaults::wait_share` of S) and that the present replicas empty sooner, in Q S / C, than a start
/// takes. Otherwise enough to serve what arrives steadily (arrivals times S slots, Little's law), and to work off the queue
/// within max(S, min(2 T, 5 s)): a slot for each call where starts are fast, few replicas with much to do where they are
/// slow. Those that start already count as if they were ready, and there is never more than one slot per waiting call.
/// Where starts are slow, a demand that has risen steadily is met ahead of its calls.
///
/// With a metric, none of this: `desired` replicas are started as soon as it says so, those that wait for their children
/// counted in, and no request that waits starts more. Only if nothing else could ever serve one, a replica is started for it.
///
/// Down: clocks of single replicas and of the pool; there is no average that could be wrong, hence nothing that swings. Never
/// below `desired`, unless the whole pool ends.
decision decide(const inputs& in) noexcept;

/// What one pool has learned: how long calls and starts take, how fast calls arrive, and how long the pauses between them
/// are. Pure; not thread-safe. All of it is cheap enough for the way of a call.
class history {
public:
  /// A call was admitted. `demand`: calls in slots, and of those that wait not more than as many. `idle`: it is the first
  /// after a time without any.
  void arrived(instant now, double demand, bool idle) noexcept;
  void served(duration run) noexcept;
  void started(duration start_up) noexcept;
  /// The last open call ended.
  void rested(instant now) noexcept { rested_ = now; }

  duration service() const noexcept { return service_; }
  duration start_up() const noexcept { return start_up_; }
  /// Calls per second that came in each of the last two stretches of a quarter of a start-up time (1 to 30 s): a burst is no
  /// rate.
  double arrivals(instant now) const noexcept;
  /// Calls per second over the last `defaults::rate_seconds`. They are counted by the second; of the oldest one counts what
  /// has not left the window yet.
  double rate(instant now) const noexcept;
  /// Slots that will be needed when a start that begins now is ready, if demand goes on as it rose over the last three
  /// start-up times; 0 where it did not rise, and where starts take less than half a second.
  double rising(instant now) const noexcept;

  /// When calls are expected, by the pauses so far: the pool should be warm from `from` to `until`. Nothing while it is
  /// not idle, or when the pauses have no pattern. After "Serverless in the Wild" (Shahrad et al., USENIX ATC 2020, section
  /// 4.2): a histogram of pauses, its head and its tail, with a margin.
  struct expectation {
    instant from, until;
  };
  std::optional<expectation> expected() const noexcept;

  /// Pauses beyond it are not told apart.
  static constexpr std::chrono::seconds longest_pause = defaults::pause_bucket * defaults::pause_buckets;

private:
  struct second { // of arrivals
    std::uint32_t calls = 0;
    double demand = 0; // of all of them together
  };

  void turn_to(std::int64_t at) noexcept;
  const second* find(std::int64_t at) const noexcept;
  double predict_rise() const noexcept;

  duration service_{0};
  duration start_up_{0};
  std::array<second, defaults::arrival_seconds> seconds_{}; // by their number, which goes round
  std::int64_t newest_ = 0;                                 // of them
  double rising_ = 0;
  std::optional<instant> rested_;
  std::array<std::uint16_t, defaults::pause_buckets> pauses_{}; // by their length
  std::uint32_t pauses_seen_ = 0;
};

} // namespace hearth::scaling
