#include "tools/cli/command_words.hpp"
#include "tools/cli/units.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

/// The words of `hearth cache ...` and `hearth local-cache ...`.
namespace hearth::cli {

namespace {

using doer = std::function<std::function<void()>(cache_command*)>;

/// Makes of a command what is to happen when its words were said.
doer doing(request& into) {
  return [&into](cache_command* what) {
    return [&into, what] {
      into.command = [&into, what](const surroundings& around) {
        into.cache.as_json = into.as_json();
        return what(around, into.cache);
      };
    };
  };
}

void add_filter(CLI::App* command, cache_options& into) {
  command->add_option("--project", into.project, "only of this project");
  command->add_option("--domain", into.domain, "only of this domain (development, staging, production)");
  command->add_option("--task", into.task, "only of this task: \"environment.function\", as listings show it");
  command->add_option("--version", into.version, "only of this version of the task");
}

void add_drop(CLI::App& cache, request& into, const char* name, const char* what, const char* example,
              cache_command* does_it, const doer& does, const char* where_nothing_matches) {
  auto* command = add_command(cache, name, what, example);
  add_filter(command, into.cache);
  command->add_option("--key", into.cache.entry, "only the result with this id, or its beginning");
  command->add_flag("--all", into.cache.all, "everything of all projects");
  command->footer(std::string(where_nothing_matches) + "\n\n" + command->get_footer());
  add_format(command, into);
  command->callback(does(does_it));
}

void add_limit(CLI::App& cache, request& into, const doer& does) {
  auto* limit = add_command(cache, "limit", "What projects may have in the cache of each node, and for how long",
                            "hearth cache limit --project trials --size 2GiB --ttl 7d");
  limit->add_option("--project", into.cache.project, "which one")
    ->default_str("default")
    ->check(CLI::Validator(
      [](const std::string& text) {
        const bool is_name = !text.empty() && std::none_of(text.begin(), text.end(), [](unsigned char c) {
          return c < ' ' || c == 0x7f;
        });
        return is_name ? std::string() : "The name of a project is not empty and has no control characters.";
      },
      "NAME"));
  limit
    ->add_option("--size", into.cache.size,
                 "bytes on each node (2GiB), or none: what projects have of which nothing is said")
    ->check(CLI::Validator(
      [](const std::string& text) {
        return text == "none" || parse_bytes(text) ? std::string() : "Say how much (500MiB, 2GiB), or none.";
      },
      "SIZE"));
  limit->add_option("--ttl", into.cache.ttl, "how long its results are good (7d, 12h), or none: any time")
    ->check(CLI::Validator(
      [](const std::string& text) {
        const auto time = parse_duration(text);
        return text == "none" || (time && time->count() > 0) ? std::string() : "Say how long (7d, 12h), or none.";
      },
      "TIME"));
  add_format(limit, into);
  limit->callback(does(cache_limit));
}

} // namespace

void add_cache(CLI::App& app, request& into) {
  auto* cache = add_command(app, "cache", "Kept results of tasks", "hearth cache list --task env.square");
  cache->require_subcommand(1);
  auto& options = into.cache;
  const auto does = doing(into);
  auto* stats = add_command(*cache, "stats", "How much is kept, and how often that helped", "hearth cache stats");
  add_format(stats, into);
  stats->callback(does(cache_stats));
  auto* list = add_command(*cache, "list", "The kept results, the newest first", "hearth cache list --project default");
  add_filter(list, options);
  list->add_option("--limit", options.limit, "rows at most (default: 1000)")->check(count());
  add_format(list, into);
  list->callback(does(cache_list));
  auto* show = add_command(*cache, "show", "One kept result in full, with its value", "hearth cache show 3f9a");
  show->add_option("KEY", options.entry, "its id, or the beginning of it")->required();
  add_format(show, into);
  show->callback(does(cache_show));
  // Python computes keys; see become().
  add_command(*cache, "explain", "Tell whether a call would be answered from the cache, and if not, why not",
              "hearth cache explain squares.py square --n 2");
  add_drop(
    *cache, into, "invalidate", "Have results served no more, on any node", "hearth cache invalidate --task env.square",
    cache_invalidate, does,
    "Where nothing is kept of that name it says so, with the nearest names, and ends with status 0: a script may say it "
    "before the first result is there. Results of calls that begin later are kept and served.");
  add_drop(*cache, into, "delete", "Have results served no more, and give back their room",
           "hearth cache delete --key 3f9a", cache_delete, does,
           "Where nothing is kept of that name it says so, with the nearest names, and ends with status 1.");
  auto* verify = add_command(
    *cache, "verify", "Read every kept result against its checksum; status 1 if one is damaged", "hearth cache verify");
  add_format(verify, into);
  verify->callback(does(cache_verify));
  auto* audit = add_command(
    *cache, "audit",
    "Execute a share of the hits once more, and tell which tasks return something else; status 1 "
    "if one does",
    "hearth cache audit --share 0.5 --for 10m");
  add_filter(audit, options);
  audit->add_option("--share", options.share, "of the hits while it lasts (default: 0.1)")
    ->check(CLI::Validator(
      [](const std::string& text) {
        double share = 0;
        const bool is_share = CLI::detail::lexical_cast(text, share) && share > 0 && share <= 1;
        return is_share ? std::string() : "A share is a number that is more than 0 and at most 1.";
      },
      "SHARE"));
  audit->add_option("--for", options.lasts, "how long (default: 1m); Ctrl-C ends it sooner")->check(duration());
  add_format(audit, into);
  audit->callback(does(cache_audit));
  add_limit(*cache, into, does);
  auto* saves = add_command(*cache, "export", "Write the kept results of the node into a file of its machine",
                            "hearth cache export results.cache");
  saves->add_option("FILE", options.file, "is replaced when it is there")->required();
  add_format(saves, into);
  saves->callback(does(cache_export));
  auto* loads = add_command(*cache, "import",
                            "Keep the results in a file that was exported; whoever imports trusts the file",
                            "hearth cache import results.cache");
  loads->add_option("FILE", options.file, "as `hearth cache export` made it")->required();
  add_format(loads, into);
  loads->callback(does(cache_import));
}

void add_local_cache(CLI::App& app, request& into) {
  auto* cache = add_command(app, "local-cache", "Kept results of flytekit's tasks that programs call directly",
                            "hearth local-cache clear");
  cache->require_subcommand(1);
  const auto does = doing(into);
  auto* clear = add_command(*cache, "clear", "Remove them all from your own node", "hearth local-cache clear");
  add_format(clear, into);
  clear->callback(does(local_cache_clear));
  auto* stats = add_command(*cache, "stats", "How much is kept, and how often that helped", "hearth local-cache stats");
  add_format(stats, into);
  stats->callback(does(local_cache_stats));
}

} // namespace hearth::cli
