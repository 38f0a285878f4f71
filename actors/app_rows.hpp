#pragma once

#include "actors/duration_histogram.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What listings and metrics say of apps.
namespace hearth {

/// What became of a request: the class of its status, or that it has none.
enum class request_end : std::uint8_t {
  success,    // 2xx
  redirected, // 3xx
  refused,    // 4xx
  failed,     // 5xx
  gone,       // its client went before the response was whole
  broken,     // its response broke off after it had begun
};
inline constexpr std::size_t request_ends = 6;

/// "2xx", "gone", ...
std::string_view name(request_end what) noexcept;
/// Of a status from 200 on.
request_end end_with(int status) noexcept;

using request_counts = std::array<std::uint64_t, request_ends>; // by request_end

/// Where the time of a start went that a request has waited for.
struct cold_start {
  std::chrono::nanoseconds wait{0};   // for its turn: in the queue, for room on a machine
  std::chrono::nanoseconds fork{0};   // until the process was there
  std::chrono::nanoseconds import{0}; // for an interpreter to start and import the code
  std::chrono::nanoseconds init{0};   // from the process to the first request: functions of on_startup, the app's own
};

inline constexpr std::size_t cold_start_parts = 4;
/// "wait", "fork", "import", "init".
std::string_view name_of_cold_start_part(std::size_t part) noexcept;

/// An app as it is deployed, its replicas as their owner knows them, and its requests as they ended at the front doors of all
/// nodes that answered, since those nodes started.
struct app_row {
  std::string project, domain, name, version, kind;
  std::string state; // idle, warm, starting, importing, failed; inactive
  std::vector<std::string> hosts;
  std::uint32_t replicas = 0, starting = 0, min_replicas = 0, max_replicas = 0, concurrency = 0;
  std::string metric;       // that replicas follow; empty: the node's own rule
  std::uint32_t target = 0; // of the metric
  std::uint64_t scaledown_ms = 0;
  std::uint64_t in_flight = 0, waiting = 0, running = 0; // requests
  request_counts requests{};
  double requests_per_second = 0; // of the last minute, like the next three
  std::uint64_t p50_us = 0, p95_us = 0, p99_us = 0;
  std::uint64_t cold_requests = 0;                       // that waited for a replica to start
  std::array<std::uint64_t, cold_start_parts> cold_us{}; // medians of those
  std::uint64_t starts = 0;                              // of replicas, to serve
  std::string message, waiting_for;                      // why it does not start; what its replicas wait for
  std::string node;                                      // that owns it; empty: nobody, or a node without a cluster

  bool requires_auth = true;
  std::uint32_t serving = 0;  // of `replicas`: those of the version that is deployed
  std::uint32_t draining = 0; // replicas that have been told to end
  std::string failure;        // as of its environment, like the next two
  std::uint64_t retry_ms = 0, failed_replica = 0;

  std::string key() const { return project + '/' + domain + '/' + name; }
};

/// What one node tells of an app: numbers that add up, and distributions that do.
struct app_part {
  app_row row;
  bool has_pool = false;                                 // a supervisor of this node serves it: `row` says how
  duration_histogram response;                           // all that ended since the node started
  duration_histogram recent;                             // of the last minute
  std::array<duration_histogram, cold_start_parts> cold; // of requests that were cold
};

/// One row for each app from what all nodes told, by its key. Pure.
std::vector<app_row> merged_apps(std::vector<app_part> parts);

} // namespace hearth
