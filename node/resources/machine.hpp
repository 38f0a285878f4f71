#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

/// What the machine has, as far as this process may use it.
namespace hearth::node {

struct machine {
  std::uint64_t memory_bytes = 0;  // of the machine, or of the control group when that is less
  std::uint32_t cpu_millis = 0;    // cores this process may run on, or its quota when that is less
  std::vector<std::uint32_t> gpus; // indices of /dev/nvidia0, ...
};

/// Looks at /proc, /sys/fs/cgroup (v1 and v2) and /dev below `root`, "/" in a node. What cannot be read bounds nothing.
machine look_at_machine(const std::filesystem::path& root);

/// The directory of this process's own group in the unified hierarchy (v2), below `root`; empty when there is none.
std::filesystem::path own_cgroup(const std::filesystem::path& root);

} // namespace hearth::node
