#include "cluster/holders.hpp"

#include "cluster/placement.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace hearth::cluster {

std::vector<node_uuid> holders_of(std::string_view key, const std::vector<node_uuid>& nodes, std::size_t copies) {
  std::vector<std::pair<std::uint64_t, node_uuid>> weighed;
  weighed.reserve(nodes.size());
  for (const auto& node : nodes)
    weighed.emplace_back(rendezvous_weight(key, node), node);
  const auto count = std::min(copies, weighed.size());
  std::partial_sort(weighed.begin(), weighed.begin() + static_cast<std::ptrdiff_t>(count), weighed.end(), std::greater<>());
  std::vector<node_uuid> result;
  for (std::size_t i = 0; i < count; ++i)
    result.push_back(weighed[i].second);
  return result;
}

} // namespace hearth::cluster
