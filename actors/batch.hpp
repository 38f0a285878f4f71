#pragma once

#include <utility>
#include <vector>

namespace hearth {

/// The batch for `to` among a few: one turn speaks with few actors, so a scan beats a map.
template <class Handle, class Item>
std::vector<Item>& batch_for(std::vector<std::pair<Handle, std::vector<Item>>>& batches, const Handle& to) {
  for (auto& [handle, items] : batches)
    if (handle == to)
      return items;
  return batches.emplace_back(to, std::vector<Item>{}).second;
}

} // namespace hearth
