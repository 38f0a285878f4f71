#pragma once

#include "actors/interfaces.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace hearth::test {

/// An actor system on CAF's test coordinator: one thread, virtual time, nothing runs until `run` or `advance`.
class actor_fixture {
public:
  struct config : caf::actor_system_config {
    config() { set("scheduler.policy", caf::atom("testing")); }
  };

  actor_fixture() : sys(cfg), sched(dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler())) {}

  /// Delivers everything that is on its way, at the present time.
  void run() { sched.run(); }

  /// Moves time and delivers what becomes due.
  void advance(std::chrono::nanoseconds by) {
    sched.run();
    sched.advance_time(std::chrono::duration_cast<caf::timespan>(by));
    sched.run();
  }

  template <class Handle, class... Ts>
  void tell(const Handle& to, Ts&&... xs) {
    caf::anon_send(to, std::forward<Ts>(xs)...);
    run();
  }

  config cfg;
  caf::actor_system sys;
  caf::scheduler::test_coordinator& sched;
};

/// Asks an actor and keeps its answer: a CAF request under the test coordinator.
template <class... Results, class Handle, class... Ts>
std::pair<std::optional<std::tuple<Results...>>, caf::error> ask(actor_fixture& f, const Handle& to, Ts&&... xs) {
  auto result = std::make_shared<std::optional<std::tuple<Results...>>>();
  auto failed = std::make_shared<caf::error>();
  auto asker = f.sys.spawn([&](caf::event_based_actor* self) {
    self->request(to, std::chrono::minutes(60'000), std::forward<Ts>(xs)...)
      .then([result](Results&... rs) { *result = std::tuple<Results...>(rs...); },
            [failed](caf::error& e) { *failed = std::move(e); });
  });
  f.run();
  return {*result, *failed};
}

inline call_id id(std::uint64_t n) { return {7, n}; }

/// An environment with one task per retry spec; `square` first.
inline std::shared_ptr<environment_spec> make_spec(std::uint32_t min, std::uint32_t max,
                                                   std::uint32_t concurrency = 1) {
  auto spec = std::make_shared<environment_spec>();
  spec->project = "default";
  spec->domain = "development";
  spec->name = "env";
  spec->version = "v1";
  spec->python = "/usr/bin/python3";
  spec->bundle = "b";
  spec->reuse = {true, min, max, concurrency, std::chrono::seconds(300), std::chrono::seconds(30), "global"};
  task_spec square;
  square.name = "env.square";
  square.is_async = concurrency > 1;
  spec->tasks = {square};
  return spec;
}

} // namespace hearth::test
