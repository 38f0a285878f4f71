#include "cluster/placement.hpp"

#include "cluster/hash.hpp"

#include <algorithm>
#include <tuple>

namespace hearth::cluster {

namespace {

bool fits(const node_capacity& needs, const node_capacity& free) {
  return needs.memory_bytes <= free.memory_bytes && needs.cpu_millis <= free.cpu_millis && needs.gpus <= free.gpus;
}

bool usable(const demand& what, const candidate& who) {
  return who.seat && !who.draining && fits(what.needs, who.free);
}

/// The lowest is the best one.
struct rank {
  bool elsewhere = false;
  std::uint32_t replicas = 0;
  std::uint64_t load = 0;
  std::uint64_t weight = 0;
  node_uuid node;

  auto operator<=>(const rank&) const = default;
};

rank rank_of(const demand& what, const candidate& who) {
  rank result;
  result.weight = ~rendezvous_weight(what.key, who.node);
  result.node = who.node;
  const bool elsewhere = what.preferred && who.node != what.preferred;
  if (what.how == strategy::pack) {
    result.elsewhere = elsewhere;
    result.replicas = ~who.replicas;
    result.load = ~std::uint64_t{who.load};
  } else {
    result.replicas = who.replicas;
    // Locality is worth one unit of load: not a crowd on one node.
    result.load = std::uint64_t{who.load} + (elsewhere ? 1 : 0);
  }
  return result;
}

std::string called(const candidate& who) { return who.name.empty() ? to_string(who.node) : who.name; }

std::string reason_for(const demand& what, const candidate& who, std::size_t usable_count) {
  if (usable_count == 1)
    return called(who) + " is the only node with room";
  if (what.preferred && who.node == what.preferred)
    return called(who) + " is where it is warm or called from";
  if (what.how == strategy::pack)
    return called(who) + " is the fullest node with room (pack)";
  return called(who) + " has the fewest replicas of it and the least load among " + std::to_string(usable_count)
         + " nodes (spread)";
}

} // namespace

std::uint64_t rendezvous_weight(std::string_view key, node_uuid node) noexcept {
  return hash_of_sequence().add(key).add(node.hi).add(node.lo).value();
}

std::optional<choice> place(const demand& what, const std::vector<candidate>& candidates) {
  const candidate* best = nullptr;
  rank best_rank;
  std::size_t usable_count = 0;
  for (const auto& who : candidates) {
    if (!usable(what, who))
      continue;
    ++usable_count;
    const auto rank = rank_of(what, who);
    if (best == nullptr || rank < best_rank) {
      best = &who;
      best_rank = rank;
    }
  }
  if (best == nullptr)
    return std::nullopt;
  return choice{best->seat, best->node, reason_for(what, *best, usable_count)};
}

std::string why_not(const demand& what, const std::vector<candidate>& candidates) {
  std::size_t draining = 0, full = 0;
  for (const auto& who : candidates)
    if (who.draining)
      ++draining;
    else if (!fits(what.needs, who.free))
      ++full;
  return "No node can take " + what.key + ": of " + std::to_string(candidates.size()) + " nodes, "
         + std::to_string(draining) + " are being drained and " + std::to_string(full) + " have no room for it.";
}

} // namespace hearth::cluster
