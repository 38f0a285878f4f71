#include "tools/cli/command_line.hpp"

#include "tools/cli/command_words.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/completion.hpp"
#include "tools/cli/nearest.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ostream>

namespace hearth::cli {

namespace {

const std::string socket_option = "--socket";
const std::string cluster_option = "--cluster";

// -- the commands ----

void add_get(CLI::App& app, request& into) {
  auto* command = add_command(
    app, "get", "Show apps, environments, replicas, runs, actions of a run, events of an environment, or the node",
    "hearth get run NAME");
  command
    ->add_option("WHAT", into.noun,
                 "apps, environments, replicas, runs, actions, events or nodes; singular or short (env) too")
    ->required();
  command->add_option(
    "NAME", into.get.name,
    "only this one, in full; of replicas: an environment or an id; of actions: the run; of events: an "
    "environment");
  command->add_option("ID", into.get.item, "of actions: the beginning of an id");
  command->add_option("--limit", into.get.limit, "rows at most (default: 1000)")->check(count());
  add_format(command, into);
  command->callback([&into] {
    into.command = [&into](const surroundings& around) {
      into.get.what = noun_of(into.noun);
      into.get.as_json = into.as_json();
      return get(around, into.get);
    };
  });
}

void add_explain(CLI::App& app, request& into) {
  auto* explain = add_command(app, "explain", "Tell in words why something is as it is", "hearth explain scaling ENV");
  explain->require_subcommand(1);
  auto* scaling = add_command(*explain, "scaling", "Why an environment has as many replicas as it has",
                              "hearth explain scaling digits");
  scaling->add_option("ENV", into.environment, "an environment")->required();
  scaling->add_option("--limit", into.get.limit, "decisions at most (default: 20)")->check(count());
  add_format(scaling, into);
  scaling->callback([&into] {
    into.command = [&into](const surroundings& around) {
      return explain_scaling(around, into.environment, into.get.limit, into.as_json());
    };
  });
  auto* of_app = add_command(*explain, "app", "Why an app scales as it does, and what to do about it",
                             "hearth explain app squares");
  of_app->add_option("NAME", into.app.name, "an app, or project/domain/app")->required();
  of_app->add_option("--limit", into.get.limit, "decisions at most (default: 20)")->check(count());
  add_format(of_app, into);
  of_app->callback([&into] {
    into.command = [&into](const surroundings& around) {
      return explain_app(around, into.app.name, into.get.limit, into.as_json());
    };
  });
}

void add_logs(CLI::App& app, request& into) {
  auto* command = add_command(app, "logs", "Print what the tasks of a run, an app, or a replica wrote",
                              "hearth logs -f RUN");
  command->add_option("OF", into.logs.of, "a run, an app, app/NAME, replica/ID, or the id of an action")->required();
  command->add_flag("-f,--follow", into.logs.follow, "go on until the run ends; of an app until Ctrl-C");
  command->add_option("--lines", into.logs.lines, "only the last lines")->check(count());
  command->add_flag("--show-ts", into.logs.show_times, "begin each line with its time");
  command->add_option("--action", into.logs.action, "only this action: the beginning of its id");
  command->callback(
    [&into] { into.command = [&into](const surroundings& around) { return logs(around, into.logs); }; });
}

/// RUN, `run RUN` or `action RUN ID`.
void read_abort_words(request& from) {
  auto words = from.abort_words;
  const bool is_action = words.front() == "action" && words.size() > 1;
  if (is_action || (words.front() == "run" && words.size() > 1))
    words.erase(words.begin());
  if (words.size() != (is_action ? 2U : 1U))
    throw command_error(exit_status::usage,
                        "Say `hearth abort RUN`, or `hearth abort action RUN ID` for one action of it.");
  from.abort.run = words[0];
  if (is_action)
    from.abort.action = words[1];
}

void add_abort(CLI::App& app, request& into) {
  auto* command = add_command(app, "abort", "End a run, or one action of it",
                              "hearth abort RUN --reason \"wrong input\"");
  command->add_option("RUN", into.abort_words, "a run; or: run RUN; or: action RUN ID")->required()->expected(1, 3);
  command->add_option("--action", into.abort.action, "only this action: the beginning of its id");
  command->add_option("--reason", into.abort.reason, "is shown to whoever waits for it");
  add_format(command, into);
  command->callback([&into] {
    into.command = [&into](const surroundings& around) {
      read_abort_words(into);
      into.abort.as_json = into.as_json();
      return abort(around, into.abort);
    };
  });
}

void add_rerun(CLI::App& app, request& into) {
  auto* command = add_command(app, "rerun", "Run a run once more: the same task, code and inputs",
                              "hearth rerun RUN --recover");
  command->add_option("RUN", into.rerun.run, "a run")->required();
  command->add_option("--name", into.rerun.new_name, "name of the new run; default: the node chooses");
  command->add_flag("--recover", into.rerun.recovers, "take the results of calls that finished in RUN");
  add_format(command, into);
  command->callback([&into] {
    into.command = [&into](const surroundings& around) {
      into.rerun.as_json = into.as_json();
      return rerun(around, into.rerun);
    };
  });
}

void add_wait(CLI::App& app, request& into) {
  auto* command = add_command(app, "wait", "Wait until a run has ended; status 0 if it succeeded", "hearth wait RUN");
  command->add_option("RUN", into.run, "a run")->required();
  add_format(command, into);
  command->callback(
    [&into] { into.command = [&into](const surroundings& around) { return wait(around, into.run, into.as_json()); }; });
}

exit_status print_version(const surroundings& around) {
  around.out << "hearth " HEARTH_VERSION "\n";
  return exit_status::ok;
}

void build(CLI::App& app, request& into) {
  app.name("hearth");
  app.require_subcommand(1);
  app.footer("Example: hearth run squares.py sum_of_squares --n 100\n`hearth COMMAND --help` says more of a command.");
  app.set_version_flag("--version", "hearth " HEARTH_VERSION);
  app.add_option(socket_option, into.socket, "socket of the node to talk to (default: $HEARTH_SOCKET)");
  app.add_option(cluster_option, into.target,
                 "cluster to talk to (default: $HEARTH_CLUSTER, the one in use, else this user's own node)");
  // These take every word that follows as it is; see become().
  add_command(app, "run", "Run a task of a Python file; its inputs are options",
              "hearth run squares.py sum_of_squares --n 100");
  add_command(app, "serve", "Deploy the apps of a Python file, and say where they are found",
              "hearth serve shop.py web");
  add_command(app, "deploy", "Deploy the environments of a Python file, apps among them", "hearth deploy shop.py");
  add_command(app, "python", "Run a Python program with the SDK on its path", "hearth python squares.py");
  add_get(app, into);
  add_explain(app, into);
  add_logs(app, into);
  add_abort(app, into);
  add_rerun(app, into);
  add_wait(app, into);
  add_app(app, into);
  add_cache(app, into);
  add_local_cache(app, into);
  add_node(app, into);
  add_cluster(app, into);
  auto* completion_of = add_command(app, "completion", "Print a completion script",
                                    "eval \"$(hearth completion bash)\"");
  completion_of->add_option("SHELL", into.shell, "bash, zsh or fish")->required();
  completion_of->callback(
    [&into] { into.command = [&into](const surroundings& around) { return completion(around, into.shell); }; });
  add_command(app, "version", "Print the version", "hearth version")->callback([&into] {
    into.command = print_version;
  });
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

/// Throws command_error when `word` is not among `known`; `refusal` begins its text.
void require_known(const std::string& word, const std::string& refusal, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), word) == known.end())
    throw command_error(exit_status::usage,
                        refusal + " `" + word + "`" + suggestion(word, known) + " `hearth --help` lists the commands.");
}

