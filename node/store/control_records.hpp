#pragma once

#include "cluster/raft_types.hpp"
#include "core/bytes.hpp"
#include "node/store/lmdb_env.hpp"
#include "node/store/record_frame.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>

/// The records of the control log's store. Keys begin with a letter; numbers in them are big endian, so that entries lie in
/// the order of the log:
///
///   s                        control_head: one record, written with every commit; says what else has to be there
///   m                        the mark of the snapshot
///   c <index> <number>       a piece of the snapshot's bytes
///   e <index>                an entry of the log
///
/// LMDB alone would not notice when a record is missing, or an old one is back: the head counts them, and holds the sum of
/// their checksums.
namespace hearth::node {

namespace raft = cluster::raft;

/// What one commit leaves.
struct control_head {
  std::uint64_t transaction = 0; // LMDB's number of the commit that wrote it
  raft::hard_state hard;
  std::uint64_t incarnation = 0;
  bool restored = false;
  bool has_snapshot = false;
  std::uint64_t snapshot_index = 0;
  std::uint64_t snapshot_bytes = 0;
  std::uint64_t snapshot_chunks = 0;
  std::uint64_t snapshot_sum = 0; // of the checksums of the mark and the chunks, modulo 2^64
  std::uint64_t first_index = 1;  // of the log
  std::uint64_t entry_count = 0;
  std::uint64_t entry_sum = 0; // of the checksums of all entries, likewise
};

/// What is remembered of an entry on the disk.
struct stored_entry_note {
  std::uint64_t term = 0;
  std::uint64_t checksum = 0;
};

/// All that a store holds.
struct control_content {
  control_head head;
  raft::stored_state state;
  bytes snapshot;
  std::deque<stored_entry_note> notes; // of state.entries
};

namespace control_key {
inline constexpr std::string_view head = "s";
inline constexpr std::string_view mark = "m";
std::string chunk(std::uint64_t snapshot_index, std::uint64_t number);
std::string entry(std::uint64_t index);
} // namespace control_key

std::string frame_of(const control_head& head);
std::string frame_of(const raft::snapshot_mark& mark);
std::string frame_of(const raft::entry& entry);
std::string chunk_frame(std::string_view key, std::string_view content);

/// Beside data.mdb, rewritten after every commit but not forced to disk: the number of the last one. A meta page that is
/// torn or damaged makes LMDB fall back by one commit without a word; then this knows better.
inline constexpr std::string_view witness_name = "commits";
std::string witness_frame(std::uint64_t transaction);

enum class control_source {
  live, // the head is of the newest commit
  copy, // made by a backup: LMDB counts commits of a copy anew
};

/// Reads and verifies every record. Throws disk_error, and damaged_store with a sentence that ends with `what_to_do`.
control_content read_control(lmdb_env& env, control_source source, std::string_view what_to_do);

/// What a person can do about a damaged store in `directory`.
std::string repair_of_control(const std::filesystem::path& directory);

} // namespace hearth::node
