#include "core/defaults.hpp"
#include "node/store/control_place.hpp"
#include "node/store/control_store.hpp"
#include "node/store/durable.hpp"
#include "node/store/lmdb_check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

/// Removes what is not put in place.
class fresh_directory {
public:
  explicit fresh_directory(fs::path directory) : directory_(std::move(directory)) {}
  ~fresh_directory() {
    std::error_code ignored; // there is an exception, or nothing left; the next attempt begins with removing it again
    fs::remove_all(directory_, ignored);
  }
  fresh_directory(const fresh_directory&) = delete;
  fresh_directory& operator=(const fresh_directory&) = delete;

  fs::path data() const { return directory_ / "data.mdb"; }
  const fs::path& path() const noexcept { return directory_; }

private:
  fs::path directory_;
};

/// The head of the copy in `directory`, all of which was verified.
control_head verified_copy(const fs::path& directory, std::string_view what_to_do) {
  check_lmdb_file(directory / "data.mdb", what_to_do);
  lmdb_env env(directory, defaults::control_map_bytes, lmdb_env::durability::full);
  return read_control(env, control_source::copy, what_to_do).head;
}

} // namespace

void control_store::backup(const fs::path& target) const {
  const fresh_directory fresh(make_fresh_directory(target));
  {
    const kj::AutoCloseFd fd(::open(fresh.data().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0)
      throw_storage_failed("make the file " + fresh.data().string(), errno);
    env_->copy_to(fd);
    if (::fsync(fd) != 0)
      throw_storage_failed("write " + fresh.data().string(), errno);
  }
  verified_copy(fresh.path(), "Make the backup again; when that fails too, check the disk.");
  move_durably(fresh.data(), target);
}

void control_store::restore(const fs::path& backup, const fs::path& directory) {
  if (!is_free_for_control(directory))
    throw store_error(ec::bad_request,
                      "There is a control log in " + directory.string()
                        + "; nothing was restored. Move that directory away first if it is to be replaced.");
  const fresh_directory fresh(make_fresh_directory(directory));
  const auto parts = read_parts(backup, defaults::mib, std::numeric_limits<std::uint64_t>::max());
  if (!parts)
    throw store_error(ec::bad_request, "There is no backup " + backup.string() + "; nothing was restored.");
  write_durably(fresh.data(), *parts);
  auto head = verified_copy(fresh.path(), "It is a copy of the backup " + backup.string()
                                            + ": nothing was restored, take another one.");
  head.restored = true;
  put_control_in_place(fresh.path(), head, directory);
}

} // namespace hearth::node