// -- words ----

/// The words, parted at the command: options of `hearth` itself come before it.
struct parted {
  std::string socket, cluster;
  std::string command;           // "" when there is none
  std::vector<std::string> rest; // after it
};

parted part(const std::vector<std::string>& words) {
  parted result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto name = words[i].substr(0, words[i].find('='));
    if (name == socket_option || name == cluster_option) {
      auto& value = name == socket_option ? result.socket : result.cluster;
      if (name.size() < words[i].size())
        value = words[i].substr(name.size() + 1);
      else if (i + 1 < words.size())
        value = words[++i];
    } else if (!words[i].starts_with("-")) {
      result.command = words[i];
      result.rest.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
  }
  return result;
}

/// `run`, `serve`, `deploy`, `cache explain` and `python`: Python reads the words.
bool is_python(const parted& words) {
  const bool explains = words.command == "cache" && !words.rest.empty() && words.rest.front() == "explain";
  return words.command == "run" || words.command == "serve" || words.command == "deploy" || words.command == "python"
         || explains;
}

[[noreturn]] void become(const surroundings& around, const parted& words) {
  auto arguments = words.rest;
  if (words.command == "run") {
    arguments.insert(arguments.begin(), {"-m", "hearth._client.run_command"});
  } else if (words.command == "serve" || words.command == "deploy") {
    arguments.insert(arguments.begin(), {"-m", "hearth._client.serve_command", words.command});
  } else if (words.command == "cache") {
    arguments.erase(arguments.begin());
    arguments.insert(arguments.begin(), {"-m", "hearth._client.explain_command"});
  } else if (arguments.empty()) {
    throw command_error(exit_status::usage, "`hearth python` wants a program: `hearth python FILE [ARGUMENTS]`.");
  } else if (arguments.front() == "--help" || arguments.front() == "-h") {
    around.out << "Run a Python program with the SDK on its path\nUsage: hearth python FILE [ARGUMENTS]\n"
                  "Options before FILE are Python's.\n\nExample: hearth python squares.py\n";
    throw command_error(exit_status::ok, "");
  }
  become_python(around, std::move(arguments));
}

