#include "tools/cli/cache_questions.hpp"
#include "tools/cli/nearest.hpp"
#include "tools/cli/rows.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <ostream>
#include <set>

/// `hearth cache invalidate` and `hearth cache delete`
namespace hearth::cli {

namespace {

constexpr std::size_t names_shown = 3;

/// A task or version is one of a project and domain.
cache_options completed(cache_options options) {
  if (!options.version.empty() && options.task.empty())
    throw misused("A version is one of a task: say `--task TASK --version " + options.version + "`.");
  const bool names_place = !options.domain.empty() || !options.task.empty();
  if (names_place && options.project.empty())
    options.project = "default";
  if (!options.task.empty() && options.domain.empty())
    options.domain = "development";
  return options;
}

/// What is meant, checked and complete.
cache_options meant(const cache_options& given, const std::string& command) {
  if (!given.entry.empty())
    check_id(given.entry);
  auto scope = given;
  scope.entry.clear();
  if (given.all ? !names_nothing(given) : names_nothing(given))
    throw misused(
      "Say either which results are meant (--key, --task, --version, --project, --domain) or `--all`: `hearth "
      "cache "
      + command + " --task env.square`.");
  if (names_nothing(scope))
    return given;
  if (!given.entry.empty())
    throw misused("An id names one result: `--key` goes without --project, --domain, --task and --version.");
  return completed(given);
}

std::string in_marks(const std::string& name) { return '`' + one_line(name, name_width) + '`'; }

/// "; kept are `a`, `b` and 3 others", or what was probably meant.
std::string others_text(const std::string& name, const std::set<std::string>& kept) {
  const std::vector<std::string> names(kept.begin(), kept.end());
  if (auto near = nearest(name, names); !near.empty())
    return ". Did you mean " + in_marks(near) + "?";
  const auto shown = std::min(names.size(), names_shown);
  std::string text;
  for (std::size_t i = 0; i < shown; ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + in_marks(names[i]);
  if (names.size() > shown)
    text += " and " + count_text(names.size() - shown) + (names.size() - shown == 1 ? " other" : " others");
  return "; there are results of " + text + '.';
}

/// Which part of the name is that of no kept result, and what is kept instead.
std::string nothing_of(connection& node, const cache_options& which) {
  auto rows = cached_rows(node, {{"what", "entries"}}, "cacheEntries");
  const std::pair<const char*, const std::string&> parts[]{
    {"project", which.project}, {"domain", which.domain}, {"task", which.task}, {"version", which.version}};
  std::string of; // what of the name was found
  for (const auto& [part, name] : parts) {
    std::set<std::string> kept;
    for (const auto& row : rows)
      kept.insert(text_in(row, part));
    if (!kept.empty() && !name.empty() && kept.count(name) == 0)
      return std::string("Nothing is kept of ") + part + ' ' + in_marks(name) + of + others_text(name, kept);
    if (!name.empty()) {
      of = std::string(" of ") + part + ' ' + in_marks(name) + of;
      std::erase_if(rows.get_ref<json::array_t&>(), [&](const json& row) { return text_in(row, part) != name; });
    }
  }
  return "Nothing is kept" + of + '.';
}

/// Why no kept result is meant; empty: one is, or this client may not look, or nobody answers that. Dropping does not wait for
/// the latter two.
std::string why_none(connection& node, const cache_options& options) {
  if (options.all || !options.entry.empty()) // the node refuses an id that there is not
    return "";
  try {
    const json question{{"what", "entries"}, {"which", filter_of(options)}, {"limit", 1}};
    return cached_rows(node, question, "cacheEntries").empty() ? nothing_of(node, options) : "";
  } catch (const command_error&) {
    return "";
  }
}

exit_status drop(const surroundings& around, const cache_options& given, bool deletes) {
  const auto options = meant(given, deletes ? "delete" : "invalidate");
  auto node = open_node(around);
  const auto none = why_none(node, options);
  const auto done = readable_done(
    node.ask("dropFromCache", {{"which", filter_of(options)}, {"all", options.all}, {"deletes", deletes}}, "done"));
  if (none.empty()
      || number_in(done, "count") > 0) // what was invalidated before is not listed, and deleted all the same
    return say_done(around, text_in(done, "detail"), options.as_json);
  if (deletes)
    throw command_error(exit_status::failed, none + " Nothing was deleted; `hearth cache list` shows what is kept.");
  const auto held =
    " Results of calls that began before this are not served, those of later ones are; `hearth cache list` "
    "shows what is kept.";
  return say_done(around, none + held, options.as_json);
}

} // namespace

exit_status cache_invalidate(const surroundings& around, const cache_options& options) {
  return drop(around, options, false);
}

exit_status cache_delete(const surroundings& around, const cache_options& options) {
  return drop(around, options, true);
}

} // namespace hearth::cli
