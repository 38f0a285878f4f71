#include "tools/cli/app_views.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/views.hpp"

#include "core/defaults.hpp"

#include <ostream>

/// `hearth explain ...`, and the listing of events that it is made of.
namespace hearth::cli {

namespace {

constexpr std::uint32_t decisions_shown = 20;
constexpr std::uint64_t ns_per_ms = 1'000'000;
constexpr std::size_t text_width = 400; // of a sentence

bool is_decision(const json& event) { return event.contains("decision"); }

cell kind_cell(const json& event) {
  const auto kind = text_in(event, "kind");
  const bool is_bad = kind == "lost" || kind == "unmade";
  const bool is_wait = kind == "waiting" || kind == "overcommitted";
  return {is_decision(event) ? text_in(event["decision"], "rule") : kind, is_bad    ? colour::red
                                                                          : is_wait ? colour::yellow
                                                                                    : colour::none};
}

/// The decisions among the events, the newest `limit` of them.
json decisions_of(const json& events, std::uint32_t limit) {
  auto result = json::array();
  for (const auto& event : events)
    if (is_decision(event))
      result.push_back(event);
  if (result.size() > limit)
    result.erase(result.begin(), result.end() - limit);
  return result;
}

std::string learned_text(const json& row) {
  const auto run = number_in(row, "learnedRunUs"), start = number_in(row, "learnedStartUs");
  return "a call takes " + (run ? duration_text(run) : "an unknown time") + ", a start "
         + (start ? duration_text(start) : "an unknown time");
}

std::string counted(std::uint64_t n, const std::string& what) {
  return count_text(n) + ' ' + what + (n == 1 ? "" : "s");
}

void print_state(std::ostream& out, const json& row) {
  const auto lowest = number_in(row, "minReplicas"), highest = number_in(row, "maxReplicas");
  out << text_in(row, "name") << " (version " << text_in(row, "version") << ") has "
      << counted(number_in(row, "replicas"), "ready replica") << " and " << count_text(number_in(row, "starting"))
      << " starting. It may have " << (lowest == highest ? "" : count_text(lowest) + " to ")
      << counted(highest, "replica") << ", each with " << counted(number_in(row, "concurrency"), "call")
      << " at a time.\n"
      << "  Calls: " << count_text(number_in(row, "running")) << " running, " << count_text(number_in(row, "queued"))
      << " waiting. Learned: " << learned_text(row) << ".\n";
  if (const auto waiting = text_in(row, "waiting"); !waiting.empty())
    out << "  It " << waiting << ".\n";
  if (truth_in(row, "fresh")) {
    out << "  Each call has a fresh fork, so nothing is decided about how many there are.\n";
    return;
  }
  out << "  A replica above the minimum ends after " << duration_text_of_ms(number_in(row, "scaledownTtlMs"))
      << " without calls, all of them after " << duration_text_of_ms(number_in(row, "idleTtlMs")) << ".\n";
}

void print_decision(std::ostream& out, const json& event) {
  out << time_text(number_in(event, "unixMs") * ns_per_ms) << "  " << one_line(text_in(event, "text"), text_width)
      << " [" << text_in(event["decision"], "rule") << "]\n";
  if (!truth_in(event["decision"], "reproduced"))
    out << "    Deciding again from what is recorded gives something else: please report this.\n";
}

void print_app(std::ostream& out, const json& app, const std::vector<std::string>& advice) {
  const auto sub = text_in(app, "subStatus");
  const auto why = one_line(text_in(app, "why"), text_width);
  out << "App " << text_in(app, "name") << " is " << text_in(app, "status") << (sub.empty() ? "" : " (" + sub + ")")
      << (why.empty() ? "." : ". " + why) << '\n';
  for (const auto& sentence : advice)
    out << "  " << sentence << '\n';
  if (advice.empty())
    out << "  Nothing about it asks to be changed.\n";
}

} // namespace

exit_status explain_app(const surroundings& around, const std::string& name, std::uint32_t limit, bool as_json) {
  auto node = open_node(around);
  const auto apps = rows_of(node, noun::apps, name, 0);
  if (apps.empty())
    throw command_error(exit_status::failed, nothing_of(noun::apps, name));
  auto told = json::array();
  for (const auto& app : apps) {
    const auto key = text_in(app, "project") + '/' + text_in(app, "domain") + '/' + text_in(app, "name");
    const auto pools = rows_of(node, noun::environments, key, 0);
    const auto events = rows_of(node, noun::events, key, defaults::journal_entries_max);
    const auto decisions = decisions_of(events, limit ? limit : decisions_shown);
    const auto advice = advice_of(app, pools, events);
    if (as_json) {
      told.push_back({{"app", app}, {"advice", advice}, {"environments", pools}, {"decisions", decisions}});
      continue;
    }
    print_app(around.out, app, advice);
    for (const auto& pool : pools)
      print_state(around.out, pool);
    around.out << (decisions.empty() ? "No decision has been made yet.\n" : "Decisions, the newest last:\n");
    for (const auto& decision : decisions)
      print_decision(around.out, decision);
  }
  if (as_json)
    around.out << told.dump(json_indent, ' ', false, json::error_handler_t::replace) << '\n';
  return exit_status::ok;
}

table events_table(const json& rows) {
  table result{{{"TIME"}, {"ENVIRONMENT"}, {"KIND"}, {"WHAT AND WHY"}}, {}};
  for (const auto& row : rows)
    result.rows.push_back({time_text(number_in(row, "unixMs") * ns_per_ms),
                           one_line(text_in(row, "environment"), name_width), kind_cell(row),
                           one_line(text_in(row, "text"), text_width)});
  return result;
}

exit_status explain_scaling(const surroundings& around, const std::string& environment, std::uint32_t limit,
                            bool as_json) {
  auto node = open_node(around);
  const auto pools = rows_of(node, noun::environments, environment, 0);
  const auto events = rows_of(node, noun::events, environment, defaults::journal_entries_max);
  if (pools.empty() && events.empty())
    throw command_error(exit_status::failed, nothing_of(noun::environments, environment));
  const auto decisions = decisions_of(events, limit ? limit : decisions_shown);
  if (as_json) {
    around.out << json{{"environments", pools}, {"decisions", decisions}}.dump(json_indent, ' ', false,
                                                                               json::error_handler_t::replace)
               << '\n';
    return exit_status::ok;
  }
  for (const auto& row : pools)
    print_state(around.out, row);
  if (pools.empty())
    around.out << environment << " has no replicas and was forgotten; the next call makes a new pool.\n";
  around.out << (decisions.empty() ? "No decision has been made yet.\n" : "Decisions, the newest last:\n");
  for (const auto& decision : decisions)
    print_decision(around.out, decision);
  return exit_status::ok;
}

} // namespace hearth::cli
