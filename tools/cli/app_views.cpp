#include "tools/cli/app_views.hpp"

#include "tools/cli/units.hpp"
#include "tools/cli/views.hpp"

namespace hearth::cli {

namespace {

constexpr std::size_t why_width = 72; // in a listing; the details show all of it
constexpr std::size_t text_width = 400;

std::string count(const json& row, const char* field) { return count_text(number_in(row, field)); }

std::string replicas_text(const json& row) {
  const auto lowest = number_in(row, "minReplicas"), highest = number_in(row, "maxReplicas");
  const auto range = lowest == highest ? count_text(highest) : count_text(lowest) + "-" + count_text(highest);
  const auto starting = number_in(row, "starting");
  return count(row, "replicas") + (starting > 0 ? "+" + count_text(starting) : "") + " of " + range;
}

/// What is refused was answered as the app, or the node, wanted it.
std::uint64_t answered(const json& requests) {
  return number_in(requests, "success") + number_in(requests, "redirected") + number_in(requests, "refused");
}

std::uint64_t failed(const json& requests) { return number_in(requests, "failed") + number_in(requests, "broken"); }

const json& requests_of(const json& row) {
  static const json none{{"success", 0u}, {"redirected", 0u}, {"refused", 0u},
                         {"failed", 0u},  {"gone", 0u},       {"broken", 0u}};
  const auto found = row.find("requests");
  return found == row.end() ? none : *found;
}

cell failed_cell(std::uint64_t n) { return {count_text(n), n > 0 ? colour::red : colour::grey}; }

std::string metric_text(const json& row) {
  const auto metric = text_in(row, "metric");
  if (metric.empty())
    return "the node's own rule, " + count(row, "concurrency") + " requests at a time in each replica";
  return "aims at " + count(row, "target") + (metric == "rate" ? " requests a second" : " requests at a time")
         + " in each replica, which takes " + count(row, "concurrency");
}

std::string times_text(const json& row) {
  if (number_in(row, "p50Us") == 0)
    return {};
  return "p50 " + duration_text(number_in(row, "p50Us")) + ", p95 " + duration_text(number_in(row, "p95Us")) + ", p99 "
         + duration_text(number_in(row, "p99Us"));
}

std::string cold_text(const json& row) {
  if (number_in(row, "coldRequests") == 0)
    return {};
  return count(row, "coldRequests") + ", the median: waiting " + duration_text(number_in(row, "coldWaitUs")) + ", fork "
         + duration_text(number_in(row, "coldForkUs")) + ", imports " + duration_text(number_in(row, "coldImportUs"))
         + ", start of the app " + duration_text(number_in(row, "coldInitUs"));
}

std::string hosts_text(const json& row) {
  std::string text;
  for (const auto& host : row.at("hosts"))
    text += (text.empty() ? "" : ", ") + host.get<std::string>();
  return text;
}

} // namespace

std::string endpoint_of(const json& row) {
  return "/apps/" + text_in(row, "project") + '/' + text_in(row, "domain") + '/' + text_in(row, "name") + '/';
}

table apps_table(const json& rows) {
  constexpr auto right = side::right;
  table result{{{"NAME"},
                {"STATUS"},
                {"SUB-STATUS"},
                {"REPLICAS", right},
                {"RUNNING", right},
                {"WAITING", right},
                {"DONE", right},
                {"FAILED", right},
                {"VERSION"},
                {"ENDPOINT"},
                {"WHY"}},
               {}};
  for (const auto& row : rows) {
    const auto& requests = requests_of(row);
    const bool is_bad = text_in(row, "status") == "FAILED";
    result.rows.push_back({one_line(text_in(row, "name"), name_width),
                           phase_cell(text_in(row, "status")),
                           phase_cell(text_in(row, "subStatus")),
                           replicas_text(row),
                           count(row, "running"),
                           count(row, "waiting"),
                           count_text(answered(requests)),
                           failed_cell(failed(requests)),
                           text_in(row, "version"),
                           endpoint_of(row),
                           {is_bad ? one_line(text_in(row, "why"), why_width) : "", colour::red}});
  }
  return result;
}

table app_details(const json& row, const std::string& socket) {
  table result{{{""}, {""}}, {}};
  const auto add = [&result](const char* name, cell value) {
    if (!value.text.empty())
      result.rows.push_back({cell(name, colour::grey), std::move(value)});
  };
  const auto sub = text_in(row, "subStatus");
  const auto& requests = requests_of(row);
  const auto gone = number_in(requests, "gone");
  auto status = phase_cell(text_in(row, "status"));
  if (!sub.empty())
    status.text += " / " + sub;
  add("App", text_in(row, "name"));
  add("Project", text_in(row, "project") + " / " + text_in(row, "domain"));
  add("Status", status);
  add("Why", one_line(text_in(row, "why"), text_width));
  add("Endpoint", endpoint_of(row));
  add("Hosts", hosts_text(row));
  if (!socket.empty())
    add("Ask it", "curl --unix-socket " + socket + " http://localhost" + endpoint_of(row));
  add("Version", text_in(row, "version"));
  add("Served by", text_in(row, "kind"));
  add("Token", truth_in(row, "requiresAuth") ? "needed, except from the user to whom the node belongs" : "");
  add("Owner", text_in(row, "node"));
  add("Replicas",
      replicas_text(row) + (number_in(row, "draining") > 0 ? ", " + count(row, "draining") + " ending" : ""));
  add("Scaling", metric_text(row));
  add("Idle", "a replica above the minimum ends after " + duration_text_of_ms(number_in(row, "scaledownMs"))
                + " without requests");
  add("Requests", count(row, "running") + " running, " + count(row, "waiting") + " waiting");
  add("Ended", count_text(answered(requests)) + " done, " + count_text(failed(requests)) + " failed"
                 + (gone > 0 ? ", " + count_text(gone) + " whose client left" : ""));
  add("Answered in", times_text(row));
  add("Cold requests", cold_text(row));
  add("Starts", count(row, "starts"));
  return result;
}

} // namespace hearth::cli
