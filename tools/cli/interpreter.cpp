#include "tools/cli/interpreter.hpp"

#include "tools/cli/commands.hpp"
#include "tools/cli/places.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <sstream>
#include <system_error>

extern char** environ;

namespace hearth::cli {

namespace fs = std::filesystem;

namespace {

constexpr auto system_python = "/usr/bin/python3"; // Debian's

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<fs::path> on_path(const std::string& name, const std::string& directories) {
  std::istringstream parts(directories);
  for (std::string directory; std::getline(parts, directory, ':');)
    if (auto path = fs::path(directory) / name; is_program(path))
      return path;
  return std::nullopt;
}

std::optional<fs::path> nearest_venv(fs::path directory) {
  for (;; directory = directory.parent_path()) {
    if (auto python = directory / ".venv" / "bin" / "python"; is_program(python))
      return python;
    if (directory == directory.parent_path())
      return std::nullopt;
  }
}

std::string text_of(python_version v) { return std::to_string(v.major) + "." + std::to_string(v.minor); }

std::optional<int> number_in(std::string_view& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<python_version> version_in(std::string_view text) {
  const auto major = number_in(text);
  if (!major || text.empty() || text.front() != '.')
    return std::nullopt;
  text.remove_prefix(1);
  const auto minor = number_in(text);
  return minor ? std::optional(python_version{*major, *minor}) : std::nullopt;
}

/// What the interpreter itself says; nothing when it does not run.
std::optional<python_version> ask_version(const fs::path& python) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0)
    throw failed("No pipe can be made: " + std::generic_category().message(errno) + ".");
  const auto pid = ::fork();
  if (pid < 0)
    throw failed("No process can be made: " + std::generic_category().message(errno) + ".");
  if (pid == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl(python.c_str(), python.c_str(), "-E", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])",
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string said;
  {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> answer(::fdopen(ends[0], "r"), std::fclose);
    std::array<char, 64> part{};
    while (answer && std::fgets(part.data(), part.size(), answer.get()))
      said += part.data();
  }
  return version_in(said);
}

} // namespace

interpreter find_interpreter(const variable_reader& variable, const fs::path& directory) {
  if (auto named = value_of(variable, "HEARTH_PYTHON"); !named.empty()) {
    if (named.find('/') == std::string::npos) {
      if (auto found = on_path(named, value_of(variable, "PATH")))
        return {*found, "HEARTH_PYTHON"};
      throw failed("HEARTH_PYTHON names " + named
                   + ", and no program of that name is on PATH. Correct it or unset it.");
    }
    if (is_program(named))
      return {fs::absolute(named), "HEARTH_PYTHON"};
    throw failed("HEARTH_PYTHON names " + named + ", which is not a program. Correct it or unset it.");
  }
  if (auto active = value_of(variable, "VIRTUAL_ENV"); !active.empty()) {
    if (auto python = fs::path(active) / "bin" / "python"; is_program(python))
      return {python, "VIRTUAL_ENV"};
    throw failed("VIRTUAL_ENV names " + active
                 + ", which has no bin/python. Activate another environment or unset it.");
  }
  if (auto python = nearest_venv(directory))
    return {*python, "the nearest .venv"};
  if (is_program(system_python))
    return {system_python, "the system's"};
  throw failed(std::string("There is no Python: ") + system_python
               + " is missing. Install python3, or set HEARTH_PYTHON to an interpreter.");
}

std::optional<python_version> version_in_name(std::string_view name) {
  constexpr std::string_view prefix = "python";
  if (!name.starts_with(prefix))
    return std::nullopt;
  return version_in(name.substr(prefix.size()));
}

void check_version(const interpreter& chosen) {
  std::error_code ignored;
  const auto target = fs::canonical(chosen.path, ignored).filename().string();
  auto version = version_in_name(
    target); // most interpreters are links to python3.N, and asking takes as long as a start
  if (!version)
    version = ask_version(chosen.path);
  const auto from = chosen.path.string() + " (" + chosen.origin + ")";
  if (!version)
    throw failed("The interpreter " + from + " does not run. Repair it, or set HEARTH_PYTHON to another.");
  if (*version < oldest_python)
    throw failed("The interpreter " + from + " is Python " + text_of(*version) + "; Hearth needs "
                 + text_of(oldest_python) + " or newer. Set HEARTH_PYTHON to one.");
}

std::vector<std::string> with_sdk(const std::vector<std::string>& variables, const fs::path& sdk,
                                  const std::vector<std::pair<std::string, std::string>>& settings) {
  const std::string path_prefix = "PYTHONPATH=";
  std::string path = path_prefix + sdk.string();
  std::vector<std::string> result;
  for (const auto& variable : variables) {
    const bool is_set_here = std::any_of(settings.begin(), settings.end(), [&](const auto& setting) {
      return !setting.second.empty() && variable.starts_with(setting.first + "=");
    });
    if (variable.starts_with(path_prefix)) {
      if (variable.size() > path_prefix.size())
        path += ":" + variable.substr(path_prefix.size());
    } else if (!is_set_here) {
      result.push_back(variable);
    }
  }
  result.push_back(path);
  for (const auto& [name, value] : settings)
    if (!value.empty())
      result.push_back(name + "=" + value);
  return result;
}

void become_python(const surroundings& around, std::vector<std::string> words) {
  const auto programs = program_directory();
  const auto sdk = find_sdk(around.variable, programs);
  const auto chosen = find_interpreter(around.variable, fs::current_path());
  check_version(chosen);
  // The node of this installation, not that of another one that happens to be on PATH.
  const auto daemon = value_of(around.variable, "HEARTHD").empty() && is_program(programs / "hearthd")
                        ? (programs / "hearthd").string()
                        : std::string();
  std::vector<std::string> present;
  for (char** at = environ; *at; ++at)
    if (around.cluster.empty() || !std::string_view(*at).starts_with("HEARTH_SOCKET="))
      present.emplace_back(*at);
  auto variables = with_sdk(present, sdk,
                            {{"HEARTHD", daemon},
                             {"HEARTH_SOCKET", around.socket_is_chosen ? around.socket : ""},
                             {"HEARTH_CLUSTER", around.cluster}});
  words.insert(words.begin(), chosen.path.string());
  std::vector<char*> arguments, environment;
  for (auto& word : words)
    arguments.push_back(word.data());
  for (auto& variable : variables)
    environment.push_back(variable.data());
  arguments.push_back(nullptr);
  environment.push_back(nullptr);
  ::execve(chosen.path.c_str(), arguments.data(), environment.data());
  throw failed("The interpreter " + chosen.path.string() + " cannot be run: " + std::generic_category().message(errno)
               + ".");
}

} // namespace hearth::cli
