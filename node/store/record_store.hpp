#pragma once

#include "actors/child_record.hpp"
#include "node/store/lmdb_env.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hearth::node {

/// How the children of durable runs ended, in an LMDB environment of its own. A record that is missing costs time: that
/// child runs again. So the last commit before a crash of the machine may be lost, a damaged record is none, and a damaged
/// store is made anew; `damaged` hears a sentence then.
///
///   r <root>           record_type::child_root: when, relative to other runs, one of its records was written last
///   c <root> <child>   record_type::child: code, kind, value
///
/// Throws store_error (storage_failed), a full disk included: nothing of that call has happened then. After a failed sync
/// every later call fails too, until the store is opened anew. Blocks; one thread at a time, one process per directory.
class record_store {
public:
  using report = std::function<void(const std::string&)>;

  /// Makes the directory. At most `bytes_max` are kept, of all runs together.
  record_store(std::filesystem::path directory, std::uint64_t bytes_max, report damaged);

  /// Adds these, all or none, in one commit; replaces those that are there. To stay within the limit the runs that were
  /// silent longest lose all of theirs. Error value_too_large when a value that is not a blob is larger than
  /// defaults::record_inline_bytes_max, storage_failed when the records of one run alone reach the limit.
  void put(const std::vector<child_record>& records);

  /// Those of `children` that are known, in that order, each under `root` or otherwise under `other` (of the run that is run
  /// again; none: {}). `root` of a record says where it was found.
  std::vector<child_record> find(call_id root, const std::vector<call_id>& children, call_id other = {});

  /// Forgets all of a run.
  void remove(call_id root);

  /// What the records count against the limit.
  std::uint64_t size() const noexcept { return bytes_; }

  /// Records that were found damaged, and removed, since the start.
  std::uint64_t damaged_count() const noexcept { return damaged_count_; }

private:
  struct run {
    std::uint64_t last = 0; // counts commits: higher is later
    std::uint64_t bytes = 0;
  };

  void open();
  void load();
  void write(std::uint64_t bytes, const std::function<void(lmdb_transaction&)>& work);
  void add(lmdb_transaction& txn, const child_record& record, std::map<call_id, std::int64_t>& grown) const;
  void drop_damaged(const std::vector<std::string>& keys);
  std::vector<call_id> runs_to_drop(const std::map<call_id, std::uint64_t>& coming) const;

  std::filesystem::path directory_;
  std::uint64_t bytes_max_;
  report damaged_;
  std::optional<lmdb_env> env_;
  std::map<call_id, run> runs_;
  std::uint64_t bytes_ = 0;
  std::uint64_t clock_ = 0; // of `run::last`
  std::uint64_t damaged_count_ = 0;
};

} // namespace hearth::node
