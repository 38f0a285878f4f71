#pragma once

#include "node/loop/doorbell.hpp"
#include "node/loop/idle_poll.hpp"
#include "node/loop/inbox.hpp"
#include "node/loop/loop_coordinator.hpp"
#include "node/loop/loop_host.hpp"
#include "node/loop/loop_timer.hpp"
#include "node/loop/read_arena.hpp"
#include "node/loop/turn_hook.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <kj/async-io.h>
#include <kj/async-unix.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace hearth {

/// One thread, one KJ event loop, and a CAF actor system whose actors run on it.
///
/// A turn: what sockets have delivered is read and handed to actors (`reading` hooks), then what other threads posted,
/// timers that are due, actors (at most defaults::resumes_per_turn, defaults::turn_time), and last what was written
/// goes out (`flushing` hooks), one system call per socket. KJ's own events run between turns. A turn that leaves work
/// behind polls the sockets before the next one; a loop without work sleeps and wakes for nothing.
///
/// Make it, run it and destroy it on one thread. Only `post`, CAF's own functions and `turns` are for other threads.
/// Nothing that runs on a loop may block: no scoped_actor, no waiting, no scan, no large encoding.
class work_loop final : private loop_host {
public:
  using clock = std::chrono::steady_clock;

  /// `on_fault` hears of exceptions that nobody caught, one sentence each, on the loop's thread; without it they go to
  /// standard error. Throws when the process has no descriptor left.
  explicit work_loop(std::function<void(std::string_view)> on_fault = {});

  /// Streams, hooks, timers and observers on this loop must be gone, except those that actors own. Actors that are
  /// left are abandoned where they are; but a detached actor's thread is waited for.
  ~work_loop();
  work_loop(const work_loop&) = delete;
  work_loop& operator=(const work_loop&) = delete;

  caf::actor_system& system() noexcept { return *system_; }
  kj::UnixEventPort& port() noexcept { return io_.unixEventPort; }
  kj::Network& network() { return io_.provider->getNetwork(); }

  /// For streams: so many frames came in this turn.
  void count_frames(std::size_t count) noexcept { frames_ += count; }

  /// Runs until `until` is fulfilled; throws when it is broken.
  void run(kj::Promise<void> until);

  /// Runs until `done`, which is asked at the end of each turn, or until `deadline`. Returns the last answer.
  bool run_until(std::function<bool()> done, clock::time_point deadline);

  /// Asks `roots` to exit and runs until no actor of the system is left, or until `deadline`. Returns how many are left.
  /// Whoever has a deadline and finds actors left ends the process without destroying the loop.
  std::size_t stop(const std::vector<caf::actor>& roots, clock::time_point deadline);

  /// Calls `job` on the loop, after all that this thread posted before. Any thread. Posted after the last turn, it is
  /// dropped.
  void post(std::function<void()> job);

  /// Hooks that are called at the start of a turn, before the actors, and at its end, after them.
  hook_list& reading() noexcept { return reading_; }
  hook_list& flushing() noexcept { return flushing_; }
  timer_list& timers() noexcept { return timers_; }

  /// A timer that is set. Destroying it cancels it.
  [[nodiscard]] std::unique_ptr<loop_timer> after(clock::duration delay, std::function<void()> call);

  /// Memory into which the streams of this loop read.
  read_arena& arena() noexcept { return arena_; }

  /// Turns taken so far: does not move while there is nothing to do. Any thread.
  std::uint64_t turns() const noexcept { return turns_.load(std::memory_order_relaxed); }

  bool on_loop() const noexcept override { return std::this_thread::get_id() == thread_; }

private:
  void wake() override;
  void report(std::string_view what) noexcept override;
  void report_current(std::string_view where) noexcept;
  void keep(kj::Promise<void> coming);
  void schedule();
  void yield();
  bool poll();
  void turn();
  void run_posted();
  void fire_due();
  void set_alarm();
  kj::Promise<void> listen();

  const std::thread::id thread_ = std::this_thread::get_id();
  std::function<void(std::string_view)> report_;
  kj::AsyncIoContext io_;
  doorbell bell_;
  kj::Own<kj::UnixEventPort::FdObserver> bell_observer_; // gone before the bell closes its descriptor
  inbox<std::function<void()>> posted_;
  std::vector<std::function<void()>> running_posted_;
  hook_list reading_;
  hook_list flushing_;
  timer_list timers_;
  read_arena arena_;
  std::atomic<std::uint64_t> turns_{0};
  bool in_turn_ = false;
  std::size_t frames_ = 0; // that streams have read in this turn
  idle_poll poll_;
  bool scheduled_ = false; // a turn is coming
  bool rung_ = false;      // another thread handed something over
  std::function<void()> at_turn_end_;
  std::optional<clock::time_point> alarm_at_;
  loop_coordinator* coordinator_ = nullptr; // owned by the system
  caf::actor_system_config config_;
  // What the next turn waits for. A promise cannot be replaced while its continuation runs, so they take turns.
  std::array<kj::Promise<void>, 2> coming_{nullptr, nullptr};
  std::size_t coming_at_ = 0;
  kj::Promise<void> alarm_ = nullptr;
  kj::Promise<void> listening_ = nullptr;
  std::unique_ptr<caf::actor_system> system_; // first to go
};

} // namespace hearth
