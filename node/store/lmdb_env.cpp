#include "node/store/lmdb_env.hpp"

#include "node/store/disk_error.hpp"
#include "node/store/lmdb_check.hpp"

#include <lmdb.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

namespace hearth::node {

namespace {

MDB_val value_of(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

std::string_view view_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

struct close_cursor {
  void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
};

} // namespace

void throw_lmdb(const std::filesystem::path& file, std::string_view doing, int error) {
  auto sentence = "Cannot " + std::string(doing) + ' ' + file.string() + ": " + mdb_strerror(error) + '.';
  switch (error) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
      throw damaged_store(sentence);
    case ENOSPC:
    case EDQUOT:
      throw disk_error(sentence + " Make room there, then start the node again.");
    default:
      throw disk_error(sentence + " Check the disk, then start the node again.");
  }
}

void lmdb_env::close_env::operator()(MDB_env* env) const noexcept { mdb_env_close(env); }

lmdb_env::lmdb_env(const std::filesystem::path& directory, std::uint64_t map_bytes, durability how)
  : file_(directory / "data.mdb") {
  const auto check = [this](int error) {
    if (error != MDB_SUCCESS)
      throw_lmdb(file_, "open", error);
  };
  MDB_env* env = nullptr;
  check(mdb_env_create(&env));
  env_.reset(env);
  check(mdb_env_set_mapsize(env, map_bytes));
  // Readers are bound to their transactions, not to threads; reading ahead would fill memory with values.
  const unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (how == durability::full ? 0 : MDB_NOMETASYNC);
  check(mdb_env_open(env, directory.c_str(), flags, 0600));
  MDB_txn* txn = nullptr;
  check(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn));
  const auto error = mdb_dbi_open(txn, nullptr, 0, &dbi_);
  mdb_txn_abort(txn);
  check(error);
}

std::uint64_t lmdb_env::last_transaction() const {
  MDB_envinfo info;
  mdb_env_info(env_.get(), &info);
  return info.me_last_txnid;
}

void lmdb_env::reserve(std::uint64_t bytes, std::uint64_t step) {
  MDB_envinfo info;
  MDB_stat pages;
  mdb_env_info(env_.get(), &info);
  mdb_env_stat(env_.get(), &pages);
  int fd = -1;
  mdb_env_get_fd(env_.get(), &fd);
  struct stat file {};
  if (::fstat(fd, &file) != 0)
    throw_lmdb(file_, "look at", errno);
  const auto size = static_cast<std::uint64_t>(file.st_size);
  const auto wanted = (std::uint64_t{info.me_last_pgno} + 1) * pages.ms_psize + bytes;
  if (size >= wanted)
    return;
  const auto more = (wanted - size + step - 1) / step * step;
  if (const int error = ::posix_fallocate(fd, file.st_size, static_cast<off_t>(more)); error != 0)
    throw_lmdb(file_, "enlarge", error);
}

void lmdb_env::copy_to(int fd) const {
  if (const int error = mdb_env_copyfd2(env_.get(), fd, MDB_CP_COMPACT); error != MDB_SUCCESS)
    throw_lmdb(file_, "copy", error);
}

void lmdb_transaction::abort_txn::operator()(MDB_txn* txn) const noexcept { mdb_txn_abort(txn); }

lmdb_transaction::lmdb_transaction(lmdb_env& env, kind what) : env_(&env) {
  MDB_txn* txn = nullptr;
  const auto error = mdb_txn_begin(env.env_.get(), nullptr, what == kind::read ? MDB_RDONLY : 0, &txn);
  if (error != MDB_SUCCESS)
    throw_lmdb(env.file(), "begin to use", error);
  txn_.reset(txn);
}

std::uint64_t lmdb_transaction::number() const noexcept { return mdb_txn_id(txn_.get()); }

std::optional<std::string_view> lmdb_transaction::get(std::string_view key) const {
  auto k = value_of(key);
  MDB_val value;
  const auto error = mdb_get(txn_.get(), env_->dbi_, &k, &value);
  if (error == MDB_NOTFOUND)
    return {};
  if (error != MDB_SUCCESS)
    throw_lmdb(env_->file(), "read", error);
  return view_of(value);
}

void lmdb_transaction::put(std::string_view key, std::string_view value) {
  auto k = value_of(key), v = value_of(value);
  if (const auto error = mdb_put(txn_.get(), env_->dbi_, &k, &v, 0); error != MDB_SUCCESS)
    throw_lmdb(env_->file(), "write", error);
}

bool lmdb_transaction::remove(std::string_view key) {
  auto k = value_of(key);
  const auto error = mdb_del(txn_.get(), env_->dbi_, &k, nullptr);
  if (error != MDB_SUCCESS && error != MDB_NOTFOUND)
    throw_lmdb(env_->file(), "write", error);
  return error == MDB_SUCCESS;
}

void lmdb_transaction::scan(std::string_view from,
                            const std::function<bool(std::string_view, std::string_view)>& see) const {
  MDB_cursor* raw = nullptr;
  if (const auto error = mdb_cursor_open(txn_.get(), env_->dbi_, &raw); error != MDB_SUCCESS)
    throw_lmdb(env_->file(), "read", error);
  const std::unique_ptr<MDB_cursor, close_cursor> cursor(raw);
  auto key = value_of(from);
  MDB_val value;
  auto error = mdb_cursor_get(raw, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (error == MDB_SUCCESS && see(view_of(key), view_of(value)))
    error = mdb_cursor_get(raw, &key, &value, MDB_NEXT);
  if (error != MDB_SUCCESS && error != MDB_NOTFOUND)
    throw_lmdb(env_->file(), "read", error);
}

std::uint64_t lmdb_transaction::count() const {
  MDB_stat stat;
  if (const auto error = mdb_stat(txn_.get(), env_->dbi_, &stat); error != MDB_SUCCESS)
    throw_lmdb(env_->file(), "read", error);
  return stat.ms_entries;
}

void lmdb_transaction::rest() noexcept { mdb_txn_reset(txn_.get()); }

void lmdb_transaction::renew() {
  if (const auto error = mdb_txn_renew(txn_.get()); error != MDB_SUCCESS)
    throw_lmdb(env_->file(), "begin to use", error);
}

void lmdb_transaction::commit() {
  if (const auto error = mdb_txn_commit(txn_.release()); error != MDB_SUCCESS)
    throw_lmdb(env_->file(), "write", error);
}

} // namespace hearth::node
