#include "tools/cli/command_words.hpp"

/// The words of commands about apps.
namespace hearth::cli {

namespace {

/// `hearth VERB app NAME`.
CLI::App* add_change(CLI::App& app, request& into, const std::string& verb, const std::string& what, bool can_wait,
                     app_command* run) {
  auto* group = add_command(app, verb, what, "hearth " + verb + " app squares");
  group->require_subcommand(1);
  auto* command = add_command(*group, "app", what, "hearth " + verb + " app squares");
  command->add_option("NAME", into.app.name, "an app, or project/domain/app")->required();
  command->add_option("--project", into.app.project, "default: $HEARTH_PROJECT, else default");
  command->add_option("--domain", into.app.domain, "default: $HEARTH_DOMAIN, else development");
  if (can_wait)
    command->add_flag("--wait", into.app.waits, "until it is so");
  add_format(command, into);
  command->callback([&into, run] {
    into.command = [&into, run](const surroundings& around) {
      into.app.as_json = into.as_json();
      return run(around, into.app);
    };
  });
  return group;
}

} // namespace

void add_app(CLI::App& app, request& into) {
  add_change(app, into, "activate", "Let an app that was deactivated serve again", true, activate_app);
  add_change(app, into, "deactivate", "End an app's replicas and refuse its requests, until it is activated", true,
             deactivate_app);
  add_change(app, into, "delete", "Take an app away, with what is known of it", false, delete_app);
}

} // namespace hearth::cli
