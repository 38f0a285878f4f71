#include "actors/app_rows.hpp"

#include "actors/rows.hpp"

#include <map>
#include <utility>

namespace hearth {

namespace {

/// What the owner says of the pool.
void take_pool(app_row& into, const app_row& from) {
  into.state = from.state;
  into.replicas = from.replicas;
  into.starting = from.starting;
  into.running = from.running;
  into.waiting = from.waiting;
  into.starts = from.starts;
  into.message = from.message;
  into.waiting_for = from.waiting_for;
  into.node = from.node;
  into.serving = from.serving;
  into.draining = from.draining;
  into.failure = from.failure;
  into.retry_ms = from.retry_ms;
  into.failed_replica = from.failed_replica;
}

void add(app_part& into, const app_part& from) {
  if (from.has_pool && !into.has_pool) {
    take_pool(into.row, from.row);
    into.has_pool = true;
  }
  into.row.in_flight += from.row.in_flight;
  for (std::size_t i = 0; i < request_ends; ++i)
    into.row.requests[i] += from.row.requests[i];
  into.row.requests_per_second += from.row.requests_per_second;
  into.recent.add(from.recent);
  for (std::size_t i = 0; i < cold_start_parts; ++i)
    into.cold[i].add(from.cold[i]);
}

} // namespace

std::string_view name(request_end what) noexcept {
  switch (what) {
    case request_end::success:
      return "2xx";
    case request_end::redirected:
      return "3xx";
    case request_end::refused:
      return "4xx";
    case request_end::failed:
      return "5xx";
    case request_end::gone:
      return "gone";
    case request_end::broken:
      break;
  }
  return "broken";
}

request_end end_with(int status) noexcept {
  switch (status / 100) {
    case 2:
      return request_end::success;
    case 3:
      return request_end::redirected;
    case 4:
      return request_end::refused;
    default:
      return request_end::failed;
  }
}

std::string_view name_of_cold_start_part(std::size_t part) noexcept {
  constexpr std::array<std::string_view, cold_start_parts> names{"wait", "fork", "import", "init"};
  return names[part];
}

std::vector<app_row> merged_apps(std::vector<app_part> parts) {
  std::map<std::string, app_part> all;
  for (auto& part : parts)
    if (const auto [at, is_new] = all.try_emplace(part.row.key(), part); !is_new)
      add(at->second, part);
  std::vector<app_row> rows;
  for (auto& [key, part] : all) {
    auto& row = rows.emplace_back(std::move(part.row));
    row.p50_us = micros(part.recent.quantile(0.5));
    row.p95_us = micros(part.recent.quantile(0.95));
    row.p99_us = micros(part.recent.quantile(0.99));
    row.cold_requests = part.cold[0].count();
    for (std::size_t i = 0; i < cold_start_parts; ++i)
      row.cold_us[i] = micros(part.cold[i].quantile(0.5));
  }
  return rows;
}

} // namespace hearth
