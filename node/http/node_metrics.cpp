#include "core/defaults_http.hpp"
#include "node/http/metrics_text.hpp"

#include <array>
#include <map>

/// What is told of the node itself and of what it keeps.
namespace hearth::http {

namespace {

using figures_ptr = std::shared_ptr<const node_figures>;

double seconds(std::chrono::nanoseconds length) { return std::chrono::duration<double>(length).count(); }
double micros_as_seconds(std::uint64_t count) { return static_cast<double>(count) / 1e6; }

/// One number without labels.
template <class Read>
metric single(std::string_view name, std::string_view type, std::string_view help, Read read) {
  return {name, type, help, 1, [read](std::size_t, sample_writer& out) { out({}, read()); }};
}

std::vector<metric> of_row(const figures_ptr& from) {
  const auto* row = &*from->node;
  const auto number = [from](auto value) { return [from, value] { return static_cast<std::uint64_t>(value); }; };
  return {
    single("hearth_node_uptime_seconds", gauge, "Since the node started.",
           [from, row] { return static_cast<double>(row->up_ms) / 1e3; }),
    single("hearth_node_draining", gauge, "1: the node takes no new work.", number(row->state != "running")),
    single("hearth_node_resident_memory_bytes", gauge, "Of the node's own process.", number(row->resident_bytes)),
    single("hearth_node_memory_capacity_bytes", gauge, "That replicas may reserve together.",
           number(row->memory_capacity)),
    single("hearth_node_memory_reserved_bytes", gauge, "That replicas have reserved.", number(row->memory_reserved)),
    single("hearth_node_cpu_capacity_cores", gauge, "That replicas may reserve together.",
           [from, row] { return row->cpu_capacity_millis / 1e3; }),
    single("hearth_node_cpu_reserved_cores", gauge, "That replicas have reserved.",
           [from, row] { return row->cpu_reserved_millis / 1e3; }),
    single("hearth_node_gpus", gauge, "GPUs that replicas may have.", number(row->gpus)),
    single("hearth_node_gpus_in_use", gauge, "GPUs that replicas have.", number(row->gpus_in_use)),
    single("hearth_node_starts_waiting", gauge, "Replicas that wait for room on the node.",
           number(row->orders_waiting)),
    single("hearth_node_clients", gauge, "Connected programs and commands, those over HTTP apart.",
           number(row->sessions)),
    single("hearth_node_links", gauge, "Links to other nodes that are up.", number(row->links)),
  };
}

/// Whether each part of the metrics could be had.
metric parts_metric(const figures_ptr& from) {
  const std::array<std::pair<std::string_view, bool>, 6> parts{{{"node", from->node.has_value()},
                                                                {"runs", from->open_runs.has_value()},
                                                                {"environments", from->environments.has_value()},
                                                                {"apps", from->apps.has_value()},
                                                                {"journal", from->journal.has_value()},
                                                                {"cache", from->cache.has_value()}}};
  return {"hearth_metrics_part_up", gauge, "0: this part of the node did not answer, and its metrics are missing.",
          parts.size(), [parts](std::size_t i, sample_writer& out) {
            out({{"part", parts[i].first}}, std::uint64_t{parts[i].second});
          }};
}

metric replicas_metric(const figures_ptr& from) {
  std::map<std::string_view, std::uint64_t> states;
  for (const auto* state : {"waiting", "starting", "importing", "idle", "busy", "draining"})
    states[state] = 0;
  for (const auto& row : *from->replicas)
    if (!row.environment.empty()) // of another owner, which tells of it
      ++states[row.state];
  std::vector<std::pair<std::string_view, std::uint64_t>> rows(states.begin(), states.end());
  return {"hearth_node_replicas", gauge, "Replicas of the environments that this node owns.", rows.size(),
          [from, rows = std::move(rows)](std::size_t i, sample_writer& out) {
            out({{"state", rows[i].first}}, rows[i].second);
          }};
}

// -- the cache ----

std::vector<metric> of_counts(const figures_ptr& from) {
  const auto& counts = from->cache->counts;
  const auto number = [from](std::uint64_t value) { return [from, value] { return value; }; };
  return {
    single("hearth_cache_hits_total", counter, "Calls that were answered with a kept result.", number(counts.hits)),
    single("hearth_cache_misses_total", counter, "Calls of which no result was kept.", number(counts.misses)),
    single("hearth_cache_populated_total", counter, "Results that were kept.", number(counts.populated)),
    single("hearth_cache_lookup_failures_total", counter, "Lookups that failed; their calls executed.",
           number(counts.lookup_failures)),
    single("hearth_cache_put_failures_total", counter, "Results that could not be kept.", number(counts.put_failures)),
    single("hearth_cache_skipped_total", counter, "Calls for which no lookup was wanted.", number(counts.skipped)),
    single("hearth_cache_waited_total", counter, "Calls that waited for an equal one that executed.",
           number(counts.waited)),
    single("hearth_cache_saved_seconds_total", counter, "Execution that hits stood for.",
           [from, us = counts.saved_us] { return micros_as_seconds(us); }),
  };
}

std::vector<metric> of_all_kept(const figures_ptr& from, const cache_figures& all) {
  const auto number = [from](std::uint64_t value) { return [from, value] { return value; }; };
  const std::array<std::pair<std::string_view, std::uint64_t>, 4> dropped{
    {{"evicted", all.evicted}, {"expired", all.expired}, {"damaged", all.damaged}, {"outdated", all.outdated}}};
  return {
    single("hearth_cache_entries", gauge, "Results that this node keeps.", number(all.entries)),
    single("hearth_cache_size_bytes", gauge, "What they take.", number(all.bytes)),
    single("hearth_cache_limit_bytes", gauge, "What they may take.", number(all.bytes_max)),
    single("hearth_cache_refused_total", counter, "Results that were not kept for lack of room or by a disk error.",
           number(all.refused)),
    single("hearth_cache_mended_total", counter, "Results that came from another node because they were missing here.",
           number(all.mended)),
    {"hearth_cache_dropped_total", counter, "Results that are not kept any more, by the reason.", dropped.size(),
     [dropped](std::size_t i, sample_writer& out) {
       out({{"reason", dropped[i].first}}, dropped[i].second);
     }},
  };
}

template <class Read>
metric by_project(std::string_view name, std::string_view type, std::string_view help,
                  const std::vector<const cache_figures*>& projects, const figures_ptr& from, Read read) {
  return {name, type, help, projects.size(), [from, projects, read](std::size_t i, sample_writer& out) {
            out({{"project", projects[i]->project}}, read(*projects[i]));
          }};
}

} // namespace

std::vector<metric> metrics_of_node(const std::shared_ptr<const node_figures>& from) {
  std::vector<metric> all{
    {"hearth_build_info", gauge, "The version of Hearth.", 1,
     [from](std::size_t, sample_writer& out) {
       out({{"version", from->version}}, std::uint64_t{1});
     }},
    parts_metric(from),
    single("hearth_node_cpu_seconds_total", counter, "Processor time of the node's own process.",
           [from] { return seconds(from->cpu); }),
    single("hearth_http_connections", gauge, "Connections over HTTP.", [from] { return from->connections; }),
    {"hearth_http_requests_total", counter, "Requests that were for no app: to the node itself, or to nobody.",
     request_ends,
     [from](std::size_t i, sample_writer& out) {
       out({{"status", name(static_cast<request_end>(i))}}, from->requests[i]);
     }},
  };
  if (from->node)
    for (auto& one : of_row(from))
      all.push_back(std::move(one));
  if (from->replicas)
    all.push_back(replicas_metric(from));
  if (from->open_runs)
    all.push_back(single("hearth_node_open_runs", gauge, "Runs that have not ended and are at home on this node.",
                         [from] { return *from->open_runs; }));
  return all;
}

std::vector<metric> metrics_of_cache(const std::shared_ptr<const node_figures>& from) {
  if (!from->cache)
    return {};
  auto all = of_counts(from);
  std::vector<const cache_figures*> projects;
  for (const auto& figures : from->cache->figures)
    if (figures.project.empty())
      for (auto& one : of_all_kept(from, figures))
        all.push_back(std::move(one));
    else if (projects.size() < defaults::metrics_rows_max)
      projects.push_back(&figures);
  all.push_back(by_project("hearth_cache_project_entries", gauge, "Results of the project that this node keeps.",
                           projects, from, [](const cache_figures& f) { return f.entries; }));
  all.push_back(by_project("hearth_cache_project_size_bytes", gauge, "What they take.", projects, from,
                           [](const cache_figures& f) { return f.bytes; }));
  all.push_back(by_project("hearth_cache_project_hits_total", counter,
                           "Calls of the project that were answered with them.", projects, from,
                           [](const cache_figures& f) { return f.hits; }));
  return all;
}

} // namespace hearth::http
