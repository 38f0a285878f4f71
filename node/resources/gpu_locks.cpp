#include "node/resources/gpu_locks.hpp"

#include "node/start_error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

constexpr mode_t for_everybody = 01777;
constexpr mode_t file_mode = 0666;

std::string reason_of(int error) { return std::generic_category().message(error); }

/// Opens the file, whoever made it. The system refuses O_CREAT for somebody else's file in a sticky directory
/// (fs.protected_regular), so that a file is either opened or made, never both in one call.
kj::AutoCloseFd open_lock(int directory, const std::string& name) {
  constexpr int how = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  for (int tries = 0; tries < 2; ++tries) {
    kj::AutoCloseFd found(::openat(directory, name.c_str(), how));
    if (found.get() >= 0 || errno != ENOENT)
      return found;
    kj::AutoCloseFd made(::openat(directory, name.c_str(), how | O_CREAT | O_EXCL, file_mode));
    if (made.get() >= 0)
      ::fchmod(made, file_mode); // whatever our umask
    if (made.get() >= 0 || errno != EEXIST)
      return made;
  }
  return {};
}

} // namespace

fs::path usual_gpu_lock_directory() {
  std::error_code none;
  const fs::path usual = "/run/lock/hearth";
  return fs::exists(usual, none) || ::access("/run/lock", W_OK) == 0 ? usual : fs::path("/tmp/hearth-gpu-locks");
}

gpu_locks::gpu_locks(const fs::path& directory) {
  const bool is_made = ::mkdir(directory.c_str(), 0777) == 0;
  if (!is_made && errno != EEXIST)
    throw start_error(
      "The directory of GPU locks, " + directory.string() + ", cannot be made: " + reason_of(errno)
      + ". Name another with --gpu-locks or HEARTH_GPU_LOCKS; every node of this machine needs the same.");
  directory_ = kj::AutoCloseFd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory_.get() < 0)
    throw start_error("The directory of GPU locks, " + directory.string() + ", cannot be used: " + reason_of(errno)
                      + ". It must be a directory, not a link; remove it or name another with --gpu-locks.");
  if (is_made)
    ::fchmod(directory_, for_everybody);
}

bool gpu_locks::claim(std::uint32_t gpu) {
  if (held_.count(gpu) > 0)
    return false;
  auto file = open_lock(directory_, "gpu-" + std::to_string(gpu));
  if (file.get() < 0 || ::flock(file, LOCK_EX | LOCK_NB) != 0)
    return false;
  held_.emplace(gpu, kj::mv(file));
  return true;
}

} // namespace hearth::node
