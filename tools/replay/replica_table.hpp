#pragma once

#include "tools/replay/policy.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace hearth::replay {

/// Which replica gets the next call: the oldest with less than a share of its slots in use, and when there is none, the
/// emptiest, the oldest among equals. Few replicas stay busy for little work, and each keeps room for a burst.
/// Keeps `replicas` sorted by age and, for each number of slots in use, the set of positions as bits.
class replica_table {
public:
  /// `replicas` outlives the table, which alone adds and removes.
  replica_table(std::vector<replica>& replicas, std::uint32_t concurrency);

  replica& add(seconds now);
  /// Removes a replica that holds no calls.
  void remove(std::uint32_t id);
  /// Nothing if it is gone.
  replica* find(std::uint32_t id) noexcept;
  /// From now on it is offered calls.
  void open(replica& one);
  /// From now on it is not.
  void close(replica& one);
  /// Takes a slot of the best replica; nothing when none is free.
  replica* take();
  void give_back(replica& one);

private:
  using bits = std::vector<std::uint64_t>;

  std::uint32_t position(const replica& one) const noexcept {
    return static_cast<std::uint32_t>(&one - replicas_.data());
  }
  void mark(const replica& one, bool present);
  void rebuild();
  static std::optional<std::uint32_t> first(const bits& set) noexcept;

  std::vector<replica>& replicas_;
  std::uint32_t concurrency_;
  std::uint32_t fill_;                    // slots in use from which the next replica has its turn
  std::vector<std::uint32_t> positions_;  // by id
  std::vector<bits> levels_;              // by slots in use; only open replicas
  std::vector<std::uint32_t> level_size_; // how many bits are set
  bits below_;                            // those with less than `fill_` in use
};

} // namespace hearth::replay
