#include "actors/cache_audit.hpp"

#include "core/defaults_cache.hpp"

#include <algorithm>

namespace hearth {

namespace {

constexpr std::uint64_t million = 1'000'000;

std::uint64_t& count_of(cache_audit_row& row, repetition outcome) {
  switch (outcome) {
    case repetition::same:
      return row.same;
    case repetition::different:
      return row.different;
    case repetition::failed:
      return row.failed;
  }
  return row.failed;
}

} // namespace

void cache_audit::order(const cache_audit_order& what, instant now) {
  if (what.per_million == 0)
    return;
  if (now >= ends_) {
    rows_.clear();
    due_ = million - 1; // the first hit is one of the share
  }
  order_ = what;
  order_.per_million = std::min(what.per_million, million);
  ends_ = now + defaults::cache_audit_lease;
}

bool cache_audit::wants(const cache_scope& scope, std::uint64_t size, instant now) {
  if (now >= ends_ || size > defaults::cache_audit_bytes_max || !order_.which.names(scope))
    return false;
  due_ += order_.per_million;
  if (due_ < million)
    return false;
  due_ = std::min(due_ - million, million);
  return true;
}

void cache_audit::note(const cache_scope& scope, repetition outcome, const std::string& producer) {
  const audited_place of{scope.project, scope.domain, scope.task, scope.version};
  if (rows_.size() >= defaults::cache_audited_max && !rows_.contains(of))
    return;
  auto& row = rows_[of];
  std::tie(row.project, row.domain, row.task, row.version) = of;
  ++count_of(row, outcome);
  if (outcome == repetition::different)
    row.example = producer;
}

std::vector<cache_audit_row> cache_audit::rows() const {
  std::vector<cache_audit_row> all;
  for (const auto& [of, row] : rows_)
    all.push_back(row);
  return all;
}

std::vector<cache_audit_row> summed(const std::vector<cache_audit_row>& all) {
  std::map<audited_place, cache_audit_row> sums;
  for (const auto& row : all) {
    auto [sum, is_first] = sums.try_emplace({row.project, row.domain, row.task, row.version}, row);
    if (is_first)
      continue;
    sum->second.same += row.same;
    sum->second.different += row.different;
    sum->second.failed += row.failed;
    if (!row.example.empty())
      sum->second.example = row.example;
  }
  std::vector<cache_audit_row> rows;
  for (auto& [of, row] : sums)
    rows.push_back(std::move(row));
  return rows;
}

bool is_same(const payload& a, const payload& b) {
  if (a.size() != b.size())
    return false;
  const auto part_of = [](const payload& of, std::size_t i) {
    return i == 0 ? of.head.view() : i <= of.rest.size() ? of.rest[i - 1].view() : std::string_view();
  };
  auto left = part_of(a, 0), right = part_of(b, 0);
  for (std::size_t i = 1, j = 1;;) {
    while (left.empty() && i <= a.rest.size())
      left = part_of(a, i++);
    while (right.empty() && j <= b.rest.size())
      right = part_of(b, j++);
    const auto both = std::min(left.size(), right.size());
    if (both == 0)
      return true;
    if (left.substr(0, both) != right.substr(0, both))
      return false;
    left.remove_prefix(both);
    right.remove_prefix(both);
  }
}

// -- as caches send them to each other ----

void write(cache_writer& out, const cache_audit_order& order) {
  for (const auto* part : {&order.which.project, &order.which.domain, &order.which.task, &order.which.version})
    out.text(*part);
  out.number(order.per_million);
}

cache_audit_order read_audit_order(cache_reader& from) {
  cache_audit_order order;
  for (auto* part : {&order.which.project, &order.which.domain, &order.which.task, &order.which.version})
    *part = from.text();
  order.per_million = from.number();
  return order;
}

void write(cache_writer& out, const cache_audit_row& row) {
  for (const auto* part : {&row.project, &row.domain, &row.task, &row.version, &row.example})
    out.text(*part);
  out.number(row.same).number(row.different).number(row.failed);
}

cache_audit_row read_audit_row(cache_reader& from) {
  cache_audit_row row;
  for (auto* part : {&row.project, &row.domain, &row.task, &row.version, &row.example})
    *part = from.text();
  for (auto* count : {&row.same, &row.different, &row.failed})
    *count = from.number();
  return row;
}

} // namespace hearth
