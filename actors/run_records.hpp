#pragma once

#include "actors/stores.hpp"
#include "core/defaults.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace hearth {

/// The value as it may be kept for long: small, it would be a slice of what a socket brought, so it is copied and keeps
/// nothing but itself; large, it is shared.
payload lasting(payload value);

/// Results of finished children in memory, by root and name (see `records_actor`). Bounded: when it is full, the runs that
/// were recorded first are forgotten whole, and what does not fit beside the run's own results is dropped.
class run_records {
public:
  explicit run_records(std::uint64_t bytes_max = defaults::records_bytes_max) : bytes_max_(bytes_max) {}

  void put(finished_child child);
  std::optional<call_reply> find(call_id root, call_id name) const;
  void forget(call_id root);

  std::uint64_t bytes() const noexcept { return bytes_; }
  /// Children that were not kept, since the beginning.
  std::uint64_t dropped() const noexcept { return dropped_; }

private:
  struct run {
    std::unordered_map<call_id, call_reply> children;
    std::uint64_t bytes = 0;
  };

  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::unordered_map<call_id, run> runs_;
  std::deque<call_id> order_; // in which they were first recorded
};

/// RECORDS in the memory of the node: they end with it.
///
/// Spawned by: the node, once.
/// Monitors:   nobody.
/// Dies:       with the node.
class memory_records_state {
public:
  static inline const char* name = "records";

  records_actor::behavior_type make_behavior(std::uint64_t bytes_max = defaults::records_bytes_max);

private:
  std::optional<run_records> kept_;
};

} // namespace hearth
