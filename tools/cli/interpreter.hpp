#pragma once

#include "tools/cli/surroundings.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which Python a program of the user runs on.
namespace hearth::cli {

struct python_version {
  int major = 0;
  int minor = 0;

  friend auto operator<=>(const python_version&, const python_version&) = default;
};

inline constexpr python_version oldest_python{3, 9};

/// An interpreter and why it was chosen.
struct interpreter {
  std::filesystem::path path;
  std::string origin; // "HEARTH_PYTHON", "VIRTUAL_ENV", ...
};

/// `$HEARTH_PYTHON` (a path, or a name on PATH), else that of `$VIRTUAL_ENV`, else of the nearest `.venv` from `directory`
/// upward, else the system's. Throws command_error when what was chosen is no program.
interpreter find_interpreter(const variable_reader& variable, const std::filesystem::path& directory);

/// The version that the name of a program says: "python3.11" is 3.11. Nothing for "python3".
std::optional<python_version> version_in_name(std::string_view name);

/// Throws command_error when the interpreter is older than oldest_python. Asks it, unless its name says it already.
void check_version(const interpreter& chosen);

/// The variables for a Python that is to find the SDK: `variables` ("NAME=value") with the SDK first on PYTHONPATH and
/// those of `settings` that are not empty. Pure.
std::vector<std::string> with_sdk(const std::vector<std::string>& variables, const std::filesystem::path& sdk,
                                  const std::vector<std::pair<std::string, std::string>>& settings);

} // namespace hearth::cli
