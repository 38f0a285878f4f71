#include "tools/cli/cache_questions.hpp"

#include <nlohmann/json.hpp>

namespace hearth::cli {

json filter_of(const cache_options& options) {
  return {{"project", options.project},
          {"domain", options.domain},
          {"task", options.task},
          {"version", options.version},
          {"entry", options.entry}};
}

json cached_rows(connection& node, const json& question, const char* answer, const connection::frame_sink& others) {
  auto rows = json::array();
  for (auto& row : node.ask("getCache", question, answer, others))
    rows.push_back(readable_cached(answer, std::move(row)));
  return rows;
}

} // namespace hearth::cli
