#pragma once

#include "actors/app_rows.hpp"
#include "actors/control.hpp"

#include <algorithm>
#include <map>
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

/// What a check has found on this node, and nothing else of it.
inline node_row checked(const std::string& name, std::vector<finding> findings) {
  node_row row;
  row.name = name;
  row.state = "running";
  row.findings = std::move(findings);
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

/// Replicas as their owners tell of them, with the memory that is known where they run: such rows have no environment.
inline std::vector<replica_row> merged_replicas(link::member_answers all) {
  auto rows = merged<replica_row>(std::move(all));
  std::map<std::uint64_t, std::uint64_t> memory;
  for (const auto& row : rows)
    if (row.environment.empty())
      memory[row.id] = row.memory_bytes;
  std::erase_if(rows, [](const auto& row) { return row.environment.empty(); });
  for (auto& row : rows)
    if (const auto known = memory.find(row.id); known != memory.end())
      row.memory_bytes = known->second;
  return rows;
}

/// What is known of apps.
inline std::vector<app_row> merged_apps(link::member_answers all) {
  std::vector<app_part> parts;
  for (auto& item : all.items)
    if (auto* found = std::get_if<std::vector<app_part>>(&item.what.content))
      std::move(found->begin(), found->end(), std::back_inserter(parts));
  return merged_apps(std::move(parts));
}

/// The last `limit` of them.
template <class Row>
std::vector<Row> newest(std::vector<Row> rows, std::size_t limit) {
  if (rows.size() > limit)
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(limit));
  return rows;
}

/// Why nobody answered; code none when somebody did. What a node that was asked says counts more than that one is not there.
inline failure refusal_of_all(const link::member_answers& all) {
  failure why;
  for (const auto& item : all.items) {
    if (item.what.error.code == ec::none)
      return {};
    if (why.code == ec::none || why.code == ec::node_lost)
      why = item.what.error;
  }
  return why;
}

/// The longest answer: of what only one node knows all.
template <class Row>
std::vector<Row> fullest(link::member_answers all) {
  std::vector<Row> rows;
  for (auto& item : all.items)
    if (auto* found = std::get_if<std::vector<Row>>(&item.what.content); found && found->size() > rows.size())
      rows = std::move(*found);
  return rows;
}

inline bool has_ended(const run_row& row) { return row.phase != "QUEUED" && row.phase != "RUNNING"; }

/// Each run once, as the node tells it that knows most: who knows of its end, else its home, which knows its actions. Newest
/// first.
inline std::vector<run_row> best_of_each(link::member_answers all, std::size_t limit) {
  std::map<std::string, run_row> best;
  for (auto& row : merged<run_row>(std::move(all))) {
    auto [at, is_new] = best.try_emplace(row.name, row);
    auto& known = at->second;
    if (!is_new && std::pair(has_ended(row), row.actions) > std::pair(has_ended(known), known.actions))
      known = std::move(row);
  }
  std::vector<run_row> rows;
  for (auto& [name, row] : best)
    rows.push_back(std::move(row));
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.started_unix_ms > b.started_unix_ms; });
  if (rows.size() > limit)
    rows.resize(limit);
  return rows;
}

} // namespace hearth
