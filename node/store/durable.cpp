#include "node/store/durable.hpp"

#include "node/store/store_error.hpp"

#include <kj/io.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

/// 0, or the error number.
int write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const auto n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno != EINTR)
      return errno;
    data.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
  return 0;
}

fs::path directory_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

} // namespace

void make_private_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (!error)
    fs::permissions(directory, fs::perms::owner_all, error);
  if (error)
    throw_storage_failed("make the directory " + directory.string(), error.value());
}

void write_durably(const fs::path& file, const std::vector<bytes>& parts) {
  kj::AutoCloseFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0)
    throw_storage_failed("make the file " + file.string(), errno);
  int error = 0;
  for (auto part = parts.begin(); part != parts.end() && error == 0; ++part)
    error = write_all(fd, part->view());
  if (error == 0 && ::fsync(fd) != 0)
    error = errno;
  if (error != 0) {
    ::unlink(file.c_str());
    throw_storage_failed("write " + file.string(), error);
  }
}

void move_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw_storage_failed("rename " + from.string() + " to " + to.string(), errno);
  sync_directory(directory_of(to));
  if (directory_of(from) != directory_of(to))
    sync_directory(directory_of(from));
}

void sync_directory(const fs::path& directory) {
  kj::AutoCloseFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd) != 0)
    throw_storage_failed("write the directory " + directory.string(), errno);
}

std::optional<std::vector<bytes>> read_parts(const fs::path& file, std::uint64_t part_bytes, std::uint64_t bytes_max) {
  kj::AutoCloseFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.get() < 0 && errno == ENOENT)
    return {};
  struct stat found {};
  if (fd.get() < 0 || ::fstat(fd, &found) != 0)
    throw_storage_failed("read " + file.string(), errno);
  const auto size = static_cast<std::uint64_t>(found.st_size);
  if (size > bytes_max)
    return {};
  std::vector<bytes> parts;
  for (std::uint64_t at = 0; at < size;) {
    const auto wanted = std::min(part_bytes, size - at);
    std::shared_ptr<char[]> memory(new char[wanted]);
    const auto n = ::pread(fd, memory.get(), wanted, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      throw_storage_failed("read " + file.string(), errno);
    if (n == 0)
      break;
    const auto* data = memory.get();
    parts.emplace_back(std::move(memory), data, static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return parts;
}

} // namespace hearth::node
