#pragma once

#include "tools/cli/command_line.hpp"

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace hearth::cli_test {

/// What a command did.
struct outcome {
  int status = 0;
  std::string out;
  std::string err;
};

/// Runs the command line `words` with these variables and nothing else from the environment.
inline outcome run(const std::vector<std::string>& words, const std::map<std::string, std::string>& variables = {}) {
  std::ostringstream out, err;
  cli::surroundings around{.out = out,
                           .err = err,
                           .colours = false,
                           .variable = [&](const char* name) -> const char* {
                             auto found = variables.find(name);
                             return found == variables.end() ? nullptr : found->second.c_str();
                           },
                           .unix_ms = [] { return std::uint64_t{1'700'000'060'000}; },
                           .socket = {},
                           .socket_is_chosen = false};
  const auto status = cli::run_command_line(around, words);
  return {static_cast<int>(status), out.str(), err.str()};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace hearth::cli_test
