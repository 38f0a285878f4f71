#include "tools/cli/views.hpp"

#include <algorithm>
#include <iterator>

/// The words of listings: states in their colours, and what is said where there is nothing to list.
namespace hearth::cli {

cell phase_cell(const std::string& phase) {
  static constexpr const char* good[] = {"SUCCEEDED", "ACTIVE", "warm", "running", "busy", "idle"};
  static constexpr const char* bad[] = {"FAILED", "TIMED_OUT", "CRASH_LOOP", "OOM_KILLED",
                                        "failed", "dead",      "unreachable"};
  static constexpr const char* changing[] = {"RUNNING",      "QUEUED",    "ABORTED", "SCALING_UP",
                                             "SCALING_DOWN", "DEPLOYING", "PENDING", "STOPPED",
                                             "starting",     "importing", "draining"};
  const auto is_in = [&](const auto& words) {
    return std::any_of(std::begin(words), std::end(words), [&](const char* word) { return phase == word; });
  };
  return {phase, is_in(good)       ? colour::green
                 : is_in(bad)      ? colour::red
                 : is_in(changing) ? colour::yellow
                                   : colour::none};
}

std::string nothing_of(noun what, const std::string& name) {
  const auto plural = std::string(name_of(what));
  const auto named = name.empty() ? "" : " `" + name + "`";
  switch (what) {
    case noun::apps:
      return name.empty() ? "No apps yet; `hearth serve FILE` deploys those of FILE."
                          : "There is no app" + named + "; `hearth get apps` lists them.";
    case noun::environments:
      return name.empty() ? "No environments yet; `hearth run FILE TASK` opens those of FILE."
                          : "There is no environment" + named + "; `hearth get environments` lists them.";
    case noun::replicas:
      return name.empty() ? "No replicas are running; the next call starts one: `hearth run FILE TASK`."
                          : "There is no replica" + named + "; `hearth get replicas` lists them.";
    case noun::runs:
      return "No runs yet; `hearth run FILE TASK` makes one.";
    case noun::actions:
      return "Run" + named + " has no actions yet; `hearth wait " + name + "` waits until it ends.";
    case noun::events:
      return "Nothing has happened to " + (name.empty() ? std::string("any environment") : "environment" + named)
             + " since the node started"
             + (name.empty() ? "." : ", if there is one of this name: `hearth get environments` lists them.");
    case noun::nodes:
      break;
  }
  return "There is no node" + named + "; `hearth get nodes` lists them.";
}

} // namespace hearth::cli
