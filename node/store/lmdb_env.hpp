#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

struct MDB_env;
struct MDB_txn;

namespace hearth::node {

/// What LMDB said, as an exception: damaged_store where the file is not what it should be, disk_error for everything else
/// (the system's error numbers; a full map; an environment that has met a failed write and must be opened again).
[[noreturn]] void throw_lmdb(const std::filesystem::path& file, std::string_view doing, int error);

/// An LMDB environment with one unnamed database. At most one object per file in a process, no other process beside it,
/// and not across a fork; those are LMDB's rules, and whoever owns the directory keeps them. Writes go through the file,
/// never through the map (a full disk would be a signal then), and are synced at each commit.
class lmdb_env {
public:
  enum class durability {
    full,      // a commit that returned survives a crash of the machine
    last_lost, // the last commit before such a crash may be missing as a whole
  };

  /// `directory` exists. `map_bytes` bounds the file; it costs address space only. Throws as throw_lmdb.
  lmdb_env(const std::filesystem::path& directory, std::uint64_t map_bytes, durability how);

  /// The number of the last commit.
  std::uint64_t last_transaction() const;

  /// Makes sure that the file is larger by `bytes` than what is in use, `step` bytes at a time. So a file is never shorter
  /// than its meta page says, whatever becomes of a commit, and a full disk is met here, before anything was touched.
  /// Throws disk_error.
  void reserve(std::uint64_t bytes, std::uint64_t step);

  /// Writes a consistent copy without free pages into the open file `fd`, while another thread may write. Throws.
  void copy_to(int fd) const;

  const std::filesystem::path& file() const noexcept { return file_; }

private:
  friend class lmdb_transaction;

  struct close_env {
    void operator()(MDB_env* env) const noexcept;
  };

  std::filesystem::path file_;
  std::unique_ptr<MDB_env, close_env> env_;
  unsigned dbi_ = 0;
};

/// One transaction: a snapshot to read, or everything or nothing to write. Views that it gives are valid until it writes or
/// ends. Ends without effect unless `commit` returned. Throws as throw_lmdb; after that only its end is left.
class lmdb_transaction {
public:
  enum class kind { read, write };

  lmdb_transaction(lmdb_env& env, kind what);

  /// The number that this one gets when it writes and is committed.
  std::uint64_t number() const noexcept;

  std::optional<std::string_view> get(std::string_view key) const;
  void put(std::string_view key, std::string_view value);
  /// False: there was none.
  bool remove(std::string_view key);

  /// Calls `see(key, value)` in the order of keys, from the first one not below `from`, until it returns false.
  void scan(std::string_view from, const std::function<bool(std::string_view, std::string_view)>& see) const;

  /// How many records there are.
  std::uint64_t count() const;

  /// Durable, as far as the environment is, when it returns.
  void commit();

  /// A read transaction that is kept, for the price of less than a new one: at rest it holds nothing back, and `renew` makes
  /// it a snapshot of now. Nothing else may be called at rest.
  void rest() noexcept;
  void renew();

private:
  struct abort_txn {
    void operator()(MDB_txn* txn) const noexcept;
  };

  lmdb_env* env_;
  std::unique_ptr<MDB_txn, abort_txn> txn_;
};

} // namespace hearth::node
