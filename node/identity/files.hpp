#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// The files of a node's identity. May block on a disk: for the start of a node and for commands, not for a loop.
namespace hearth::node {

/// `<state directory>/cluster`.
std::filesystem::path cluster_directory(const std::filesystem::path& state_directory);

/// Makes the directory of a node's identity (0700) where it is missing. Throws start_error when it is not ours alone.
void make_identity_directory(const std::filesystem::path& directory);

/// Replaces the file (0600) as a whole: a crash leaves the old content or the new. Throws start_error.
void write_private(const std::filesystem::path& file, std::string_view content);

/// Like write_private, for a file that must not exist yet: of several writers one succeeds. False when it exists.
bool create_private(const std::filesystem::path& file, std::string_view content);

/// The file's content; nothing when it does not exist. Throws start_error when it cannot be read, is no file, belongs to
/// somebody else, can be read by others, or is larger than `bytes_max`.
std::optional<std::string> read_private(const std::filesystem::path& file, std::size_t bytes_max);

} // namespace hearth::node
