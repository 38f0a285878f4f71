#include "tools/cli/app_views.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/log_printer.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/views.hpp"

#include "core/defaults.hpp"
#include "core/http_socket.hpp"
#include "core/ids.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <ostream>
#include <thread>

/// `hearth activate`, `hearth deactivate`, `hearth delete`, and `hearth get app NAME`.
namespace hearth::cli {

namespace {

constexpr std::uint32_t events_shown = 10;
constexpr std::uint32_t last_lines = 20; // of a replica that failed
constexpr std::chrono::milliseconds look_again_while_awaited{200};
constexpr std::chrono::minutes wait_max{5}; // a replica that has not started by then has a reason that `get app` tells

std::string word_of(const surroundings& around, const std::string& given, const char* variable, const char* otherwise) {
  if (!given.empty())
    return given;
  const char* found = around.variable(variable);
  return found != nullptr && *found != 0 ? found : otherwise;
}

struct app_key {
  std::string project, domain, name;

  std::string text() const { return project + '/' + domain + '/' + name; }
};

/// Of "name", or "project/domain/name". Throws command_error (usage).
app_key key_of(const surroundings& around, const app_options& options) {
  const auto first = options.name.find('/');
  if (first == std::string::npos)
    return {word_of(around, options.project, "HEARTH_PROJECT", "default"),
            word_of(around, options.domain, "HEARTH_DOMAIN", "development"), options.name};
  const auto second = options.name.find('/', first + 1);
  if (second == std::string::npos || options.name.find('/', second + 1) != std::string::npos || !options.project.empty()
      || !options.domain.empty())
    throw command_error(exit_status::usage, "`" + options.name
                                              + "` names no app: say NAME, with --project and --domain "
                                                "where it is not in the usual ones, or PROJECT/DOMAIN/NAME.");
  return {options.name.substr(0, first), options.name.substr(first + 1, second - first - 1),
          options.name.substr(second + 1)};
}

/// Waits until the app's row is so; throws command_error when it has failed, or is not so in time.
void await(connection& node, const app_key& key, const std::function<bool(const json&)>& is_so) {
  const auto end = std::chrono::steady_clock::now() + wait_max;
  for (;;) {
    const auto rows = rows_of(node, noun::apps, key.text(), 0);
    if (rows.empty())
      throw command_error(exit_status::failed, nothing_of(noun::apps, key.text()));
    const auto& row = rows.front();
    if (is_so(row))
      return;
    if (text_in(row, "status") == "FAILED")
      throw command_error(exit_status::failed, "App " + key.name + " is " + text_in(row, "status") + ' '
                                                 + text_in(row, "subStatus") + ": " + text_in(row, "why"));
    if (std::chrono::steady_clock::now() > end)
      throw command_error(exit_status::failed, "App " + key.name + " is still " + text_in(row, "status")
                                                 + "; `hearth explain app " + key.name + "` says why.");
    std::this_thread::sleep_for(look_again_while_awaited);
  }
}

exit_status change(const surroundings& around, const app_options& options, const char* what,
                   const std::function<bool(const json&)>& is_so) {
  const auto key = key_of(around, options);
  auto node = open_node(around);
  const auto done = node.ask(
    "changeApp", {{"project", key.project}, {"domain", key.domain}, {"name", key.name}, {"what", what}}, "done");
  if (options.waits)
    await(node, key, is_so);
  const auto said = done.is_object() ? done.value("detail", "") : "";
  if (options.as_json)
    around.out << json{{"done", said}}.dump(json_indent) << '\n';
  else
    around.out << said << '\n';
  return exit_status::ok;
}

/// The last lines that a replica printed; frames of its log.
std::vector<frame> last_output(connection& node, const std::string& replica) {
  std::vector<frame> found;
  const auto id = parse_replica_id(replica);
  if (id)
    node.ask("logs",
             {{"of", "replica/" + std::to_string(id->value)}, {"action", ""}, {"follow", false}, {"lines", last_lines}},
             "done", [&](frame&& next) { found.push_back(std::move(next)); });
  return found;
}

void print_failure(const surroundings& around, const std::string& replica, const std::vector<frame>& output) {
  around.out << "\nLast output of replica " << replica << '\n';
  log_printer printer(around.out, around.out, false);
  for (const auto& piece : output)
    printer.take(piece);
  printer.finish();
}

std::string text_of(const std::vector<frame>& output) {
  std::string text;
  for (const auto& piece : output)
    text += piece.body;
  return text;
}

} // namespace

exit_status activate_app(const surroundings& around, const app_options& options) {
  // What another version has still to answer may take as long as a stream does; this one serves.
  return change(around, options, "activate", [](const json& row) {
    const auto status = text_in(row, "status");
    return status == "ACTIVE" || (status == "DEPLOYING" && text_in(row, "subStatus") == "RUNNING");
  });
}

exit_status deactivate_app(const surroundings& around, const app_options& options) {
  return change(around, options, "deactivate", [](const json& row) { return text_in(row, "status") == "STOPPED"; });
}

exit_status delete_app(const surroundings& around, const app_options& options) {
  return change(around, options, "delete", {});
}

exit_status get_app(const surroundings& around, connection& node, const json& apps, bool as_json) {
  auto shown = json::array();
  const char* between = "";
  const auto socket = node.peer() != 0 ? http_socket_of(node.where()).string() : "";
  for (auto row : apps) {
    const auto key = app_key{text_in(row, "project"), text_in(row, "domain"), text_in(row, "name")}.text();
    const auto events = rows_of(node, noun::events, key, events_shown);
    const auto replica = text_in(row, "status") == "FAILED" ? text_in(row, "failedReplica") : std::string{};
    const auto output = replica.empty() ? std::vector<frame>{} : last_output(node, replica);
    if (as_json) {
      row["endpoint"] = endpoint_of(row);
      row["httpSocket"] = socket;
      row["events"] = events;
      row["lastOutput"] = text_of(output);
      shown.push_back(std::move(row));
      continue;
    }
    around.out << between;
    between = "\n";
    app_details(row, socket).write(around.out, around.colours);
    if (!events.empty()) {
      around.out << "\nLately\n";
      events_table(events).write(around.out, around.colours);
    }
    if (!output.empty())
      print_failure(around, replica, output);
  }
  if (as_json)
    around.out << shown.dump(json_indent, ' ', false, json::error_handler_t::replace) << '\n';
  return exit_status::ok;
}

} // namespace hearth::cli
