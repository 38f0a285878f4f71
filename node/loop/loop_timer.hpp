#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace hearth {

class timer_list;

/// A function called once, when its time has come. Loop thread only. The function may set, cancel and destroy any
/// timer, its own included. CAF's actors have their own clock; this is for what is no actor.
class loop_timer {
public:
  using clock = std::chrono::steady_clock;

  /// `list` must outlive the timer.
  loop_timer(timer_list& list, std::function<void()> call) : list_(list), call_(std::move(call)) {}
  ~loop_timer() { cancel(); }
  loop_timer(const loop_timer&) = delete;
  loop_timer& operator=(const loop_timer&) = delete;

  /// Replaces what was set before.
  void set(clock::duration delay) { set_at(clock::now() + delay); }
  void set_at(clock::time_point due);
  void cancel() noexcept;
  bool is_set() const noexcept { return place_.has_value(); }

private:
  friend class timer_list;
  using places = std::multimap<clock::time_point, loop_timer*>;

  timer_list& list_;
  std::function<void()> call_;
  std::optional<places::iterator> place_;
};

/// The timers of one loop.
class timer_list {
public:
  /// `wake` is called when a timer falls due before all others.
  explicit timer_list(std::function<void()> wake) : wake_(std::move(wake)) {}

  std::optional<loop_timer::clock::time_point> next_due() const;

  /// Calls every timer that is due at `at`, the earliest first. `fault` hears exceptions.
  template <class Fault>
  void fire(loop_timer::clock::time_point at, Fault&& fault) {
    while (auto* timer = take_due(at)) {
      try {
        timer->call_(); // may destroy the timer
      } catch (...) {
        fault();
      }
    }
  }

private:
  friend class loop_timer;

  loop_timer* take_due(loop_timer::clock::time_point at);

  std::function<void()> wake_;
  loop_timer::places waiting_;
};

} // namespace hearth
