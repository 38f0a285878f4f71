#pragma once

#include "tests/sim/cluster_world.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace hearth::sim {

/// A cluster in which nothing happens but what a test makes happen; at the beginning every node has a seat and a lease.
struct still_world : cluster_world {
  static cluster_options still(std::size_t nodes, const cluster_faults& faults = {}) {
    cluster_options how;
    how.seed = 7;
    how.nodes = how.voters = nodes;
    how.clock_error = 0;
    how.faults = faults;
    return how;
  }

  explicit still_world(std::size_t nodes, const cluster_faults& faults = {}) : still_world(still(nodes, faults)) {}
  explicit still_world(const cluster_options& how) : cluster_world(how) {
    if (!run_until(from_ms(10'000), [this] { return all_seated() && leader(); }))
      throw violation("I19: a cluster in which nothing happens has no leader, or not all its nodes have a lease.");
  }

  std::size_t other_than(std::size_t node) const { return node == 0 ? 1 : 0; }

  bool within(double ms, const std::function<bool()>& done) { return run_until(now() + from_ms(ms), done); }
  void rest(double ms) { run_until(now() + from_ms(ms)); }

  std::optional<cluster::outcome> ask(std::size_t node, cluster::command order, double ms = 8000) {
    auto answer = std::make_shared<std::optional<cluster::outcome>>();
    submit(node, std::move(order), [answer](const cluster::outcome& result) { *answer = result; });
    within(ms, [&] { return answer->has_value(); });
    return *answer;
  }

  /// No more from there to here.
  void cut(std::size_t from, std::size_t to) { links().set_cut(from, to, true); }

  void isolate(std::size_t node) {
    for (std::size_t i = 0; i < size(); ++i)
      if (i != node) {
        cut(node, i);
        cut(i, node);
      }
  }
};

} // namespace hearth::sim
