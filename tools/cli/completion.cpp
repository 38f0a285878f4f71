#include "tools/cli/completion.hpp"

#include "tools/cli/commands.hpp"
#include "tools/cli/nearest.hpp"
#include "tools/cli/target.hpp"

#include <map>
#include <ostream>

namespace hearth::cli {

namespace {

/// Each asks the hidden command `__complete` with the words so far, and falls back on file names.
const std::map<std::string, std::string>& scripts() {
  static const std::map<std::string, std::string> by_shell{
    {"bash", R"(_hearth() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _hearth hearth
)"},
    {"zsh", R"(_hearth() {
  local -a found
  found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n ${found[1]} ]]; then
    compadd -a found
  else
    _files
  fi
}
compdef _hearth hearth
)"},
    {"fish", R"(function __hearth_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  hearth __complete $words[2..-1] "$current" 2>/dev/null
end
complete -c hearth -a '(__hearth_complete)'
)"},
  };
  return by_shell;
}

} // namespace

std::vector<std::string> known_names(const surroundings& around, completion_kind kind) {
  std::vector<std::string> names;
  if (kind == completion_kind::none)
    return names;
  try {
    auto found = open_node(around);
    auto* node = &found;
    if (kind == completion_kind::runs)
      for (const auto& row : rows_of(*node, noun::runs, "", 0))
        names.push_back(text_in(row, "name"));
    else if (kind == completion_kind::apps)
      for (const auto& row : rows_of(*node, noun::apps, "", 0))
        names.push_back(text_in(row, "name"));
    else if (kind == completion_kind::environments)
      for (const auto& row : rows_of(*node, noun::environments, "", 0))
        names.push_back(text_in(row, "name"));
    else
      for (const auto& row : rows_of(*node, noun::replicas, "", 0))
        names.push_back("replica/" + text_in(row, "id"));
  } catch (const command_error&) {
    names.clear(); // in the middle of a line that somebody types there is no place for an error
  }
  return names;
}

exit_status completion(const surroundings& around, const std::string& shell) {
  auto found = scripts().find(shell);
  if (found == scripts().end())
    throw command_error(exit_status::usage, "There is no completion for `" + shell + "`"
                                              + suggestion(shell, {"bash", "zsh", "fish"})
                                              + " There is bash, zsh and fish.");
  around.out << found->second;
  return exit_status::ok;
}

completion_kind argument_kind(const std::string& command, const std::vector<std::string>& arguments) {
  if (command == "get" && arguments.size() == 1) {
    const auto& noun = arguments.front();
    return noun.starts_with("run") || noun.starts_with("action") ? completion_kind::runs
           : noun.starts_with("app")                             ? completion_kind::apps
           : noun.starts_with("e")                               ? completion_kind::environments
                                                                 : completion_kind::none;
  }
  if (command == "scaling" && arguments.empty())
    return completion_kind::environments;
  if (command == "app" && arguments.empty())
    return completion_kind::apps;
  const bool takes_run = command == "logs" || command == "wait" || command == "abort" || command == "rerun";
  return takes_run && arguments.empty() ? completion_kind::runs : completion_kind::none;
}

} // namespace hearth::cli
