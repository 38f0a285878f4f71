#pragma once

#include "actors/control.hpp"

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// What all members of a cluster answered, as one listing. Pure.
namespace hearth {

/// A member of which nothing more is known.
inline node_row unreachable(const member_row& member) {
  node_row row;
  row.name = member.name;
  row.id = to_string(member.node);
  row.state = "unreachable";
  return row;
}

/// The rows of those that answered, by the names of the members.
template <class Row>
std::vector<Row> merged(link::member_answers all) {
  std::stable_sort(all.items.begin(), all.items.end(),
                   [](const auto& a, const auto& b) { return a.from.name < b.from.name; });
  std::vector<Row> rows;
  for (auto& item : all.items) {
    auto* found = std::get_if<std::vector<Row>>(&item.what.content);
    if (found)
      std::move(found->begin(), found->end(), std::back_inserter(rows));
    else if constexpr (std::is_same_v<Row, node_row>)
      rows.push_back(unreachable(item.from));
  }
  if constexpr (std::is_same_v<Row, event_row>)
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.unix_ms < b.unix_ms; });
  return rows;
}

/// The last `limit` of them.
template <class Row>
std::vector<Row> newest(std::vector<Row> rows, std::size_t limit) {
  if (rows.size() > limit)
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(limit));
  return rows;
}

} // namespace hearth
