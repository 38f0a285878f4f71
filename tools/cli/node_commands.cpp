#include "tools/cli/commands.hpp"
#include "tools/cli/node_process.hpp"
#include "tools/cli/own_node.hpp"
#include "tools/cli/places.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/views.hpp"

#include "core/defaults.hpp"

#include <ostream>

/// `hearth node ...`
namespace hearth::cli {

namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds end_slack{5}; // from the end of the grace to the end of the process

json status_of(connection& node) { return readable(noun::nodes, node.ask("status", nullptr, "status")); }

std::string running_text(const json& status) {
  const auto idle_ms = number_in(status, "idleExitMs");
  return "(pid " + std::to_string(number_in(status, "pid")) + ", " + text_in(status, "socket") + "); it ends "
         + (idle_ms ? "after " + duration_text(idle_ms * 1000) + " without work." : "when it is stopped.");
}

} // namespace

exit_status node_start_command(const surroundings& around, const node_options& options) {
  if (auto running = connection::open(around.socket)) {
    const auto status = status_of(*running);
    if (options.is_foreground)
      throw command_error(exit_status::failed, "A node is running already (pid "
                                                 + std::to_string(number_in(status, "pid"))
                                                 + "); `hearth node stop` ends it.");
    if (options.as_json)
      around.out << status.dump(2) << '\n';
    else
      around.out << "A node is running already " << running_text(status) << '\n';
    return exit_status::ok;
  }
  if (options.is_foreground) {
    make_socket_directory(std::filesystem::path(around.socket).parent_path(), around.socket_is_chosen);
    become_node(how_to_start(around, options.idle_exit));
  }
  auto node = start_own_node(around, options.idle_exit);
  const auto status = status_of(node);
  if (options.as_json)
    around.out << status.dump(2) << '\n';
  else
    around.out << "Node " << text_in(status, "name") << " is running " << running_text(status) << '\n';
  return exit_status::ok;
}

exit_status node_stop_command(const surroundings& around, const node_options& options) {
  auto node = connection::open(around.socket);
  if (!node) {
    around.out << "No node is running.\n";
    return exit_status::ok;
  }
  const auto pid = node->peer();
  json stop{{"reason", "`hearth node stop`"}};
  if (options.grace)
    stop["graceMs"] = options.grace->count();
  else
    stop["usualGrace"] = true;
  try {
    node->ask("stop", stop, "done"); // answered when the calls have ended
  } catch (const connection_lost&) {
    // The end of its process, awaited below, is the answer that counts.
  }
  // Interpreters have what the node allows them beyond the grace of its calls.
  if (!wait_for_end(pid, milliseconds(defaults::stop_grace) + end_slack))
    throw command_error(exit_status::failed,
                        "The node (pid " + std::to_string(pid)
                          + ") was told to stop and is still there; its log says why, and `kill -9 "
                          + std::to_string(pid) + "` ends it.");
  around.out << "The node (pid " << pid << ") has stopped.\n";
  return exit_status::ok;
}

exit_status node_status_command(const surroundings& around, const node_options& options) {
  auto node = connection::open(around.socket);
  if (!node) {
    if (options.as_json)
      around.out << json{{"state", "stopped"}, {"socket", around.socket}}.dump(2) << '\n';
    throw no_node_error();
  }
  const auto status = status_of(*node);
  if (options.as_json)
    around.out << status.dump(2) << '\n';
  else
    details_of(noun::nodes, status, around.unix_ms()).write(around.out, around.colours);
  return exit_status::ok;
}

} // namespace hearth::cli
