#pragma once

#include "actors/app_rows.hpp"
#include "actors/cache_rows.hpp"
#include "actors/rows.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Metrics of a node in the text format of Prometheus, version 0.0.4. Pure; one thread. docs/operating.md has their table.
namespace hearth::http {

inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

/// What was gathered for one scrape, of this node alone. A part that could not be had is absent, and the metrics say so.
struct node_figures {
  std::string version;             // of Hearth
  std::chrono::nanoseconds cpu{0}; // that the node's process has used
  std::uint64_t connections = 0;   // of HTTP
  request_counts requests{};       // for no app
  std::optional<node_row> node;
  std::optional<std::uint64_t> open_runs;
  std::optional<std::vector<environment_row>> environments;
  std::optional<std::vector<replica_row>> replicas;
  std::optional<std::vector<app_part>> apps;
  std::optional<std::vector<journal_counts>> journal;
  std::optional<cache_report> cache;
};

/// Writes samples of one metric.
class sample_writer {
public:
  using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  sample_writer(std::string_view name, std::string& into) : name_(name), into_(into) {}

  void operator()(labels of, std::uint64_t value, std::string_view suffix = {});
  void operator()(labels of, double value, std::string_view suffix = {});

private:
  void begin(labels of, std::string_view suffix);

  std::string_view name_;
  std::string& into_;
};

inline constexpr std::string_view counter = "counter", gauge = "gauge"; // types of metrics

/// A metric with all its samples, which are written by rows: those of an app, of an environment.
struct metric {
  std::string_view name, type, help;
  std::size_t rows = 1;
  std::function<void(std::size_t row, sample_writer& out)> write;
};

class metrics_text {
public:
  explicit metrics_text(node_figures what);

  /// Writes some more, little enough for a turn of a loop. False: that was all.
  bool write_some(std::string& into);

private:
  std::vector<metric> metrics_;
  std::size_t metric_ = 0, row_ = 0; // that is next
};

/// The metrics of each part; they hold what they tell of. Rows beyond defaults::metrics_rows_max are left out, and counted.
std::vector<metric> metrics_of_node(const std::shared_ptr<const node_figures>& from);
std::vector<metric> metrics_of_environments(const std::shared_ptr<const node_figures>& from);
std::vector<metric> metrics_of_apps(const std::shared_ptr<const node_figures>& from);
std::vector<metric> metrics_of_cache(const std::shared_ptr<const node_figures>& from);

} // namespace hearth::http
