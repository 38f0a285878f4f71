#pragma once

#include "node/loop/inbox.hpp"
#include "node/loop/loop_clock.hpp"
#include "node/loop/loop_host.hpp"

#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <vector>

namespace hearth {

/// CAF's scheduler module for a system whose actors all run on one loop's thread. It starts no thread; detached and
/// blocking actors still have their own. Jobs run only in `run`, which the loop calls, never inside another callback.
class loop_coordinator final : public caf::scheduler::abstract_coordinator {
public:
  /// `host` must outlive the coordinator.
  loop_coordinator(caf::actor_system& system, loop_host& host);

  /// Takes over what other threads have enqueued. Loop thread.
  void collect();

  /// Whether actors wait to run. Loop thread; what was not collected does not count.
  bool has_jobs() const noexcept { return !jobs_.empty(); }

  /// Runs actors in the order in which they became ready until none is ready, `resumes` have run or `time` is over.
  void run(std::size_t resumes, std::chrono::nanoseconds time);

  // -- CAF's side ----

  /// Any thread.
  void enqueue(caf::resumable* job) override;
  loop_clock& clock() noexcept override { return clock_; }
  bool detaches_utility_actors() const override { return false; }
  void start() override;
  void stop() override;

private:
  class unit final : public caf::execution_unit {
  public:
    explicit unit(loop_coordinator& owner);
    void exec_later(caf::resumable* job) override;

  private:
    loop_coordinator& owner_;
  };

  void resume(caf::resumable* job);

  loop_host& host_;
  loop_clock clock_;
  unit unit_;
  std::deque<caf::resumable*> jobs_; // each holds a reference, as CAF has it
  inbox<caf::resumable*> remote_;
  std::vector<caf::resumable*> collected_;
};

} // namespace hearth
