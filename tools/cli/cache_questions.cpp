#include "tools/cli/cache_questions.hpp"

#include "tools/cli/rows.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace hearth::cli {

namespace {

constexpr std::size_t id_digits = 16;

} // namespace

json filter_of(const cache_options& options) {
  return {{"project", options.project},
          {"domain", options.domain},
          {"task", options.task},
          {"version", options.version},
          {"entry", options.entry}};
}

bool names_nothing(const cache_options& options) {
  return options.project.empty() && options.domain.empty() && options.task.empty() && options.version.empty()
         && options.entry.empty();
}

void check_id(const std::string& id) {
  const bool is_hex = std::all_of(id.begin(), id.end(),
                                  [](unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!is_hex || id.size() > id_digits)
    throw misused("`" + id + "` is no id of a kept result, nor the beginning of one: that are up to "
                  + std::to_string(id_digits) + " hex digits, as `hearth cache list` shows them.");
}

void print_json(const surroundings& around, const json& what) {
  around.out << what.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

exit_status say_done(const surroundings& around, const std::string& said, bool as_json) {
  if (as_json)
    print_json(around, {{"done", said}});
  else
    around.out << said << '\n';
  return exit_status::ok;
}

json cached_rows(connection& node, const json& question, const char* answer, const connection::frame_sink& others) {
  auto rows = json::array();
  for (auto& row : node.ask("getCache", question, answer, others))
    rows.push_back(readable_cached(answer, std::move(row)));
  return rows;
}

} // namespace hearth::cli