// -- completion ----

/// What the last of the words may become, one candidate a line; nothing where file names fit.
exit_status complete(const surroundings& around, const CLI::App& app, std::vector<std::string> words) {
  const auto current = words.empty() ? std::string() : words.back();
  if (!words.empty())
    words.pop_back();
  const auto* at = &app;
  std::vector<std::string> arguments, candidates;
  for (const auto& word : words) {
    const auto below = at->get_subcommands([&](const CLI::App* command) { return command->get_name() == word; });
    if (!below.empty() && arguments.empty())
      at = below.front();
    else if (!word.starts_with("-"))
      arguments.push_back(word);
  }
  if (current.starts_with("-")) {
    for (const auto* option : at->get_options())
      for (const auto& name : option->get_lnames())
        candidates.push_back("--" + name);
  } else {
    candidates = names_of_commands(*at);
    if (at->get_name() == "get" && arguments.empty())
      candidates = {"apps", "environments", "replicas", "runs", "actions", "events", "nodes"};
    if (at->get_name() == "completion" && arguments.empty())
      candidates = {"bash", "zsh", "fish"};
    const auto kind = argument_kind(at->get_name(), arguments);
    const auto names = known_names(around, kind);
    candidates.insert(candidates.end(), names.begin(), names.end());
    if (at->get_name() == "logs" && current.starts_with("replica"))
      candidates = known_names(around, completion_kind::replicas);
    else if (at->get_name() == "logs")
      for (auto& name : known_names(around, completion_kind::apps))
        candidates.push_back(std::move(name));
  }
  for (const auto& candidate : candidates)
    if (candidate.starts_with(current))
      around.out << candidate << '\n';
  return exit_status::ok;
}

// -- doing it ----

exit_status perform(surroundings& around, const std::vector<std::string>& words) {
  const auto parts = part(words);
  choose_target(around, parts.socket, parts.cluster);
  if (is_python(parts))
    become(around, parts);
  CLI::App app("Hearth keeps Python interpreters warm: run tasks on them, and look after them.");
  request asked;
  build(app, asked);
  if (parts.command == "__complete")
    return complete(around, app, parts.rest);
  if (!parts.command.empty())
    require_known(parts.command, "There is no command", names_of_commands(app));
  for (const auto* group : {"node", "cluster", "cache", "local-cache"})
    if (parts.command == group && !parts.rest.empty() && !parts.rest.front().starts_with("-"))
      require_known(parts.rest.front(), std::string("`hearth ") + group + "` does not know",
                    names_of_commands(*app.get_subcommand(group)));
  for (const auto* verb : {"activate", "deactivate", "delete"})
    if (parts.command == verb && !parts.rest.empty() && !parts.rest.front().starts_with("-")
        && parts.rest.front() != "app")
      throw command_error(exit_status::usage, std::string("`hearth ") + verb + "` takes apps: say `hearth " + verb
                                                + " app " + parts.rest.front() + "`.");
  if (words.empty()) {
    around.out << app.help();
    return exit_status::ok;
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* innermost = &app;
    std::string before; // the words that lead to it
    while (!innermost->get_subcommands().empty()) {
      before += (before.empty() ? "" : " ") + innermost->get_name();
      innermost = innermost->get_subcommands().back();
    }
    around.out << innermost->help(before);
    return exit_status::ok;
  } catch (const CLI::CallForVersion&) {
    return print_version(around);
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    if (!what.ends_with('.'))
      what += '.';
    const auto of = parts.command.empty() ? "" : " " + parts.command;
    throw command_error(exit_status::usage, what + " `hearth" + of + " --help` shows what it takes.");
  }
  return asked.command(around);
}

} // namespace

exit_status run_command_line(surroundings around, const std::vector<std::string>& words) {
  try {
    return perform(around, words);
  } catch (const command_error& error) {
    around.out.flush();
    if (*error.what() != 0)
      around.err << "hearth: " << printable(error.what()) << '\n';
    return error.status();
  } catch (const std::filesystem::filesystem_error& error) {
    around.err << "hearth: " << error.what() << '\n';
    return exit_status::failed;
  }
}

} // namespace hearth::cli
