#include "tools/cli/commands.hpp"
#include "tools/cli/nearest.hpp"
#include "tools/cli/run_result.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/views.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <map>
#include <ostream>

/// `hearth get ...`
namespace hearth::cli {

namespace {

void print_json(const surroundings& around, const json& what) {
  around.out << what.dump(json_indent, ' ', false, json::error_handler_t::replace) << '\n';
}

json matching(const json& rows, auto&& matches) {
  auto result = json::array();
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(result), matches);
  return result;
}

json rows_for(connection& node, const get_options& options) {
  if (const auto id = parse_replica_id(options.name); options.what == noun::replicas && id)
    return matching(rows_of(node, options.what, "", 0),
                    [&](const json& row) { return text_in(row, "id") == to_string(*id); });
  if (options.what == noun::nodes && !options.name.empty())
    return matching(rows_of(node, options.what, "", 0),
                    [&](const json& row) { return text_in(row, "name") == options.name; });
  if (options.what == noun::actions && !options.item.empty())
    return matching(rows_of(node, options.what, options.name, defaults::run_actions_kept),
                    [&](const json& row) { return text_in(row, "id").starts_with(options.item); });
  return rows_of(node, options.what, options.name, options.limit);
}

/// How many actions are in which phase.
std::map<std::string, std::uint64_t> phases_of(const json& actions) {
  std::map<std::string, std::uint64_t> result;
  for (const auto& action : actions)
    ++result[text_in(action, "phase")];
  return result;
}

std::string phases_text(const std::map<std::string, std::uint64_t>& phases, std::uint64_t all) {
  std::string text;
  std::uint64_t listed = 0;
  for (const auto& [phase, count] : phases) {
    text += (text.empty() ? "" : ", ") + count_text(count) + " " + phase;
    listed += count;
  }
  return text + (all > listed ? ", and " + count_text(all - listed) + " more" : "");
}

bool has_ended(const json& run) {
  const auto phase = text_in(run, "phase");
  return phase != "QUEUED" && phase != "RUNNING";
}

void print_run(const surroundings& around, const json& run, const std::map<std::string, std::uint64_t>& phases,
               const std::optional<run_result>& result) {
  auto details = details_of(noun::runs, run, around.unix_ms());
  details.rows.push_back({cell("Actions", colour::grey), phases_text(phases, number_in(run, "actions"))});
  details.write(around.out, around.colours);
  if (!result) {
    around.out << "\n`hearth wait " << text_in(run, "name") << "` waits until it ends, `hearth logs -f "
               << text_in(run, "name") << "` shows what it prints.\n";
  } else if (result->has_failed) {
    around.out << (text_in(run, "phase") == "SUCCEEDED" ? "\nResult\n" : "\nError\n") << failure_text(*result) << '\n';
  } else {
    around.out << "\nResult\n" << value_text(*result) << '\n';
  }
}

exit_status get_run(const surroundings& around, connection& node, json run, bool as_json) {
  const auto name = text_in(run, "name");
  const auto phases = phases_of(rows_of(node, noun::actions, name, defaults::run_actions_kept));
  std::optional<run_result> result;
  if (has_ended(run))
    result = result_of(node, name);
  if (!as_json) {
    print_run(around, run, phases, result);
    return exit_status::ok;
  }
  run["actionsByPhase"] = phases;
  if (result)
    run[result->has_failed ? "failure" : "result"] = result_json(*result);
  print_json(around, run);
  return exit_status::ok;
}

} // namespace

noun noun_of(const std::string& word) {
  static const std::map<std::string, noun> known{{"app", noun::apps},
                                                 {"apps", noun::apps},
                                                 {"env", noun::environments},
                                                 {"envs", noun::environments},
                                                 {"environment", noun::environments},
                                                 {"environments", noun::environments},
                                                 {"replica", noun::replicas},
                                                 {"replicas", noun::replicas},
                                                 {"run", noun::runs},
                                                 {"runs", noun::runs},
                                                 {"action", noun::actions},
                                                 {"actions", noun::actions},
                                                 {"event", noun::events},
                                                 {"events", noun::events},
                                                 {"node", noun::nodes},
                                                 {"nodes", noun::nodes}};
  if (auto found = known.find(word); found != known.end())
    return found->second;
  std::vector<std::string> words;
  for (const auto& [name, what] : known)
    words.push_back(name);
  throw command_error(exit_status::usage,
                      "There is no listing of `" + word + "`" + suggestion(word, words)
                        + " There are apps, environments, replicas, runs, actions, events and nodes.");
}

exit_status get(const surroundings& around, const get_options& options) {
  if (options.what == noun::actions && options.name.empty())
    throw command_error(exit_status::usage,
                        "Actions belong to a run: `hearth get actions RUN`; `hearth get runs` lists runs.");
  if (options.what != noun::actions && !options.item.empty())
    throw command_error(exit_status::usage, "`hearth get " + std::string(name_of(options.what)) + "` takes one name; `"
                                              + options.item + "` is one too many.");
  auto node = open_node(around);
  const auto rows = rows_for(node, options);
  const bool names_a_thing = options.what == noun::actions ? !options.item.empty() : !options.name.empty();
  if (rows.empty() && names_a_thing)
    throw command_error(exit_status::failed, options.what == noun::actions
                                               ? "Run `" + options.name + "` has no action `" + options.item + "`."
                                               : nothing_of(options.what, options.name));
  if (options.what == noun::runs && names_a_thing)
    return get_run(around, node, rows.front(), options.as_json);
  if (options.what == noun::apps && names_a_thing)
    return get_app(around, node, rows, options.as_json);
  if (options.as_json) {
    print_json(around, rows);
    return exit_status::ok;
  }
  if (rows.empty()) {
    around.out << nothing_of(options.what, options.name) << '\n';
    return exit_status::ok;
  }
  // Of an environment's replicas and events there is a listing; one thing is shown in full.
  const bool is_list = options.what == noun::events
                       || (options.what == noun::replicas && !parse_replica_id(options.name));
  if (names_a_thing && !is_list) {
    const char* between = "";
    for (const auto& row : rows) {
      around.out << between;
      details_of(options.what, row, around.unix_ms()).write(around.out, around.colours);
      if (options.what == noun::actions && !text_in(row, "error").empty())
        around.out << "\nError\n" << printable(text_in(row, "error")) << '\n';
      between = "\n";
    }
    return exit_status::ok;
  }
  table_of(options.what, rows, around.unix_ms()).write(around.out, around.colours);
  return exit_status::ok;
}

} // namespace hearth::cli
