#include "tools/cli/cache_questions.hpp"
#include "tools/cli/own_node.hpp"
#include "tools/cli/places.hpp"
#include "tools/cli/units.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <ostream>
#include <system_error>
#include <utility>

/// `hearth local-cache ...`: what direct calls of flytekit's tasks have kept on this user's own node.
namespace hearth::cli {

namespace {

constexpr auto project = "local"; // of direct calls (hearth.compat)

/// The node, which is started when it does not run: it alone opens its store. Nothing where no node has ever kept anything.
std::optional<connection> keeper(const surroundings& around) {
  if (auto running = connection::open(around.socket))
    return running;
  std::error_code ignored;
  if (!std::filesystem::exists(state_directory(around.variable) / "cache", ignored))
    return std::nullopt;
  if (!value_of(around.variable, "HEARTH_NO_START").empty())
    throw command_error(
      exit_status::no_node,
      "No node answers at " + around.socket
        + ", and HEARTH_NO_START forbids starting one, which alone opens the local cache. Start it with "
          "`hearth node start`, or unset HEARTH_NO_START.");
  return start_own_node(around, "");
}

std::string results_text(std::uint64_t count) { return count_text(count) + (count == 1 ? " result" : " results"); }

} // namespace

exit_status local_cache_clear(const surroundings& around, const cache_options& options) {
  auto node = keeper(around);
  const auto removed = node ? number_in(
                         readable_done(
                           node->ask("dropFromCache", {{"which", {{"project", project}}}, {"deletes", true}}, "done")),
                         "count")
                            : 0;
  if (options.as_json)
    around.out << json{{"removed", removed}}.dump(2) << '\n';
  else if (removed == 0)
    around.out << "The local cache is empty; nothing was removed.\n";
  else
    around.out << results_text(removed) << " removed from the local cache.\n";
  return exit_status::ok;
}

exit_status local_cache_stats(const surroundings& around, const cache_options& options) {
  json kept{{"entries", 0}, {"bytes", 0}, {"hits", 0}};
  if (auto node = keeper(around))
    for (const auto& counts : cached_rows(*node, {{"what", "counts"}}, "cacheCounts"))
      for (const auto& figures : counts.at("figures"))
        if (text_in(figures, "project") == project)
          for (const auto* field : {"entries", "bytes", "hits"})
            kept[field] = number_in(kept, field) + number_in(figures, field);
  if (options.as_json)
    around.out << kept.dump(2) << '\n';
  else
    around.out << "The local cache keeps " << results_text(number_in(kept, "entries")) << " ("
               << bytes_text(number_in(kept, "bytes")) << "); " << count_text(number_in(kept, "hits"))
               << (number_in(kept, "hits") == 1 ? " call was" : " calls were")
               << " answered from it since your node started.\n";
  return exit_status::ok;
}

} // namespace hearth::cli
