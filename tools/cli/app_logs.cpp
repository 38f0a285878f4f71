#include "tools/cli/commands.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/views.hpp"

#include "core/defaults.hpp"
#include "core/ids.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <ostream>
#include <set>
#include <thread>

/// `hearth logs` of an app: what happened to it, and what its replicas printed, in the order of time.
namespace hearth::cli {

namespace {

constexpr std::uint16_t stream_out = 1; // Log.flags
constexpr std::uint64_t ns_per_ms = 1'000'000;
constexpr std::chrono::seconds look_again_while_followed{1}; // while it is followed
constexpr std::size_t sentence_width = 400;

struct line {
  std::uint64_t unix_ns = 0;
  bool is_error = false;
  std::string source; // "scaling", or a replica
  std::string text;
};

using lines = std::vector<line>;

/// Replicas of the app that there are, and that there were as long as it is remembered.
std::set<std::uint64_t> replicas_of(connection& node, const json& app, const json& events) {
  std::set<std::uint64_t> found;
  const auto add = [&found](const std::string& text) {
    if (const auto id = parse_replica_id(text))
      found.insert(id->value);
  };
  for (const auto& event : events)
    add(text_in(event, "replica"));
  for (const auto& row : rows_of(node, noun::replicas, text_in(app, "name"), 0))
    add(text_in(row, "id"));
  found.erase(0);
  return found;
}

/// What is written in pieces, as lines. An unfinished one at the end is left for later unless `all` is wanted.
lines lines_of(const std::vector<frame>& pieces, const std::string& source, bool all) {
  lines found;
  std::map<std::uint16_t, line> open; // by stream
  for (const auto& piece : pieces) {
    auto& at = open[piece.flags];
    for (const char c : piece.body) {
      if (at.text.empty())
        at.unix_ns = piece.unix_ns;
      if (c != '\n')
        at.text += c;
      else
        found.push_back({at.unix_ns, piece.flags != stream_out, source, std::exchange(at.text, {})});
    }
  }
  for (auto& [stream, rest] : open)
    if (all && !rest.text.empty())
      found.push_back({rest.unix_ns, stream != stream_out, source, rest.text});
  return found;
}

/// All lines there are, by their source.
std::map<std::string, lines> gathered(connection& node, const json& app, bool all) {
  std::map<std::string, lines> found;
  const auto key = text_in(app, "project") + '/' + text_in(app, "domain") + '/' + text_in(app, "name");
  const auto events = rows_of(node, noun::events, key, defaults::journal_entries_max);
  for (const auto& event : events)
    found["scaling"].push_back(
      {number_in(event, "unixMs") * ns_per_ms, false, "scaling", one_line(text_in(event, "text"), sentence_width)});
  for (const auto replica : replicas_of(node, app, events)) {
    std::vector<frame> pieces;
    node.ask("logs", {{"of", "replica/" + std::to_string(replica)}, {"action", ""}, {"follow", false}, {"lines", 0}},
             "done", [&](frame&& next) {
               if (next.kind == frame_kind::log)
                 pieces.push_back(std::move(next));
             });
    const auto source = to_string(replica_id{replica});
    found[source] = lines_of(pieces, source, all);
  }
  return found;
}

void print(const surroundings& around, lines what, const logs_options& options) {
  std::stable_sort(what.begin(), what.end(), [](const line& a, const line& b) { return a.unix_ns < b.unix_ns; });
  const auto first = options.lines > 0 && what.size() > options.lines ? what.size() - options.lines : 0;
  for (auto i = first; i < what.size(); ++i)
    (what[i].is_error ? around.err : around.out) << (options.show_times ? time_text(what[i].unix_ns) + "  " : "") << '['
                                                 << what[i].source << "] " << printable(what[i].text) << '\n';
  around.out.flush();
  around.err.flush();
}

} // namespace

exit_status app_logs(const surroundings& around, connection node, const logs_options& asked) {
  if (!asked.action.empty())
    throw command_error(exit_status::usage, "An app has no actions; leave out --action.");
  const auto apps = rows_of(node, noun::apps, asked.of, 0);
  if (apps.empty())
    throw command_error(exit_status::failed, nothing_of(noun::apps, asked.of));
  if (apps.size() > 1)
    throw command_error(exit_status::usage, "Several projects have an app `" + asked.of
                                              + "`; say app/PROJECT/DOMAIN/NAME. `hearth get apps` lists them.");
  auto options = asked;
  std::map<std::string, std::size_t> printed; // lines, by source
  for (;;) {
    lines fresh;
    for (auto& [source, all] : gathered(node, apps.front(), !options.follow)) {
      auto& before = printed[source];
      for (; before < all.size(); ++before)
        fresh.push_back(std::move(all[before]));
    }
    print(around, std::move(fresh), options);
    if (!options.follow)
      return exit_status::ok;
    options.lines = 0; // what comes from now on comes whole
    std::this_thread::sleep_for(look_again_while_followed);
  }
}

} // namespace hearth::cli
