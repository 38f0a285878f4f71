#include "node/store/unpack.hpp"

#include "node/store/store_error.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <kj/io.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

struct close_archive {
  void operator()(struct archive* a) const noexcept { archive_read_free(a); }
};
using archive_handle = std::unique_ptr<struct archive, close_archive>;

constexpr std::size_t block_bytes = 64 * 1024;

[[noreturn]] void refuse_bundle(const std::string& what) {
  throw store_error(ec::bad_request, "The code bundle cannot be unpacked: " + what + ".");
}

[[noreturn]] void refuse_broken(struct archive* a) {
  const auto* why = archive_error_string(a);
  refuse_bundle(why ? why : "it is not a tar file");
}

archive_handle open_archive(const fs::path& file) {
  archive_handle a(archive_read_new());
  archive_read_support_filter_gzip(a.get());
  archive_read_support_format_tar(a.get());
  if (archive_read_open_filename(a.get(), file.c_str(), block_bytes) != ARCHIVE_OK)
    refuse_broken(a.get());
  return a;
}

/// The entry's name as a path that cannot lead out of the directory.
fs::path name_of(struct archive_entry* entry) {
  const char* text = archive_entry_pathname_utf8(entry);
  if (!text)
    text = archive_entry_pathname(entry); // bytes that are not in the locale's encoding
  if (!text || !*text)
    refuse_bundle("an entry has no name");
  fs::path result;
  for (const auto& part : fs::path(text)) {
    if (part == ".." || part.is_absolute() || part.has_root_path())
      refuse_bundle("the entry \"" + std::string(text) + "\" leads out of it");
    if (part != "." && !part.empty())
      result /= part;
  }
  return result;
}

void make_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    throw_storage_failed("make the directory " + directory.string(), error.value());
}

kj::AutoCloseFd make_file(const fs::path& file, mode_t permissions) {
  const mode_t mode = (permissions & 0100) != 0 ? 0700 : 0600;
  kj::AutoCloseFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (fd.get() < 0 && errno == EEXIST)
    refuse_bundle("it names " + file.filename().string() + " twice");
  if (fd.get() < 0)
    throw_storage_failed("make the file " + file.string(), errno);
  return fd;
}

void write_all(int fd, std::string_view data, const fs::path& file) {
  while (!data.empty()) {
    const auto n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno != EINTR)
      throw_storage_failed("write " + file.string(), errno);
    data.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
}

/// Adds what it writes to `total`.
void write_file(struct archive* a, const fs::path& file, mode_t permissions, const unpack_limits& limits,
                std::uint64_t& total) {
  const auto fd = make_file(file, permissions);
  std::vector<char> block(block_bytes);
  while (true) {
    const auto n = archive_read_data(a, block.data(), block.size());
    if (n < 0)
      refuse_broken(a);
    if (n == 0)
      return;
    total += static_cast<std::uint64_t>(n);
    if (total > limits.bytes)
      throw store_error(ec::bundle_too_large, "The code bundle unpacks to more than " + std::to_string(limits.bytes)
                                                + " bytes; leave large files out of it.");
    write_all(fd, {block.data(), static_cast<std::size_t>(n)}, file);
  }
}

} // namespace

std::uint64_t unpack(const fs::path& archive, const fs::path& directory, const unpack_limits& limits) {
  const auto a = open_archive(archive);
  std::uint64_t total = 0, entries = 0;
  while (true) {
    struct archive_entry* entry = nullptr;
    const auto status = archive_read_next_header(a.get(), &entry);
    if (status == ARCHIVE_EOF)
      return total;
    if (status < ARCHIVE_WARN) // a warning is a name that the locale cannot show
      refuse_broken(a.get());
    if (++entries > limits.files)
      throw store_error(ec::bundle_too_large, "The code bundle has more than " + std::to_string(limits.files)
                                                + " entries; leave some out of it.");
    const auto name = name_of(entry);
    if (archive_entry_hardlink(entry) || archive_entry_symlink(entry))
      refuse_bundle("\"" + name.string() + "\" is a link");
    if (name.empty())
      continue; // "./"
    const auto place = directory / name;
    if (archive_entry_filetype(entry) == AE_IFDIR) {
      make_directory(place);
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
      make_directory(place.parent_path());
      write_file(a.get(), place, archive_entry_perm(entry), limits, total);
    } else {
      refuse_bundle("\"" + name.string() + "\" is neither a file nor a directory");
    }
  }
}

} // namespace hearth::node
