#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What an environment's `mounts` say: places of the machine that a sandbox shows to tasks.
namespace hearth::node {

struct mount {
  std::string path; // absolute, without "." and ".."
  bool is_writable = false;
};

/// "/data", "/data:ro", "/scratch:rw".
mount parse_mount(std::string_view text);

/// Why it is none, after its text in a sentence: "is no absolute path"; nothing: it is one. What `parse_mount` takes is only
/// what this accepts.
std::optional<std::string> fault_of_mount(std::string_view text);

/// Whether `path` is `place` or below it; both without a slash at the end, unless they are "/".
bool is_within(std::string_view path, std::string_view place);

} // namespace hearth::node
