#pragma once

#include <cstdint>
#include <filesystem>

namespace hearth::node {

struct unpack_limits {
  std::uint64_t bytes = 0; // of all files together
  std::uint64_t files = 0; // and directories
};

/// Unpacks the tar `archive` (plain or gzipped) into `directory`, which must be new, empty and ours alone. Takes only
/// regular files and directories with names inside it; a name that leads out, a link, a device, or more than the limits is
/// refused with a store_error (bad_request, bundle_too_large). Owners and times of the archive are not kept. Returns the
/// bytes of all files. Blocks.
std::uint64_t unpack(const std::filesystem::path& archive, const std::filesystem::path& directory,
                     const unpack_limits& limits);

} // namespace hearth::node
