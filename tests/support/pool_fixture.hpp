#pragma once

#include "tests/support/actor_fixture.hpp"
#include "tests/support/pool_driver.hpp"

#include <boost/test/unit_test.hpp>

namespace hearth::test {

/// What a pool did, a line each.
using lines = std::vector<std::string>;

inline pool_limits limits(std::uint32_t min, std::uint32_t max, std::uint32_t concurrency = 1, bool fresh = false) {
  return {min, max, concurrency, fresh, std::chrono::seconds(300), std::chrono::seconds(30)};
}

struct fixed_pool : pool_driver {
  explicit fixed_pool(std::uint32_t replicas = 1, std::uint32_t concurrency = 1,
                      std::shared_ptr<environment_spec> spec = {})
    : pool_driver(spec ? spec : make_spec(replicas, replicas, concurrency), limits(replicas, replicas, concurrency)) {}

  /// Starts all replicas by one call that is then done.
  void warm_up(std::uint32_t replicas, std::chrono::nanoseconds run = std::chrono::milliseconds(50)) {
    auto c = admit();
    for (std::uint32_t r = 1; r <= replicas; ++r)
      ready(r);
    done(1, c, ec::none, run);
    lines();
  }
};

inline std::shared_ptr<environment_spec> with_retries(std::uint32_t count, std::uint32_t lost,
                                                      std::chrono::milliseconds base = std::chrono::milliseconds(0)) {
  auto spec = make_spec(1, 1);
  spec->tasks[0].retries = {count, lost, base, 2.0, std::chrono::milliseconds(1000)};
  return spec;
}

} // namespace hearth::test

BOOST_TEST_DONT_PRINT_LOG_VALUE(hearth::test::lines)
