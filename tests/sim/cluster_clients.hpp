#pragma once

#include "tests/sim/cluster_world.hpp"

#include <cstdint>
#include <vector>

namespace hearth::sim {

/// Clients and operators: they submit runs, each again under its id until it is accepted, read, and ask for what else the
/// control log decides.
class cluster_clients {
public:
  /// With `whims` some clients submit again what was accepted, or abort it.
  explicit cluster_clients(cluster_world& where, bool whims = true);
  cluster_clients(const cluster_clients&) = delete;
  cluster_clients& operator=(const cluster_clients&) = delete;

  /// From now on; a new run after each `pause`, more or less.
  void start(instant pause);
  void rest() { resting_ = true; }
  /// Who asks, asks one of these from now on.
  void restrict_to(std::vector<std::size_t> nodes) { nodes_ = std::move(nodes); }
  /// Submits this run until it is accepted.
  void submit(std::uint64_t run, std::uint32_t lost);
  /// Requests that ended undecided, of those that began after the last call.
  std::size_t take_undecided();

private:
  void next();
  void put(std::uint64_t run, std::uint32_t lost);
  void accept(std::size_t node, std::uint64_t run, std::uint32_t lost);
  void accepted(std::uint64_t run, std::uint32_t lost, const cluster::outcome& result);
  void again(std::uint64_t run, std::uint32_t lost);
  void something_else(std::size_t node);
  cluster_world::answer noted(cluster_world::answer then);
  std::size_t any_node() { return nodes_[world_.random().below(nodes_.size())]; }

  cluster_world& world_;
  bool whims_;
  instant pause_{0};
  bool resting_ = false;
  std::vector<std::size_t> nodes_;
  std::uint64_t runs_ = 0, tokens_ = 0;
  std::size_t undecided_ = 0;
  unsigned period_ = 0; // between two calls of `take_undecided`
};

} // namespace hearth::sim
