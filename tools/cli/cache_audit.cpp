#include "tools/cli/cache_questions.hpp"
#include "tools/cli/rows.hpp"
#include "tools/cli/table.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"

#include "core/defaults_cache.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <thread>

/// `hearth cache audit`
namespace hearth::cli {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t version_width = 16; // as `hearth cache list` has it
/// Between two orders: nodes stop soon after the last one.
constexpr auto order_pause = defaults::cache_audit_lease / 4;

json order(connection& node, const cache_options& options, double share) {
  const json question{{"what", "audit"}, {"which", filter_of(options)}, {"perMillion", std::lround(share * 1e6)}};
  return cached_rows(node, question, "cacheAudits");
}

/// Says again what is wanted until the time is over; what was counted by then.
json watch(connection& node, const cache_options& options) {
  const auto end = clock::now() + *parse_duration(options.lasts);
  for (;;) {
    const auto left = end - clock::now();
    auto rows = order(node, options, left > clock::duration::zero() ? options.share : 0);
    if (left <= clock::duration::zero())
      return rows;
    std::this_thread::sleep_for(std::min<clock::duration>(left, order_pause));
  }
}

table table_of(const json& rows) {
  constexpr auto right = side::right;
  table shown{{{"TASK"}, {"VERSION"}, {"PROJECT"}}, {}};
  for (const auto& title : {"REPEATED", "SAME", "DIFFERENT", "FAILED"})
    shown.columns.push_back({title, right});
  shown.columns.push_back({"SUCH AS"});
  for (const auto& row : rows) {
    const auto same = number_in(row, "same"), different = number_in(row, "different"),
               failed = number_in(row, "failed");
    shown.rows.push_back({one_line(text_in(row, "task"), name_width), one_line(text_in(row, "version"), version_width),
                          one_line(text_in(row, "project") + '/' + text_in(row, "domain"), name_width),
                          count_text(same + different + failed), count_text(same),
                          cell(count_text(different), different ? colour::red : colour::none), count_text(failed),
                          one_line(text_in(row, "example"), name_width)});
  }
  return shown;
}

} // namespace

exit_status cache_audit(const surroundings& around, const cache_options& options) {
  auto node = open_node(around);
  const auto rows = watch(node, options);
  const bool is_sound = std::all_of(rows.begin(), rows.end(),
                                    [](const json& row) { return number_in(row, "different") == 0; });
  if (options.as_json)
    around.out << rows.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else if (rows.empty())
    around.out << "No call was answered from the cache in that time, so nothing was executed once more.\n";
  else
    table_of(rows).write(around.out, around.colours);
  if (!is_sound && !options.as_json)
    around.out
      << "\nA task that returns something else for the same inputs should not keep its results, or should name "
         "what it depends on as an input.\n";
  return is_sound ? exit_status::ok : exit_status::failed;
}

} // namespace hearth::cli
