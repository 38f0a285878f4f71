#include "tools/cli/own_node.hpp"

#include "tools/cli/places.hpp"

#include <chrono>
#include <filesystem>
#include <system_error>

namespace hearth::cli {

namespace {

constexpr std::chrono::seconds start_timeout{30}; // from the start to the first answer; a cold disk takes several

} // namespace

node_start how_to_start(const surroundings& around, const std::string& idle_exit) {
  node_start how;
  how.daemon = find_daemon(around.variable, program_directory());
  how.socket = around.socket;
  how.idle_exit = idle_exit;
  const auto state = state_directory(around.variable);
  how.log = state / "hearthd.log";
  std::error_code ignored;
  if (std::filesystem::exists(state / "cluster" / "cluster.toml",
                              ignored)) // a member of a cluster does not end when idle
    how.words = {"--log-file", how.log.string()};
  return how;
}

connection start_own_node(const surroundings& around, const std::string& idle_exit) {
  const auto how = how_to_start(around, idle_exit);
  make_socket_directory(std::filesystem::path(around.socket).parent_path(), around.socket_is_chosen);
  return start_node(how, start_timeout);
}

} // namespace hearth::cli
