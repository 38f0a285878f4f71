#pragma once

#include "cluster/raft.hpp"
#include "tests/sim/world.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

/// What must never happen to the control log, told by somebody who sees all nodes at once.
namespace hearth::sim {

/// The digest of a log up to and with `next`, from the one before it; also the state of the simulated state machine.
std::uint64_t chained(std::uint64_t before, const cluster::raft::entry& next);

class oracle {
public:
  struct fact {
    std::uint64_t term = 0; // of the entry
    std::uint64_t hash = 0; // of the log up to it
    std::uint32_t generation = 0;
    std::uint64_t leader_term = 0; // of the node that committed it first
  };

  /// I1, log matching: an entry of one generation, term and index is the same everywhere, and so is all before it.
  void appended(std::size_t node, std::uint32_t generation, const cluster::raft::entry& what, std::uint64_t hash);
  /// I1, equal state at equal index. True: it is the first to commit this.
  bool committed(std::size_t node, std::uint32_t generation, std::uint64_t term, const cluster::raft::entry& what,
                 std::uint64_t hash);
  /// I1, one leader per term (of a generation).
  void leads(std::size_t node, std::uint32_t generation, std::uint64_t term);
  /// One vote per term; what one leader per term rests on.
  void voted(std::size_t node, std::uint64_t term, const node_uuid& candidate);
  /// I2: nothing answered is lost. What is answered afterwards must not be older.
  void answered(cluster::log_index index, std::uint64_t hash);

  cluster::log_index last_answered() const noexcept { return answered_; }
  cluster::log_index last() const noexcept { return facts_.size() - 1; }
  const fact& at(cluster::log_index index) const { return facts_.at(index); }

private:
  std::vector<fact> facts_{{}}; // index 0: the beginning
  cluster::log_index answered_ = 0;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::size_t> leaders_;
  std::map<std::pair<std::size_t, std::uint64_t>, node_uuid> votes_;
  std::unordered_map<std::uint64_t, std::uint64_t> entries_;
};

} // namespace hearth::sim
