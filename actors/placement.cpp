#include "actors/placement.hpp"

#include <algorithm>
#include <tuple>

namespace hearth {

void node_views::down(node_uuid node) {
  const auto found = views_.find(node);
  if (found == views_.end())
    return;
  found->second.is_up = found->second.is_full = false;
  found->second.free.reset();
}

void node_views::reported(node_uuid node, const link::free_capacity& what) {
  auto& v = views_[node];
  v.free = what;
  v.is_full = false;
}

void node_views::ordered(node_uuid node, const demand& wanted) {
  auto& v = views_[node];
  if (!v.free)
    return;
  v.free->memory_bytes -= std::min(v.free->memory_bytes, wanted.memory_bytes);
  if (v.free->cpu_millis != UINT32_MAX)
    v.free->cpu_millis -= std::min(v.free->cpu_millis, wanted.cpu_millis);
  v.free->gpus -= std::min(v.free->gpus, wanted.gpus);
}

std::uint32_t node_views::count_up() const {
  return static_cast<std::uint32_t>(
    std::count_if(views_.begin(), views_.end(), [](const auto& entry) { return entry.second.is_up; }));
}

bool node_views::is_up(node_uuid node) const {
  const auto found = views_.find(node);
  return found != views_.end() && found->second.is_up;
}

bool node_views::is_draining(node_uuid node) const {
  const auto found = views_.find(node);
  return found != views_.end() && found->second.member.draining;
}

std::string node_views::name(node_uuid node) const {
  const auto found = views_.find(node);
  return found != views_.end() && !found->second.member.name.empty() ? found->second.member.name : to_string(node);
}

std::uint32_t node_views::other_cores() const {
  std::uint32_t millis = 0;
  for (const auto& [node, v] : views_)
    if (node != own_ && v.member.seat)
      millis += v.member.capacity.cpu_millis;
  return millis / 1000;
}

bool node_views::could_fit(const demand& wanted) const {
  return std::any_of(views_.begin(), views_.end(), [&](const auto& entry) {
    const auto& [node, v] = entry;
    return node != own_ && v.member.seat && wanted.memory_bytes <= v.member.capacity.memory_bytes
           && wanted.gpus <= v.member.capacity.gpus;
  });
}

std::string lacking(const link::free_capacity& free, const demand& wanted) {
  // What is not asked for is not compared: a node that is more than full takes what costs nothing.
  if (wanted.gpus > free.gpus)
    return "gpu";
  if (wanted.memory_bytes > free.memory_bytes)
    return "memory";
  if (wanted.cpu_millis > free.cpu_millis)
    return "cpu";
  return {};
}

void rank(std::vector<place>& places, bool packs) {
  const auto better = [packs](const place& a, const place& b) {
    // Shares of cores as products: whole numbers compare alike everywhere.
    const auto a_share = std::uint64_t{a.replicas} * std::max(b.cpu_millis, 1u);
    const auto b_share = std::uint64_t{b.replicas} * std::max(a.cpu_millis, 1u);
    if (packs && a.replicas != b.replicas)
      return a.replicas > b.replicas;
    if (!packs && a_share != b_share)
      return a_share < b_share;
    if (a.is_own != b.is_own)
      return a.is_own;
    const auto a_load = a.load * std::max(b.cpu_millis, 1u);
    const auto b_load = b.load * std::max(a.cpu_millis, 1u);
    const auto a_room = packs ? a.free_memory : 0;
    const auto b_room = packs ? b.free_memory : 0;
    return std::tie(a_load, a_room, a.node) < std::tie(b_load, b_room, b.node);
  };
  std::sort(places.begin(), places.end(), better);
}

std::string reason_of(const place& best, std::size_t places, bool packs) {
  if (places == 1)
    return "the only one with room";
  if (packs)
    return best.replicas > 0 ? "the most replicas of the environment are there (pack)" : "the first one (pack)";
  if (best.replicas == 0 && best.is_own)
    return "the environment has no replica on its owner's node yet (spread)";
  return "the fewest replicas of the environment for its cores (spread)";
}

} // namespace hearth
