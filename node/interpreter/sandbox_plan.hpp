#pragma once

#include "actors/environment.hpp"
#include "core/errors.hpp"
#include "node/interpreter/launch.hpp"
#include "node/interpreter/sandbox.hpp"
#include "node/isolation.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Looks at the machine's files for what a sandbox has to show and to hide. Thin system calls: a few stats and links each.
namespace hearth::node {

/// What a node has decided about isolation.
struct isolation_settings {
  isolation level = isolation::process;
  std::string bubblewrap = "/usr/bin/bwrap";
  std::vector<std::filesystem::path> own_files; // of the node and its user's programs: no sandbox shows them
  std::vector<std::uint32_t> gpus;              // that the node gives away
};

/// Whether `spec` runs in a sandbox here.
inline bool is_sandboxed(const isolation_settings& node, const environment_spec& spec) {
  return is_sandboxed(node.level, spec.isolation);
}

/// Why this node cannot isolate the environment as it asks or as the node demands, as far as that shows without a start.
std::optional<failure> unusable_isolation(const isolation_settings& node, const environment_spec& spec);

/// Where the interpreter `python` is, beyond what a sandbox shows anyway: virtual environments on the way of its links, and the
/// installation at their end.
std::vector<shown_place> interpreter_places(const std::filesystem::path& python);

/// `code`: the unpacked bundle; `sdk`: the folder of the package `hearth`. For an environment that `unusable_isolation` accepts.
sandbox_plan plan_sandbox(const isolation_settings& node, const environment_spec& spec, const std::string& home,
                          const std::string& sdk, const std::string& code);

/// What starts `words`, an interpreter of `spec`, isolated as the environment and the node have it. `boot` is the SDK's
/// hearth/_worker/boot.py, `variables` are for every interpreter, `directory` is the unpacked bundle (empty: none).
launch_command command_for(const isolation_settings& node, const environment_spec& spec, std::vector<std::string> words,
                           const std::filesystem::path& boot, const std::vector<std::string>& variables,
                           const std::string& directory);

} // namespace hearth::node
