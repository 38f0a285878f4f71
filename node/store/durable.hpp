#pragma once

#include "core/bytes.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

/// Files that survive a crash of the machine. All throw store_error, and leave no half a file behind.
namespace hearth::node {

/// How the name of what is not whole yet begins, in a directory of things that are named by their digests.
inline constexpr std::string_view unfinished = ".new-";

/// Makes the directory, and what is above it, if it is not there; its owner alone may use it (0700).
void make_private_directory(const std::filesystem::path& directory);

/// Writes a new file (0600) that holds `parts` in order and forces it to disk; its name is safe once the directory was
/// synced too. A file of that name is replaced only in place: write under another name and move.
void write_durably(const std::filesystem::path& file, const std::vector<bytes>& parts);

/// Renames on the same file system and forces both directories to disk: afterwards exactly `to` exists.
void move_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// Forces the names in a directory to disk.
void sync_directory(const std::filesystem::path& directory);

/// The file in parts of at most `part_bytes`; nothing when there is none, or more than `bytes_max` in it.
std::optional<std::vector<bytes>> read_parts(const std::filesystem::path& file, std::uint64_t part_bytes,
                                             std::uint64_t bytes_max);

} // namespace hearth::node
