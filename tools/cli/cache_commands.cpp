#include "tools/cli/cache_questions.hpp"
#include "tools/cli/rows.hpp"
#include "tools/cli/run_result.hpp"
#include "tools/cli/table.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"

#include "core/defaults.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <ostream>

/// `hearth cache ...`
namespace hearth::cli {

namespace {

constexpr std::size_t id_digits = 16;

json ask_for(connection& node, const char* what, const cache_options& options, const char* answer,
             const connection::frame_sink& others = {}) {
  return cached_rows(node, {{"what", what}, {"which", filter_of(options)}, {"limit", options.limit}}, answer, others);
}

std::string age_text(const json& row, std::uint64_t now_ms) {
  const auto created = number_in(row, "createdUnixMs");
  return duration_text_of_ms(now_ms > created ? now_ms - created : 0);
}

std::string left_text(const json& row, std::uint64_t now_ms) {
  const auto expires = number_in(row, "expiresUnixMs");
  if (expires == 0)
    return "";
  return expires > now_ms ? "in " + duration_text_of_ms(expires - now_ms) : "expired";
}

std::string place_of(const json& row) { return text_in(row, "project") + '/' + text_in(row, "domain"); }

bool are_of_one(const json& rows, const char* field) {
  return std::all_of(rows.begin(), rows.end(),
                     [&](const json& row) { return text_in(row, field) == text_in(rows.front(), field); });
}

table entries_table(const json& rows, std::uint64_t now_ms) {
  constexpr auto right = side::right;
  const bool has_places = !are_of_one(rows, "project") || !are_of_one(rows, "domain");
  const bool has_nodes = !are_of_one(rows, "node");
  table shown{{{"ID"}, {"TASK"}, {"VERSION"}}, {}};
  if (has_places)
    shown.columns.push_back({"PROJECT"});
  for (const auto& title : {"SIZE", "SAVES", "HITS", "AGE", "EXPIRES"})
    shown.columns.push_back({title, right});
  shown.columns.push_back({"MADE BY"});
  if (has_nodes)
    shown.columns.push_back({"NODE"});
  for (const auto& row : rows) {
    std::vector<cell> line{text_in(row, "id"), one_line(text_in(row, "task"), name_width),
                           one_line(text_in(row, "version"), id_digits)};
    if (has_places)
      line.emplace_back(one_line(place_of(row), name_width));
    line.emplace_back(bytes_text(number_in(row, "sizeBytes")));
    line.emplace_back(duration_text(number_in(row, "runUs")));
    line.emplace_back(count_text(number_in(row, "hits")));
    line.emplace_back(age_text(row, now_ms));
    line.emplace_back(left_text(row, now_ms));
    line.emplace_back(one_line(text_in(row, "producer"), name_width));
    if (has_nodes)
      line.emplace_back(text_in(row, "node"));
    shown.rows.push_back(std::move(line));
  }
  return shown;
}

/// One thing as name and value.
void write_lines(const surroundings& around, const std::vector<std::pair<std::string, std::string>>& lines) {
  table shown{{{""}, {""}}, {}};
  for (const auto& [name, value] : lines)
    if (!value.empty())
      shown.rows.push_back({cell(name, colour::grey), value});
  shown.write(around.out, around.colours);
}

std::string inputs_text(const json& row) {
  std::string text;
  for (const auto& input : row.at("inputs"))
    text += (text.empty() ? "" : ", ") + input.value("name", "") + " (" + input.value("digest", "").substr(0, id_digits)
            + ")";
  return text;
}

table figures_table(const json& nodes) {
  constexpr auto right = side::right;
  const bool has_nodes = nodes.size() > 1;
  table shown;
  if (has_nodes)
    shown.columns.push_back({"NODE"});
  shown.columns.push_back({"PROJECT"});
  for (const auto& title :
       {"ENTRIES", "SIZE", "OF", "HITS", "EVICTED", "EXPIRED", "OUTDATED", "REFUSED", "MENDED", "DAMAGED"})
    shown.columns.push_back({title, right});
  for (const auto& node : nodes)
    for (const auto& f : node.at("figures")) {
      std::vector<cell> line;
      if (has_nodes)
        line.emplace_back(text_in(node, "node"));
      line.push_back(text_in(f, "project").empty() ? cell("all", colour::grey)
                                                   : cell(one_line(text_in(f, "project"), name_width)));
      line.emplace_back(count_text(number_in(f, "entries")));
      line.emplace_back(bytes_text(number_in(f, "bytes")));
      line.emplace_back(bytes_text(number_in(f, "bytesMax")));
      for (const auto* field : {"hits", "evicted", "expired", "outdated", "refused", "mended"})
        line.emplace_back(count_text(number_in(f, field)));
      const auto damaged = number_in(f, "damaged");
      line.emplace_back(count_text(damaged), damaged ? colour::red : colour::none);
      shown.rows.push_back(std::move(line));
    }
  return shown;
}

std::string some(std::uint64_t count, const char* one, const char* several) {
  return count_text(count) + ' ' + (count == 1 ? one : several);
}

/// Of the copies that are stored, those that a listing leaves out; as long as all of them may be listed.
std::string unserved_text(connection& node, const json& counts) {
  std::uint64_t stored = 0, served = 0;
  for (const auto& each : counts)
    for (const auto& f : each.at("figures"))
      if (text_in(f, "project").empty())
        stored += number_in(f, "entries");
  if (stored == 0)
    return "";
  if (stored > defaults::rows_max)
    return "\nEntries that were invalidated or are too old count until they are removed; they are not served any more.\n";
  for (const auto& row : ask_for(node, "entries", {}, "cacheEntries")) {
    const auto nodes = text_in(row, "node"); // all that have a copy: "node-1, node-2"
    served += 1 + static_cast<std::uint64_t>(std::count(nodes.begin(), nodes.end(), ','));
  }
  if (served >= stored)
    return "";
  return "\nOf these, " + some(stored - served, "entry is", "entries are")
         + " not served any more: invalidated, or too old. `hearth cache delete` of the same name gives back the room.\n";
}

std::string counts_text(const json& node) {
  const auto hits = number_in(node, "hits"), misses = number_in(node, "misses");
  auto text = some(hits, "hit", "hits");
  if (hits + misses > 0)
    text += " (" + std::to_string(hits * 100 / (hits + misses)) + "%)";
  text += ", " + some(misses, "miss", "misses") + "; hits have saved " + duration_text(number_in(node, "savedUs"))
          + "; " + some(number_in(node, "populated"), "result", "results") + " kept";
  struct rarity {
    const char *field, *one, *several;
  };
  for (const auto& rare : {rarity{"waited", "call waited for an equal one", "calls waited for equal ones"},
                           rarity{"skipped", "call was not looked up", "calls were not looked up"},
                           rarity{"lookupFailures", "lookup failed", "lookups failed"},
                           rarity{"putFailures", "result could not be kept", "results could not be kept"}})
    if (const auto count = number_in(node, rare.field); count > 0)
      text += "; " + some(count, rare.one, rare.several);
  return text + ".";
}

/// What was said of a project, and when it holds.
std::string limit_text(const std::string& project, const cache_options& said, std::uint64_t size,
                       std::chrono::milliseconds ttl) {
  auto text = "Results of project " + project;
  if (!said.size.empty())
    text += " take at most " + (size == 0 ? "half of the room of each node" : bytes_text(size) + " on each node");
  if (!said.ttl.empty())
    text += std::string(said.size.empty() ? " are good for " : ", and are good for ")
            + (ttl.count() == 0
                 ? "any time"
                 : duration_text_of_ms(static_cast<std::uint64_t>(ttl.count())) + " after they were made");
  return text + ". Every node heeds that within about a second, one that is away once it is back.";
}

exit_status move(const surroundings& around, const cache_options& options, bool imports) {
  if (options.file.empty())
    throw misused("Name the file: `hearth cache " + std::string(imports ? "import" : "export") + " results.cache`.");
  auto node = open_node(around);
  if (node.peer() == 0)
    throw misused("An archive is a file of the node's machine: say `hearth cache "
                  + std::string(imports ? "import" : "export") + " FILE` on that machine.");
  const auto file = std::filesystem::absolute(options.file).lexically_normal().string();
  const auto done = node.ask("moveCache", {{"file", file}, {"imports", imports}}, "done");
  return say_done(around, text_in(done, "detail"), options.as_json);
}

} // namespace

exit_status cache_stats(const surroundings& around, const cache_options& options) {
  auto node = open_node(around);
  const auto nodes = ask_for(node, "counts", {}, "cacheCounts");
  if (options.as_json) {
    print_json(around, nodes);
    return exit_status::ok;
  }
  for (const auto& each : nodes)
    around.out << "Since node " << text_in(each, "node") << " started: " << counts_text(each) << '\n';
  around.out << '\n';
  figures_table(nodes).write(around.out, around.colours);
  around.out << unserved_text(node, nodes);
  return exit_status::ok;
}

exit_status cache_list(const surroundings& around, const cache_options& options) {
  auto node = open_node(around);
  const auto rows = ask_for(node, "entries", options, "cacheEntries");
  if (options.as_json)
    print_json(around, rows);
  else if (rows.empty())
    around.out << (names_nothing(options)
                     ? "Nothing is kept yet; tasks with `cache=\"auto\"` have their results kept.\n"
                     : "Nothing of that kind is kept; `hearth cache list` shows everything.\n");
  else
    entries_table(rows, around.unix_ms()).write(around.out, around.colours);
  return exit_status::ok;
}

exit_status cache_show(const surroundings& around, const cache_options& options) {
  check_id(options.entry);
  auto node = open_node(around);
  run_result value;
  const auto rows = ask_for(node, "entry", options, "cacheEntries", value_sink(value));
  if (rows.empty() || !value.is_whole())
    throw command_error(exit_status::failed,
                        "The node sent no whole value of the kept result `" + options.entry + "`.");
  auto row = rows.at(0);
  if (options.as_json) {
    row["value"] = result_json(value);
    print_json(around, row);
    return exit_status::ok;
  }
  const auto now = around.unix_ms();
  write_lines(around, {{"Entry", text_in(row, "id")},
                       {"Task", text_in(row, "task")},
                       {"Project", place_of(row)},
                       {"Version", text_in(row, "version")},
                       {"Signature", text_in(row, "signature")},
                       {"Inputs", inputs_text(row)},
                       {"Made by", text_in(row, "producer") + (text_in(row, "holder").empty() ? "" : " on node ")
                                     + text_in(row, "holder")},
                       {"Age", age_text(row, now)},
                       {"Expires", left_text(row, now).empty() ? "when its room is needed" : left_text(row, now)},
                       {"Saves", duration_text(number_in(row, "runUs"))},
                       {"Hits", count_text(number_in(row, "hits")) + " on node " + text_in(row, "node")},
                       {"Size", bytes_text(number_in(row, "sizeBytes"))},
                       {"SHA-256", text_in(row, "valueDigest")}});
  around.out << "\nValue\n" << value_text(value) << '\n';
  return exit_status::ok;
}

exit_status cache_verify(const surroundings& around, const cache_options& options) {
  auto node = open_node(around);
  const auto rows = ask_for(node, "checks", {}, "cacheChecks");
  std::uint64_t damaged = 0;
  for (const auto& row : rows)
    damaged += number_in(row, "damaged");
  if (options.as_json)
    print_json(around, rows);
  else
    for (const auto& row : rows)
      around.out << "Node " << text_in(row, "node") << ": "
                 << some(number_in(row, "entries"), "kept result was read (", "kept results were read (")
                 << bytes_text(number_in(row, "bytes")) << "), "
                 << (number_in(row, "damaged") == 0
                       ? "all as they were stored.\n"
                       : count_text(number_in(row, "damaged"))
                           + " of them damaged and removed: those calls execute again. Check the disk.\n");
  return damaged == 0 ? exit_status::ok : exit_status::failed;
}

exit_status cache_limit(const surroundings& around, const cache_options& options) {
  auto node = open_node(around);
  if (!options.size.empty() || !options.ttl.empty()) {
    const auto size = options.size == "none" ? 0 : parse_bytes(options.size).value_or(0);
    const auto ttl = options.ttl == "none" ? std::chrono::milliseconds(0)
                                           : parse_duration(options.ttl).value_or(std::chrono::milliseconds(0));
    const auto project = options.project.empty() ? "default" : options.project;
    node.ask("limitCache",
             {{"project", project},
              {"setsSize", !options.size.empty()},
              {"sizeBytes", size},
              {"setsTtl", !options.ttl.empty()},
              {"ttlMs", static_cast<std::uint64_t>(ttl.count())}},
             "done");
    return say_done(around, limit_text(project, options, size, ttl), options.as_json);
  }
  auto rows = ask_for(node, "limits", {}, "cacheLimits");
  if (!options.project.empty())
    std::erase_if(rows.get_ref<json::array_t&>(),
                  [&](const json& row) { return text_in(row, "project") != options.project; });
  if (options.as_json) {
    print_json(around, rows);
    return exit_status::ok;
  }
  if (!rows.empty()) {
    table shown{{{"PROJECT"}, {"SIZE", side::right}, {"TTL", side::right}}, {}};
    for (const auto& row : rows) {
      const auto size = number_in(row, "sizeBytes"), ttl = number_in(row, "ttlMs");
      shown.rows.push_back({one_line(text_in(row, "project"), name_width), size == 0 ? "" : bytes_text(size),
                            ttl == 0 ? "" : duration_text_of_ms(ttl)});
    }
    shown.write(around.out, around.colours);
    around.out << '\n';
  }
  around.out << "Where nothing is said, a project may have half of what a node keeps, for any time.\n";
  return exit_status::ok;
}

exit_status cache_export(const surroundings& around, const cache_options& options) {
  return move(around, options, false);
}

exit_status cache_import(const surroundings& around, const cache_options& options) {
  return move(around, options, true);
}

} // namespace hearth::cli
