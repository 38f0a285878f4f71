#include "core/defaults_http.hpp"
#include "node/http/metrics_text.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

/// What is told of environments and apps.
namespace hearth::http {

namespace {

using figures_ptr = std::shared_ptr<const node_figures>;

// -- environments: all versions and runs together ----

using environment_key = std::tuple<std::string_view, std::string_view, std::string_view>;

struct environment_totals {
  pool_totals calls;
  std::uint64_t queued = 0, running = 0, parked = 0, ready = 0, starting = 0;
};

using environments = std::vector<std::pair<environment_key, environment_totals>>;

void add(pool_totals& into, const pool_totals& more) {
  into.done += more.done;
  into.failed += more.failed;
  into.lost += more.lost;
  into.cold_starts += more.cold_starts;
}

std::shared_ptr<const environments> totals_of(const std::vector<environment_row>& pools) {
  std::map<environment_key, environment_totals> all;
  for (const auto& row : pools) {
    const auto [at, is_new] = all.try_emplace({row.project, row.domain, row.name});
    auto& sum = at->second;
    if (is_new)
      sum.calls = row.forgotten;
    add(sum.calls, {row.done, row.failed, row.lost, row.cold_starts});
    sum.queued += row.queued;
    sum.running += row.running;
    sum.parked += row.parked;
    sum.ready += row.replicas;
    sum.starting += row.starting;
  }
  return std::make_shared<const environments>(all.begin(), all.end());
}

template <class Write>
metric by_environment(std::string_view name, std::string_view type, std::string_view help, const figures_ptr& from,
                      const std::shared_ptr<const environments>& all, Write write) {
  return {name, type, help, std::min(all->size(), defaults::metrics_rows_max),
          [from, all, write](std::size_t i, sample_writer& out) {
            const auto& [key, totals] = (*all)[i];
            write(key, totals, out);
          }};
}

/// A number of an environment, without further labels.
auto plain(std::uint64_t environment_totals::*field) {
  return [field](const environment_key& key, const environment_totals& totals, sample_writer& out) {
    const auto& [project, domain, name] = key;
    out({{"project", project}, {"domain", domain}, {"environment", name}}, totals.*field);
  };
}

metric outcomes_metric(const figures_ptr& from, const std::shared_ptr<const environments>& all) {
  return by_environment(
    "hearth_environment_calls_total", counter, "Calls that have ended; lost: that an interpreter took along.", from,
    all, [](const environment_key& key, const environment_totals& totals, sample_writer& out) {
      const auto& [project, domain, name] = key;
      const auto write = [&](std::string_view outcome, std::uint64_t count) {
        out({{"project", project}, {"domain", domain}, {"environment", name}, {"outcome", outcome}}, count);
      };
      write("done", totals.calls.done);
      write("failed", totals.calls.failed);
      write("lost", totals.calls.lost);
    });
}

metric replicas_metric(const figures_ptr& from, const std::shared_ptr<const environments>& all) {
  return by_environment(
    "hearth_environment_replicas", gauge, "Replicas that take calls, and those on their way.", from, all,
    [](const environment_key& key, const environment_totals& totals, sample_writer& out) {
      const auto& [project, domain, name] = key;
      const auto write = [&](std::string_view state, std::uint64_t count) {
        out({{"project", project}, {"domain", domain}, {"environment", name}, {"state", state}}, count);
      };
      write("ready", totals.ready);
      write("starting", totals.starting);
    });
}

metric starts_metric(const figures_ptr& from, const std::shared_ptr<const environments>& all) {
  return by_environment(
    "hearth_environment_starts_total", counter, "Replicas whose start was ordered.", from, all,
    [](const environment_key& key, const environment_totals& totals, sample_writer& out) {
      const auto& [project, domain, name] = key;
      out({{"project", project}, {"domain", domain}, {"environment", name}}, totals.calls.cold_starts);
    });
}

using named_counts = std::map<std::string_view, std::uint64_t>;

metric journal_metric(std::string_view name, std::string_view help, std::string_view label, const figures_ptr& from,
                      named_counts journal_counts::*counts) {
  std::vector<const journal_counts*> rows;
  for (const auto& row : *from->journal)
    if (!(row.*counts).empty() && rows.size() < defaults::metrics_rows_max)
      rows.push_back(&row);
  return {name, counter, help, rows.size(), [from, rows, label, counts](std::size_t i, sample_writer& out) {
            for (const auto& [word, count] : rows[i]->*counts)
              out({{"project", rows[i]->project},
                   {"domain", rows[i]->domain},
                   {"environment", rows[i]->environment},
                   {label, word}},
                  count);
          }};
}

// -- apps ----

template <class Write>
metric by_app(std::string_view name, std::string_view type, std::string_view help, const figures_ptr& from,
              Write write) {
  return {name, type, help, std::min(from->apps->size(), defaults::metrics_rows_max),
          [from, write](std::size_t i, sample_writer& out) { write((*from->apps)[i], out); }};
}

void write_duration(const app_part& app, sample_writer& out) {
  const auto& row = app.row;
  const auto write = [&](std::string_view le, std::uint64_t count) {
    out({{"project", row.project}, {"domain", row.domain}, {"app", row.name}, {"le", le}}, count, "_bucket");
  };
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  for (auto bound = defaults::metrics_duration_min; bound <= defaults::metrics_duration_max; bound *= 2) {
    for (const auto end = duration_histogram::bucket_of(bound); bucket < end; ++bucket)
      below += app.response.in(bucket);
    char text[32];
    const auto* end_of_text = std::to_chars(text, text + sizeof text, std::chrono::duration<double>(bound).count()).ptr;
    write({text, static_cast<std::size_t>(end_of_text - text)}, below);
  }
  write("+Inf", app.response.count());
  out({{"project", row.project}, {"domain", row.domain}, {"app", row.name}},
      std::chrono::duration<double>(app.response.sum()).count(), "_sum");
  out({{"project", row.project}, {"domain", row.domain}, {"app", row.name}}, app.response.count(), "_count");
}

void write_cold_starts(const app_part& app, sample_writer& out) {
  const auto& row = app.row;
  for (std::size_t part = 0; part < cold_start_parts; ++part) {
    const auto word = name_of_cold_start_part(part);
    const auto& took = app.cold[part];
    if (took.count() > 0)
      out({{"project", row.project}, {"domain", row.domain}, {"app", row.name}, {"part", word}, {"quantile", "0.5"}},
          std::chrono::duration<double>(took.quantile(0.5)).count());
    out({{"project", row.project}, {"domain", row.domain}, {"app", row.name}, {"part", word}},
        std::chrono::duration<double>(took.sum()).count(), "_sum");
    out({{"project", row.project}, {"domain", row.domain}, {"app", row.name}, {"part", word}}, took.count(), "_count");
  }
}

auto plain(std::uint64_t app_row::*field) {
  return [field](const app_part& app, sample_writer& out) {
    out({{"project", app.row.project}, {"domain", app.row.domain}, {"app", app.row.name}}, app.row.*field);
  };
}

} // namespace

std::vector<metric> metrics_of_environments(const std::shared_ptr<const node_figures>& from) {
  std::vector<metric> all;
  if (from->environments) {
    const auto totals = totals_of(*from->environments);
    all.push_back(outcomes_metric(from, totals));
    all.push_back(by_environment("hearth_environment_queued_calls", gauge, "Calls that wait for a replica.", from,
                                 totals, plain(&environment_totals::queued)));
    all.push_back(by_environment("hearth_environment_running_calls", gauge,
                                 "Calls that replicas have, and do not wait.", from, totals,
                                 plain(&environment_totals::running)));
    all.push_back(by_environment("hearth_environment_parked_calls", gauge, "Calls that wait for calls of their own.",
                                 from, totals, plain(&environment_totals::parked)));
    all.push_back(replicas_metric(from, totals));
    all.push_back(starts_metric(from, totals));
    const auto left_out = totals->size() - std::min(totals->size(), defaults::metrics_rows_max);
    all.push_back({"hearth_metrics_environments_left_out", gauge, "Environments that are too many to be told of.", 1,
                   [left_out](std::size_t, sample_writer& out) { out({}, std::uint64_t{left_out}); }});
  }
  if (from->journal) {
    all.push_back(journal_metric("hearth_environment_scaling_events_total",
                                 "Decisions of the autoscaler, by their rule.", "reason", from,
                                 &journal_counts::decisions));
    all.push_back(journal_metric("hearth_environment_events_total", "What else the journal has noted, by its kind.",
                                 "event", from, &journal_counts::kinds));
  }
  return all;
}

std::vector<metric> metrics_of_apps(const std::shared_ptr<const node_figures>& from) {
  if (!from->apps)
    return {};
  const auto left_out = from->apps->size() - std::min(from->apps->size(), defaults::metrics_rows_max);
  return {
    by_app("hearth_app_requests_total", counter, "Requests that have ended, by the class of their status.", from,
           [](const app_part& app, sample_writer& out) {
             for (std::size_t i = 0; i < request_ends; ++i)
               out({{"project", app.row.project},
                    {"domain", app.row.domain},
                    {"app", app.row.name},
                    {"status", name(static_cast<request_end>(i))}},
                   app.row.requests[i]);
           }),
    by_app("hearth_app_request_duration_seconds", "histogram", "From a whole request to the beginning of its response.",
           from, write_duration),
    by_app("hearth_app_requests_in_flight", gauge, "Requests that have come to this node and have not ended.", from,
           plain(&app_row::in_flight)),
    by_app("hearth_app_requests_waiting", gauge, "Requests in the queue, where this node owns the app.", from,
           plain(&app_row::waiting)),
    by_app("hearth_app_replicas", gauge,
           "Replicas that take requests, and those on their way, where this node owns the app.", from,
           [](const app_part& app, sample_writer& out) {
             const auto write = [&](std::string_view state, std::uint64_t count) {
               out({{"project", app.row.project}, {"domain", app.row.domain}, {"app", app.row.name}, {"state", state}},
                   count);
             };
             write("ready", app.row.replicas);
             write("starting", app.row.starting);
           }),
    by_app("hearth_app_cold_start_seconds", "summary",
           "Of requests that waited for a replica to start: the parts of it.", from, write_cold_starts),
    {"hearth_metrics_apps_left_out", gauge, "Apps that are too many to be told of.", 1,
     [left_out](std::size_t, sample_writer& out) { out({}, std::uint64_t{left_out}); }},
  };
}

} // namespace hearth::http
