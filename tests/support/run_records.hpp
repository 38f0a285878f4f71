#pragma once

#include "actors/stores.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hearth::test {

/// Results of finished children in memory, by root and name (see `records_actor`). Bounded: when it is full, the runs that
/// were recorded first are forgotten whole, and what does not fit beside the run's own results is dropped.
class run_records {
public:
  explicit run_records(std::uint64_t bytes_max = defaults::gib) : bytes_max_(bytes_max) {}

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

inline void run_records::put(finished_child child) {
  const auto size = child.reply.value.size() + 256;
  auto [at, is_new] = runs_.try_emplace(child.root);
  if (is_new)
    order_.push_back(child.root);
  if (at->second.children.contains(child.id))
    return;
  while (bytes_ + size > bytes_max_ && order_.front() != child.root)
    forget(order_.front());
  if (bytes_ + size > bytes_max_) {
    ++dropped_;
    return;
  }
  auto& kept = runs_.at(child.root);
  kept.children.emplace(child.id, std::move(child.reply));
  kept.bytes += size;
  bytes_ += size;
}

inline std::optional<call_reply> run_records::find(call_id root, call_id name) const {
  const auto run = runs_.find(root);
  if (run == runs_.end())
    return std::nullopt;
  const auto child = run->second.children.find(name);
  return child == run->second.children.end() ? std::nullopt : std::optional(child->second);
}

inline void run_records::forget(call_id root) {
  const auto run = runs_.find(root);
  if (run == runs_.end())
    return;
  bytes_ -= run->second.bytes;
  runs_.erase(run);
  order_.erase(std::find(order_.begin(), order_.end(), root));
}

} // namespace hearth::test
