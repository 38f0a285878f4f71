#include "tools/cli/views.hpp"

#include "tools/cli/app_views.hpp"
#include "tools/cli/units.hpp"

#include <algorithm>

namespace hearth::cli {

namespace {

constexpr std::size_t error_width = 72; // of an error in a listing; the details show all of it
constexpr std::size_t inputs_width = 160;

std::string count(const json& row, const char* field) { return count_text(number_in(row, field)); }

/// Nothing instead of a zero that would only be noise.
std::string time_of(std::uint64_t microseconds) { return microseconds ? duration_text(microseconds) : ""; }

std::string name_text(const json& row, const char* field) { return one_line(text_in(row, field), name_width); }

cell error_cell(const json& row, const char* field) {
  return {one_line(text_in(row, field), error_width), colour::red};
}

cell alarming(std::uint64_t n) { return n ? cell(count_text(n), colour::red) : cell(count_text(n), colour::grey); }

std::string ago(std::uint64_t then_ms, std::uint64_t now_ms) {
  return duration_text_of_ms(now_ms > then_ms ? now_ms - then_ms : 0) + " ago";
}

std::string range_text(const json& row) {
  const auto lowest = number_in(row, "minReplicas"), highest = number_in(row, "maxReplicas");
  const auto range = lowest == highest ? count_text(highest) : count_text(lowest) + "-" + count_text(highest);
  return count(row, "replicas") + " of " + range;
}

/// What is wrong, or what it waits for.
cell trouble_cell(const json& row) {
  if (const auto waiting = text_in(row, "waiting"); !waiting.empty())
    return {one_line(waiting, error_width), colour::yellow};
  return error_cell(row, "message");
}

table environments_table(const json& rows) {
  constexpr auto right = side::right;
  table result{{{"NAME"},
                {"VERSION"},
                {"STATE"},
                {"REPLICAS", right},
                {"RUNNING", right},
                {"QUEUED", right},
                {"DONE", right},
                {"FAILED", right},
                {"LOST", right},
                {"MEAN", right},
                {"START"},
                {"MESSAGE"}},
               {}};
  for (const auto& row : rows)
    result.rows.push_back({name_text(row, "name"), text_in(row, "version"), phase_cell(text_in(row, "state")),
                           range_text(row), count(row, "running"), count(row, "queued"), count(row, "done"),
                           alarming(number_in(row, "failed")), alarming(number_in(row, "lost")),
                           time_of(number_in(row, "meanRunUs")), text_in(row, "startMode"), trouble_cell(row)});
  return result;
}

table replicas_table(const json& rows) {
  constexpr auto right = side::right;
  table result{{{"ID", right},
                {"ENVIRONMENT"},
                {"STATE"},
                {"RUNNING", right},
                {"WAITING", right},
                {"DONE", right},
                {"MEMORY", right},
                {"PID", right},
                {"START"},
                {"STARTED IN", right},
                {"AGE", right}},
               {}};
  for (const auto& row : rows)
    result.rows.push_back({text_in(row, "id"), name_text(row, "environment"), phase_cell(text_in(row, "state")),
                           count(row, "running"), count(row, "parked"), count(row, "done"),
                           bytes_text(number_in(row, "memoryBytes")), std::to_string(number_in(row, "pid")),
                           text_in(row, "startMode"), time_of(number_in(row, "startUs")),
                           duration_text_of_ms(number_in(row, "ageMs"))});
  return result;
}

table runs_table(const json& rows, std::uint64_t now_ms) {
  constexpr auto right = side::right;
  table result{{{"NAME"},
                {"TASK"},
                {"PHASE"},
                {"DURATION", right},
                {"ACTIONS", right},
                {"FAILED", right},
                {"STARTED", right},
                {"ERROR"}},
               {}};
  for (const auto& row : rows)
    result.rows.push_back({text_in(row, "name"), name_text(row, "task"), phase_cell(text_in(row, "phase")),
                           duration_text_of_ms(number_in(row, "durationMs")),
                           count(row, "actionsDone") + "/" + count(row, "actions"),
                           alarming(number_in(row, "actionsFailed")), ago(number_in(row, "startedUnixMs"), now_ms),
                           error_cell(row, "error")});
  return result;
}

/// What has executed nothing has not started.
cell start_cell(const json& row) {
  if (text_in(row, "cache") == "HIT")
    return "";
  return truth_in(row, "cold") ? cell("cold", colour::yellow) : cell("warm");
}

/// What came of its lookup.
cell cache_cell(const json& row) {
  const auto status = text_in(row, "cache");
  if (status.empty())
    return {"DISABLED", colour::grey};
  return {status, status == "HIT" ? colour::green : status.ends_with("FAILURE") ? colour::red : colour::none};
}

table actions_table(const json& rows) {
  constexpr auto right = side::right;
  constexpr std::uint64_t deepest_shown = 16; // steps of indentation
  table result{{{"ID"},
                {"TASK"},
                {"PHASE"},
                {"RUN", right},
                {"QUEUED", right},
                {"ATTEMPT", right},
                {"REPLICA", right},
                {"START"},
                {"CACHE"},
                {"ERROR"}},
               {}};
  for (const auto& row : rows) {
    const std::string indent(2 * std::min(number_in(row, "depth"), deepest_shown), ' ');
    result.rows.push_back({text_in(row, "id"), indent + name_text(row, "task"), phase_cell(text_in(row, "phase")),
                           time_of(number_in(row, "runUs")), time_of(number_in(row, "queuedUs")),
                           text_in(row, "cache") == "HIT" ? "" : count(row, "attempt"), text_in(row, "replica"),
                           start_cell(row), cache_cell(row), error_cell(row, "error")});
  }
  return result;
}

table nodes_table(const json& rows) {
  constexpr auto right = side::right;
  table result{{{"NAME"},
                {"STATE"},
                {"UP", right},
                {"CALLS", right},
                {"ENVIRONMENTS", right},
                {"REPLICAS", right},
                {"SESSIONS", right},
                {"MEMORY", right},
                {"PID", right},
                {"VERSION"}},
               {}};
  for (const auto& row : rows)
    result.rows.push_back({name_text(row, "name"), phase_cell(text_in(row, "state")),
                           duration_text_of_ms(number_in(row, "upMs")), count(row, "calls"), count(row, "environments"),
                           count(row, "replicas"), count(row, "sessions"), bytes_text(number_in(row, "residentBytes")),
                           std::to_string(number_in(row, "pid")), text_in(row, "version")});
  return result;
}

/// Lines of name and value; a value that is empty is left out.
class lines {
public:
  lines& add(const char* name, cell value) {
    if (!value.text.empty())
      table_.rows.push_back({cell(name, colour::grey), std::move(value)});
    return *this;
  }
  table take() { return std::move(table_); }

private:
  table table_{{{""}, {""}}, {}};
};

/// What starting ahead of calls brought, and what it cost.
std::string prewarm_text(const json& row) {
  if (number_in(row, "prewarmed") == 0)
    return "";
  return count(row, "prewarmed") + " replicas ahead of calls, " + count(row, "prewarmHits")
         + " of them were called; idle meanwhile " + duration_text_of_ms(number_in(row, "prewarmIdleMs"));
}

table environment_details(const json& row) {
  std::string tasks;
  for (const auto& task : row.at("tasks"))
    tasks += (tasks.empty() ? "" : ", ") + (task.is_string() ? task.get<std::string>() : "");
  const auto spawn_reason = text_in(row, "startReason");
  return lines()
    .add("Environment", text_in(row, "name"))
    .add("Project", text_in(row, "project") + " / " + text_in(row, "domain"))
    .add("Owner", text_in(row, "node"))
    .add("Version", text_in(row, "version"))
    .add("New because", text_in(row, "reason"))
    .add("State", phase_cell(text_in(row, "state")))
    .add("Waits", {text_in(row, "waiting"), colour::yellow})
    .add("Replicas",
         range_text(row) + ", " + count(row, "starting") + " starting, concurrency " + count(row, "concurrency"))
    .add("Calls", count(row, "running") + " running, " + count(row, "parked") + " waiting for children, "
                    + count(row, "queued") + " queued")
    .add("Ended", count(row, "done") + " done, " + count(row, "failed") + " failed, " + count(row, "lost") + " lost")
    .add("Mean run", time_of(number_in(row, "meanRunUs")))
    .add("Idle", truth_in(row, "fresh")
                   ? "each call has a fresh fork"
                   : "a replica ends after " + duration_text_of_ms(number_in(row, "scaledownTtlMs"))
                       + " without calls, all after " + duration_text_of_ms(number_in(row, "idleTtlMs")))
    .add("Starts", count(row, "coldStarts"))
    .add("Recycled", number_in(row, "recycled") ? count(row, "recycled") : "")
    .add("Prewarmed", prewarm_text(row))
    .add("Mean start", time_of(number_in(row, "meanStartUs")))
    .add("Started by",
         text_in(row, "startMode") + (spawn_reason.empty() ? "" : ": " + one_line(spawn_reason, inputs_width)))
    .add("Python", text_in(row, "python"))
    .add("Tasks", one_line(tasks, inputs_width))
    .add("Message", {one_line(text_in(row, "message"), inputs_width), colour::red})
    .take();
}

table replica_details(const json& row) {
  return lines()
    .add("Replica", text_in(row, "id"))
    .add("Node", text_in(row, "node"))
    .add("Environment", text_in(row, "environment"))
    .add("Version", text_in(row, "version"))
    .add("State", phase_cell(text_in(row, "state")))
    .add("Calls", count(row, "running") + " running, " + count(row, "parked") + " waiting for children, "
                    + count(row, "ahead") + " sent ahead, " + count(row, "done") + " done")
    .add("Memory", bytes_text(number_in(row, "memoryBytes")))
    .add("Process", std::to_string(number_in(row, "pid")))
    .add("Started by", text_in(row, "startMode"))
    .add("Started in", time_of(number_in(row, "startUs")))
    .add("Age", duration_text_of_ms(number_in(row, "ageMs")))
    .add("Logs", "hearth logs replica/" + text_in(row, "id"))
    .take();
}

table run_details(const json& row, std::uint64_t now_ms) {
  constexpr std::uint64_t ns_per_ms = 1'000'000;
  const auto started = number_in(row, "startedUnixMs");
  return lines()
    .add("Run", text_in(row, "name"))
    .add("Task", text_in(row, "task"))
    .add("Phase", phase_cell(text_in(row, "phase")))
    .add("Started", time_text(started * ns_per_ms) + " (" + ago(started, now_ms) + ")")
    .add("Duration", duration_text_of_ms(number_in(row, "durationMs")))
    .add("Inputs", one_line(text_in(row, "inputs"), inputs_width))
    .add("Home", text_in(row, "node"))
    .add("Project", text_in(row, "project") + " / " + text_in(row, "domain"))
    .add("Version", text_in(row, "environmentVersion"))
    .add("Detached", truth_in(row, "detached") ? "yes: it goes on without its client" : "")
    .take();
}

table action_details(const json& row) {
  return lines()
    .add("Action", text_in(row, "id"))
    .add("Parent", text_in(row, "parent"))
    .add("Task", text_in(row, "task"))
    .add("Phase", phase_cell(text_in(row, "phase")))
    .add("Attempt", count(row, "attempt"))
    .add("Queued", duration_text(number_in(row, "queuedUs")))
    .add("Waited for a start", time_of(number_in(row, "startUs")))
    .add("Imports of it", time_of(number_in(row, "importUs")))
    .add("Fork of it", time_of(number_in(row, "forkUs")))
    .add("Ran", duration_text(number_in(row, "runUs")))
    .add("Replica", text_in(row, "replica"))
    .add("Cache", cache_cell(row))
    .add("Value made by", text_in(row, "producer"))
    .take();
}

std::string cores_text(std::uint64_t millis) {
  const auto rest = millis % 1000 / 100;
  return std::to_string(millis / 1000) + (rest != 0 ? "." + std::to_string(rest) : "") + " cores";
}

table node_details(const json& row) {
  const auto idle = number_in(row, "idleExitMs");
  return lines()
    .add("Node", text_in(row, "name"))
    .add("State", phase_cell(text_in(row, "state")))
    .add("Process", std::to_string(number_in(row, "pid")))
    .add("Version", text_in(row, "version"))
    .add("Up", duration_text_of_ms(number_in(row, "upMs")))
    .add("Ends", idle ? "after " + duration_text_of_ms(idle) + " without work" : "when it is stopped")
    .add("Sessions", count(row, "sessions"))
    .add("Environments", count(row, "environments"))
    .add("Replicas", count(row, "replicas"))
    .add("Calls", count(row, "calls"))
    .add("Memory", bytes_text(number_in(row, "residentBytes")) + " of hearthd; the machine has "
                     + bytes_text(number_in(row, "memoryBytes")))
    .add("For replicas", bytes_text(number_in(row, "memoryCapacity")) + " of memory, "
                           + cores_text(number_in(row, "cpuCapacityMillis")) + ", " + count(row, "gpus") + " GPUs")
    .add("Reserved", bytes_text(number_in(row, "memoryReserved")) + " of memory, "
                       + cores_text(number_in(row, "cpuReservedMillis")) + ", " + count(row, "gpusInUse") + " GPUs; "
                       + count(row, "ordersWaiting") + " replicas wait")
    .add("Memory limits", text_in(row, "memoryLimits"))
    .add("Isolation", text_in(row, "isolation"))
    .add("Socket", text_in(row, "socket"))
    .add("State folder", text_in(row, "stateDirectory"))
    .add("Id", text_in(row, "id"))
    .take();
}

/// Where rows are from several nodes, the second column says from which.
table with_nodes(table listing, const json& rows) {
  const bool is_spread = std::any_of(
    rows.begin(), rows.end(), [&](const json& row) { return text_in(row, "node") != text_in(rows.front(), "node"); });
  if (!is_spread)
    return listing;
  listing.columns.insert(listing.columns.begin() + 1, column{"NODE"});
  for (std::size_t i = 0; i < listing.rows.size(); ++i)
    listing.rows[i].insert(listing.rows[i].begin() + 1, name_text(rows[i], "node"));
  return listing;
}

} // namespace

table table_of(noun what, const json& rows, std::uint64_t now_ms) {
  switch (what) {
    case noun::apps:
      return apps_table(rows);
    case noun::environments:
      return with_nodes(environments_table(rows), rows);
    case noun::replicas:
      return with_nodes(replicas_table(rows), rows);
    case noun::runs:
      return with_nodes(runs_table(rows, now_ms), rows);
    case noun::actions:
      return actions_table(rows);
    case noun::events:
      return with_nodes(events_table(rows), rows);
    case noun::nodes:
      break;
  }
  return nodes_table(rows);
}

table details_of(noun what, const json& row, std::uint64_t now_ms) {
  switch (what) {
    case noun::apps:
      return app_details(row, "");
    case noun::environments:
      return environment_details(row);
    case noun::replicas:
      return replica_details(row);
    case noun::runs:
      return run_details(row, now_ms);
    case noun::actions:
      return action_details(row);
    case noun::events: // are only listed
    case noun::nodes:
      break;
  }
  return node_details(row);
}

} // namespace hearth::cli
