#include "node/identity/files.hpp"

#include "node/paths.hpp"
#include "node/start_error.hpp"

#include <fcntl.h>
#include <kj/io.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_at(const fs::path& file, const char* what, int error) {
  throw start_error("The file " + file.string() + ' ' + what + ": " + std::generic_category().message(error) + '.');
}

/// The content beside its place, on the disk and with its final mode.
fs::path write_beside(const fs::path& file, std::string_view content) {
  auto name = file.string() + ".XXXXXX";
  kj::AutoCloseFd out(::mkostemp(name.data(), O_CLOEXEC)); // 0600
  if (out.get() < 0)
    fail_at(file, "cannot be written", errno);
  for (auto rest = content; !rest.empty();) {
    const auto written = ::write(out, rest.data(), rest.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      const int error = errno;
      ::unlink(name.c_str());
      fail_at(file, "cannot be written", error);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(out) != 0) {
    const int error = errno;
    ::unlink(name.c_str());
    fail_at(file, "cannot be written", error);
  }
  return name;
}

void sync_directory_of(const fs::path& file) {
  kj::AutoCloseFd directory(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory) != 0)
    fail_at(file, "may not be on the disk", errno);
}

} // namespace

fs::path cluster_directory(const fs::path& state_directory) { return state_directory / "cluster"; }

void make_identity_directory(const fs::path& directory) {
  make_directory(directory, "the directory of the node's identity", privacy::ours_alone);
}

void write_private(const fs::path& file, std::string_view content) {
  const auto fresh = write_beside(file, content);
  if (::rename(fresh.c_str(), file.c_str()) != 0) {
    const int error = errno;
    ::unlink(fresh.c_str());
    fail_at(file, "cannot be replaced", error);
  }
  sync_directory_of(file);
}

bool create_private(const fs::path& file, std::string_view content) {
  const auto fresh = write_beside(file, content);
  const bool made = ::link(fresh.c_str(), file.c_str()) == 0;
  const int error = errno;
  ::unlink(fresh.c_str());
  if (!made && error != EEXIST)
    fail_at(file, "cannot be made", error);
  if (made)
    sync_directory_of(file);
  return made;
}

std::optional<std::string> read_private(const fs::path& file, std::size_t bytes_max) {
  kj::AutoCloseFd in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (in.get() < 0 && errno == ENOENT)
    return std::nullopt;
  struct stat found {};
  if (in.get() < 0 || ::fstat(in, &found) != 0)
    fail_at(file, "cannot be read", errno);
  if (!S_ISREG(found.st_mode) || found.st_uid != ::geteuid())
    throw start_error("Refusing " + file.string() + ": it is no file of yours. Remove it, or put the right one there.");
  if ((found.st_mode & 077) != 0)
    throw start_error("Refusing " + file.string() + ": other users may use it. Make it yours with `chmod 600 "
                      + file.string() + "`, and replace what it holds if somebody may have read it.");
  if (static_cast<std::size_t>(found.st_size) > bytes_max)
    throw start_error("Refusing " + file.string() + ": it has " + std::to_string(found.st_size) + " bytes, at most "
                      + std::to_string(bytes_max) + " are expected.");
  std::string content(static_cast<std::size_t>(found.st_size), 0);
  for (std::size_t done = 0; done < content.size();) {
    const auto n = ::read(in, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      fail_at(file, "cannot be read", errno);
    if (n == 0)
      content.resize(done); // somebody made it shorter
    done += static_cast<std::size_t>(n);
  }
  return content;
}

} // namespace hearth::node
