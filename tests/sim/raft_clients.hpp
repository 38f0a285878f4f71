#pragma once

#include "tests/sim/raft_world.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace hearth::sim {

/// Clients that propose, each one value after the other, and ask again elsewhere until they are told that it is done; and
/// readers who ask whoever may believe that it leads.
class raft_clients {
public:
  raft_clients(raft_world& where, std::size_t count, instant pause);
  raft_clients(const raft_clients&) = delete;
  raft_clients& operator=(const raft_clients&) = delete;

  void start();
  /// Values of which a client was told.
  std::uint64_t done() const noexcept { return done_; }
  std::uint64_t reads() const noexcept { return reads_; }
  /// Who does not know a leader asks one of these from now on.
  void restrict_to(std::vector<std::size_t> nodes) { nodes_ = std::move(nodes); }

private:
  struct client {
    std::uint64_t value = 0;
    std::uint64_t attempt = 0;
    std::optional<std::size_t> leader;
  };

  void next(std::size_t who);
  void ask(std::size_t who);
  void again(std::size_t who, instant after);
  void read();
  std::size_t any_node() { return nodes_[world_.random().below(nodes_.size())]; }

  raft_world& world_;
  instant pause_;
  std::vector<client> clients_;
  std::vector<std::size_t> nodes_;
  std::uint64_t values_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t reads_ = 0;
};

} // namespace hearth::sim
