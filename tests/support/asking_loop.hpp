#pragma once

#include "actors/error.hpp"
#include "tests/support/loop_fixture.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <variant>

namespace hearth::test {

/// A loop on which a test asks actors.
struct asking_loop_fixture : loop_fixture {
  /// The answer to a request: a value, or the failure.
  template <class Result, class Handle, class... Ts>
  std::variant<std::monostate, Result, failure> ask(const Handle& whom, Ts... what) {
    auto answer = std::make_shared<std::variant<std::monostate, Result, failure>>();
    loop.system().spawn([=](caf::event_based_actor* self) {
      self->request(whom, std::chrono::seconds(50), what...)
        .then([=](Result& result) { *answer = std::move(result); },
              [=](const caf::error& error) { *answer = failure_of(error); });
    });
    BOOST_REQUIRE(run_until([&] { return answer->index() != 0; }));
    return *answer;
  }
};

} // namespace hearth::test
