#include "tools/cli/commands.hpp"
#include "tools/cli/log_printer.hpp"
#include "tools/cli/run_result.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/views.hpp"

#include "core/defaults.hpp"
#include "core/ids.hpp"

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <random>

/// `hearth logs`, `hearth abort`, `hearth rerun`, `hearth wait`.
namespace hearth::cli {

namespace {

constexpr std::string_view of_replica = "replica/";
constexpr std::string_view of_app = "app/";
constexpr std::size_t id_digits = 32;

bool is_id(const std::string& text) {
  return text.size() == id_digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// The run that the action belongs to. Throws command_error when no kept run has it.
std::string run_of_action(connection& node, const std::string& id) {
  for (const auto& run : rows_of(node, noun::runs, "", 0)) {
    const auto name = text_in(run, "name");
    const auto actions = rows_of(node, noun::actions, name, defaults::run_actions_kept);
    if (std::any_of(actions.begin(), actions.end(), [&](const json& action) { return text_in(action, "id") == id; }))
      return name;
  }
  throw command_error(exit_status::failed,
                      "No kept run has the action `" + id + "`; `hearth get runs` lists the runs.");
}

/// Of "replica/ID". Throws command_error (usage) for another text.
replica_id replica_of(const std::string& of) {
  const auto id = parse_replica_id(std::string_view(of).substr(of_replica.size()));
  if (!id)
    throw command_error(exit_status::usage, "`" + of + "` names no replica: say `replica/` and its id; "
                                              + "`hearth get replicas` lists them.");
  return *id;
}

/// A UUIDv7.
call_id new_call_id(std::uint64_t unix_ms) {
  std::random_device source;
  const auto random = [&source] { return std::uint64_t{source()} << 32 | source(); };
  return {unix_ms << 16 | 0x7000 | (random() & 0xfff), std::uint64_t{1} << 63 | random() >> 2};
}

bool has(const json& rows, auto&& matches) { return std::any_of(rows.begin(), rows.end(), matches); }

/// Throws command_error when what has no output is not there either.
void require_known(connection& node, const logs_options& asked) {
  if (asked.of.starts_with(of_replica)) {
    const auto id = to_string(replica_of(asked.of));
    if (!has(rows_of(node, noun::replicas, "", 0), [&](const json& row) { return text_in(row, "id") == id; }))
      throw command_error(exit_status::failed,
                          "The node has no replica " + id + " and no output of one; `hearth get replicas` lists them.");
  } else if (!asked.action.empty()) {
    if (!has(rows_of(node, noun::actions, asked.of, defaults::run_actions_kept),
             [&](const json& row) { return text_in(row, "id").starts_with(asked.action); }))
      throw command_error(exit_status::failed, "Run `" + asked.of + "` has no action `" + asked.action
                                                 + "`; `hearth get actions " + asked.of + "` lists them.");
  }
}

/// Whether an app has this name. Does not throw: it is asked when something else went wrong.
bool is_app(connection& node, const std::string& name) {
  try {
    return !rows_of(node, noun::apps, name, 1).empty();
  } catch (const command_error&) {
    return false; // what went wrong before is said
  }
}

void print_end(const surroundings& around, const json& run) {
  const auto phase = phase_cell(text_in(run, "phase"));
  around.out << "Run " << text_in(run, "name") << ": " << phase.text << " after "
             << duration_text_of_ms(number_in(run, "durationMs")) << '\n';
}

} // namespace

exit_status logs(const surroundings& around, const logs_options& asked) {
  auto options = asked;
  if (options.of.starts_with(of_app)) {
    options.of.erase(0, of_app.size());
    return app_logs(around, open_node(around), options);
  }
  const bool is_replica = options.of.starts_with(of_replica);
  if (is_replica && (options.follow || !options.action.empty()))
    throw command_error(exit_status::usage,
                        "Logs of a replica outside its calls cannot be followed or chosen by action; "
                        "`hearth logs RUN -f` follows a run.");
  if (is_replica) // logs go by the whole number
    options.of = std::string(of_replica) + std::to_string(replica_of(options.of).value);
  auto node = open_node(around);
  if (is_id(options.of)) {
    options.action = options.of;
    options.of = run_of_action(node, options.action);
  }
  bool has_output = false;
  log_printer printer(around.out, around.err, options.show_times);
  try {
    node.ask("logs",
             {{"of", options.of}, {"action", options.action}, {"follow", options.follow}, {"lines", options.lines}},
             "done", [&](frame&& next) {
               has_output = true;
               printer.take(next);
             });
  } catch (const command_error&) {
    if (has_output || is_replica || !options.action.empty() || !is_app(node, options.of))
      throw;
    return app_logs(around, std::move(node), options);
  }
  printer.finish();
  if (!has_output)
    require_known(node, options);
  return exit_status::ok;
}

exit_status abort(const surroundings& around, const abort_options& options) {
  auto node = open_node(around);
  const auto run = readable(
    noun::runs,
    node.ask("abort", {{"run", options.run}, {"action", options.action}, {"reason", options.reason}}, "run"));
  if (options.as_json)
    around.out << run.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else if (options.action.empty())
    around.out << "Aborting run " << text_in(run, "name") << "; `hearth wait " << text_in(run, "name")
               << "` waits until it has ended.\n";
  else
    around.out << "Aborting action " << options.action << " of run " << text_in(run, "name") << ".\n";
  return exit_status::ok;
}

exit_status rerun(const surroundings& around, const rerun_options& options) {
  auto node = open_node(around);
  const auto id = new_call_id(around.unix_ms());
  const auto run = readable(noun::runs, node.ask("rerun",
                                                 {{"name", options.run},
                                                  {"newName", options.new_name},
                                                  {"useRecord", options.recovers},
                                                  {"callHi", std::to_string(id.hi)},
                                                  {"callLo", std::to_string(id.lo)}},
                                                 "run"));
  const auto name = text_in(run, "name");
  if (options.as_json) {
    around.out << run.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  } else {
    around.out << name << '\n';
    around.err << "The run goes on by itself; `hearth logs -f " << name << "` follows it, `hearth get run " << name
               << "` shows its result.\n";
  }
  return exit_status::ok;
}

exit_status wait(const surroundings& around, const std::string& name, bool as_json) {
  auto node = open_node(around);
  const auto run = readable(noun::runs, node.ask("wait", name, "run"));
  const bool has_succeeded = text_in(run, "phase") == "SUCCEEDED";
  if (as_json)
    around.out << run.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else
    print_end(around, run);
  if (!has_succeeded)
    around.err << failure_text(result_of(node, text_in(run, "name"))) << '\n';
  return has_succeeded ? exit_status::ok : exit_status::failed;
}

} // namespace hearth::cli
