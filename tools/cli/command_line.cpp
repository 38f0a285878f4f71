#include "tools/cli/command_line.hpp"

#include "tools/cli/commands.hpp"
#include "tools/cli/completion.hpp"
#include "tools/cli/nearest.hpp"
#include "tools/cli/places.hpp"
#include "tools/cli/units.hpp"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <ostream>

namespace hearth::cli {

namespace {

/// All that the command line can say, and what is to be done.
struct request {
  std::string socket;
  std::string format = "table";
  std::string noun;
  get_options get;
  logs_options logs;
  std::vector<std::string> abort_words; // RUN, run RUN, or action RUN ID
  abort_options abort;
  rerun_options rerun;
  std::string run;
  std::string environment;
  std::string grace;
  node_options node;
  std::string shell;
  std::function<exit_status(const surroundings&)> command;

  bool as_json() const { return format == "json"; }
};

const std::string socket_option = "--socket";
const std::string node_command = "node";

CLI::App* add_command(CLI::App& to, const std::string& name, const std::string& what, const std::string& example) {
  auto* command = to.add_subcommand(name, what);
  command->footer("Example: " + example);
  return command;
}

void add_format(CLI::App* command, request& into) {
  command->add_option("-o,--output", into.format, "table or json")->check(CLI::IsMember({"table", "json"}));
}

std::string checked_duration(const std::string& text) {
  return parse_duration(text) ? "" : "A duration is a number with ms, s, m or h (250ms, 30s, 10m), or seconds.";
}

/// A whole number from 1, as far as the protocol counts.
CLI::Validator count() {
  return {[](std::string& text) -> std::string {
            std::uint32_t value = 0;
            const auto* end = text.data() + text.size();
            const auto [stopped, error] = std::from_chars(text.data(), end, value);
            const bool is_one = error == std::errc() && stopped == end && value > 0;
            return is_one ? "" : "`" + text + "` is no whole number from 1 to 4294967295.";
          },
          "NUMBER"};
}

// -- the commands ----

void add_get(CLI::App& app, request& into) {
  auto* command = add_command(
    app, "get", "Show environments, replicas, runs, actions of a run, events of an environment, or the node",
    "hearth get run NAME");
  command
    ->add_option("WHAT", into.noun,
                 "environments, replicas, runs, actions, events or nodes; singular or short (env) too")
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
}

void add_logs(CLI::App& app, request& into) {
  auto* command = add_command(app, "logs", "Print what the tasks of a run, or a replica, wrote", "hearth logs -f RUN");
  command->add_option("OF", into.logs.of, "a run, replica/ID, or the id of an action")->required();
  command->add_flag("-f,--follow", into.logs.follow, "go on until the run ends");
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

void add_node(CLI::App& app, request& into) {
  auto* node = add_command(app, node_command, "Start, stop or look at the node of this user", "hearth node status");
  node->require_subcommand(1);
  const auto does = [&into](exit_status (*what)(const surroundings&, const node_options&)) {
    return [&into, what] {
      into.command = [&into, what](const surroundings& around) {
        into.node.as_json = into.as_json();
        into.node.grace = into.grace.empty() ? std::nullopt : parse_duration(into.grace);
        return what(around, into.node);
      };
    };
  };
  auto* start = add_command(*node, "start", "Start the node, unless it runs already",
                            "hearth node start --idle-exit 0");
  start->add_flag("--foreground", into.node.is_foreground, "run it here, logging to stderr, until Ctrl-C");
  start->add_option("--idle-exit", into.node.idle_exit, "end after so long without work (seconds, or 10m); 0: never")
    ->check(CLI::Validator(checked_duration, "DURATION"));
  add_format(start, into);
  start->callback(does(node_start_command));
  auto* stop = add_command(*node, "stop", "Stop the node and wait until it has ended", "hearth node stop --grace 30");
  stop->add_option("--grace", into.grace, "let calls end for so long (seconds, or 2m)")
    ->check(CLI::Validator(checked_duration, "DURATION"));
  stop->callback(does(node_stop_command));
  auto* status = add_command(*node, "status", "Show the node; status 3 when none is running",
                             "hearth node status -o json");
  add_format(status, into);
  status->callback(does(node_status_command));
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
  app.add_option(socket_option, into.socket, "socket of the node (default: $HEARTH_SOCKET, else this user's)");
  // These two take every word that follows as it is; see become().
  add_command(app, "run", "Run a task of a Python file; its inputs are options",
              "hearth run squares.py sum_of_squares --n 100");
  add_command(app, "python", "Run a Python program with the SDK on its path", "hearth python squares.py");
  add_get(app, into);
  add_explain(app, into);
  add_logs(app, into);
  add_abort(app, into);
  add_rerun(app, into);
  add_wait(app, into);
  add_node(app, into);
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
  std::string socket;
  std::string command;           // "" when there is none
  std::vector<std::string> rest; // after it
};

parted part(const std::vector<std::string>& words) {
  parted result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == socket_option && i + 1 < words.size()) {
      result.socket = words[++i];
    } else if (words[i].starts_with(socket_option + "=")) {
      result.socket = words[i].substr(socket_option.size() + 1);
    } else if (!words[i].starts_with("-")) {
      result.command = words[i];
      result.rest.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
  }
  return result;
}

void set_socket(surroundings& around, const std::string& option) {
  around.socket_is_chosen = !option.empty() || !value_of(around.variable, "HEARTH_SOCKET").empty();
  around.socket = option.empty() ? default_socket(around.variable, ::geteuid())
                                 : std::filesystem::absolute(option).lexically_normal().string();
}

/// `run` and `python`: Python reads the words.
[[noreturn]] void become(const surroundings& around, const parted& words) {
  auto arguments = words.rest;
  if (words.command == "run") {
    arguments.insert(arguments.begin(), {"-m", "hearth._client.run_command"});
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
      candidates = {"environments", "replicas", "runs", "actions", "events", "nodes"};
    if (at->get_name() == "completion" && arguments.empty())
      candidates = {"bash", "zsh", "fish"};
    const auto kind = argument_kind(at->get_name(), arguments);
    const auto names = known_names(around, kind);
    candidates.insert(candidates.end(), names.begin(), names.end());
    if (at->get_name() == "logs" && current.starts_with("replica"))
      candidates = known_names(around, completion_kind::replicas);
  }
  for (const auto& candidate : candidates)
    if (candidate.starts_with(current))
      around.out << candidate << '\n';
  return exit_status::ok;
}

// -- doing it ----

exit_status perform(surroundings& around, const std::vector<std::string>& words) {
  const auto parts = part(words);
  set_socket(around, parts.socket);
  if (parts.command == "run" || parts.command == "python")
    become(around, parts);
  CLI::App app("Hearth keeps Python interpreters warm: run tasks on them, and look after them.");
  request asked;
  build(app, asked);
  if (parts.command == "__complete")
    return complete(around, app, parts.rest);
  if (!parts.command.empty())
    require_known(parts.command, "There is no command", names_of_commands(app));
  if (parts.command == node_command && !parts.rest.empty() && !parts.rest.front().starts_with("-"))
    require_known(parts.rest.front(), "`hearth node` does not know",
                  names_of_commands(*app.get_subcommand(node_command)));
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
