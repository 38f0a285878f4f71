#pragma once

#include <kj/io.h>

#include <cstdint>
#include <filesystem>
#include <unordered_map>

namespace hearth::node {

/// Where the nodes of all users of this machine meet: `/run/lock/hearth`, or, where that cannot be made,
/// `/tmp/hearth-gpu-locks`.
std::filesystem::path usual_gpu_lock_directory();

/// Which GPUs are this node's for now: a locked file each, in a directory that all users share, so that no two nodes give
/// the same one away. A node that ends, however it does, gives back what it has. Loop thread only.
class gpu_locks {
public:
  /// Makes the directory, writable for everybody and sticky, or uses the one that is there. Throws start_error when that
  /// is a link or no directory, or cannot be made.
  explicit gpu_locks(const std::filesystem::path& directory);

  /// False while another node has it, and when its file cannot be opened. Never waits.
  bool claim(std::uint32_t gpu);
  void give_back(std::uint32_t gpu) { held_.erase(gpu); }

private:
  kj::AutoCloseFd directory_;
  std::unordered_map<std::uint32_t, kj::AutoCloseFd> held_;
};

} // namespace hearth::node
