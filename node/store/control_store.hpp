#pragma once

#include "node/store/control_records.hpp"
#include "node/store/disk_error.hpp"

#include <kj/io.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hearth::node {

/// What the control log's store held when it was opened.
struct stored_control {
  raft::stored_state state;
  bytes snapshot;                // the state machine at `state.snapshot`; empty without one
  std::uint64_t incarnation = 0; // of the start before this one; 0: there was none
  bool restored = false;         // see control_store::accept_restored
};

enum class later_entries {
  keep, // the snapshot is of the node's own log, which goes on behind it
  drop, // the log ends: it was sealed, or is replaced by somebody else's
};

/// The control log on disk: an LMDB environment with full syncs, opened by the node's one process and once in it.
///
/// Every method blocks until the disk has what it says, and is for one thread at a time, a thread of its own: never a
/// loop's. Only `backup` may run beside the others, on another thread.
///
/// Opening throws damaged_store when anything is not as it was written: nothing is repaired and nothing is cut off, because
/// a voter that forgets what it has promised breaks the log for all. Writing throws disk_error, whatever the reason, a full
/// disk included; earlier commits are intact, and the object refuses everything from then on: the process must end with
/// `exit_disk_failed`. Breaking a precondition throws store_error (internal_error), and changes nothing.
class control_store {
public:
  /// Makes the store if `directory` is missing or empty; its parent exists. Reads and verifies everything.
  explicit control_store(std::filesystem::path directory);

  /// What was there; once.
  stored_control take_stored();

  /// One more than at the last start: the first thing to do at each. Never 0.
  std::uint64_t next_incarnation();

  /// Does these in order, in one transaction: each sets the hard state, then removes the entries from `truncate_from` on,
  /// then appends. Appended entries follow the last one without a gap.
  void write(std::span<const raft::store> batches);

  /// Replaces the snapshot and drops the entries up to its index, or all of them. `content` may have
  /// defaults::control_snapshot_bytes_max; (generation, index) of the mark never go back.
  void write_snapshot(const raft::snapshot_mark& mark, std::string_view content, later_entries entries);

  /// Writes a copy of the last commit, verified, to `target`, which is replaced when it is there; forced to disk. Throws
  /// store_error, damaged_store or disk_error; none of them says anything about the store itself.
  void backup(const std::filesystem::path& target) const;

  /// Makes the store in `directory`, which is missing or empty, from a backup; verifies all of it first. No process has that
  /// store open. Throws store_error (bad_request when there is a store already) or damaged_store, and leaves nothing.
  static void restore(const std::filesystem::path& backup, const std::filesystem::path& directory);

  /// A restored store is marked as such until this is called, because its log may lack what the node has promised since the
  /// backup was made. Who is the only voter of its generation may call it at once, and loses what came after the backup. A
  /// node with other voters must neither vote nor count: it catches up as a learner first, or its voters are set anew.
  void accept_restored();

private:
  void check_usable() const;
  void commit(std::uint64_t bytes, const std::function<void(lmdb_transaction&)>& change);
  void apply(lmdb_transaction& txn, const raft::store& batch);
  void remove_entries_from(lmdb_transaction& txn, std::uint64_t index);
  void remove_entries_through(lmdb_transaction& txn, std::uint64_t index);
  void remove_snapshot(lmdb_transaction& txn);
  void check_batches(std::span<const raft::store> batches) const;

  std::filesystem::path directory_;
  std::optional<lmdb_env> env_;
  kj::AutoCloseFd witness_;
  control_head head_;
  std::deque<stored_entry_note> notes_; // of the entries on disk
  std::uint32_t generation_ = 0;        // of the snapshot
  std::optional<stored_control> stored_;
  std::string failure_; // why nothing more is written; empty: it works
};

} // namespace hearth::node
