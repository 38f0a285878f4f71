#pragma once

#include "actors/messages.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `hearth check` asks about a program, and what a node finds (schema/inspection.capnp). Pure.
namespace hearth::node {

struct inspected_environment {
  environment_spec spec; // name, python, isolation, mounts
  std::vector<std::string> modules, paths;
  bool with_packages = false;
};

/// Throws std::invalid_argument with a sentence for what is no question. An empty text asks about no program.
std::vector<inspected_environment> read_inspection(std::string_view json, const std::string& default_python);

/// What an interpreter of the environment sees.
struct sighting {
  struct module {
    std::string name, version;
  };
  std::string python;
  std::vector<module> modules;
  std::vector<std::string> paths;
  std::vector<module> packages;
};

/// Nothing when it is not what the program prints.
std::optional<sighting> read_sighting(std::string_view json);

/// The arguments of an interpreter that prints its sighting.
std::vector<std::string> sighting_words(const inspected_environment& of);

/// `exists`: whether the node itself has this path.
std::vector<finding> findings_of(const inspected_environment& asked, const sighting& seen, bool in_sandbox,
                                 const std::function<bool(const std::string&)>& exists);

} // namespace hearth::node
