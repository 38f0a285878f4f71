#include "cluster/placement.hpp"

#include "cluster/hash.hpp"

namespace hearth::cluster {

namespace {

/// The lowest is the best one.
struct rank {
  std::uint64_t load = 0;
  std::uint64_t weight = 0;
  node_uuid node;

  auto operator<=>(const rank&) const = default;
};

rank rank_of(std::string_view key, node_uuid near, const candidate& who) {
  const bool elsewhere = near && who.node != near;
  return {std::uint64_t{who.load} + (elsewhere ? 1 : 0), ~rendezvous_weight(key, who.node), who.node};
}

} // namespace

std::uint64_t rendezvous_weight(std::string_view key, node_uuid node) noexcept {
  return hash_of_sequence().add(key).add(node.hi).add(node.lo).value();
}

std::optional<seat_id> place(std::string_view key, node_uuid near, const std::vector<candidate>& candidates) {
  const candidate* best = nullptr;
  rank best_rank;
  for (const auto& who : candidates) {
    if (!who.seat || who.draining)
      continue;
    const auto rank = rank_of(key, near, who);
    if (best == nullptr || rank < best_rank) {
      best = &who;
      best_rank = rank;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(best->seat);
}

} // namespace hearth::cluster
