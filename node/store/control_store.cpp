#include "node/store/control_store.hpp"

#include "core/defaults.hpp"
#include "node/store/control_place.hpp"
#include "node/store/durable.hpp"
#include "node/store/lmdb_check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw store_error(ec::internal_error, "The control log was asked to " + what + "; this is a defect of Hearth.");
}

std::uint64_t witnessed(const fs::path& directory) {
  const auto file = directory / witness_name;
  const auto parts = read_parts(file, defaults::kib, defaults::kib);
  const auto payload = parts && parts->size() == 1 ? unframed(record_type::witness, witness_name, parts->front().view())
                                                   : std::nullopt;
  if (!payload)
    throw damaged_store("The file " + file.string() + " of the control log is missing or damaged. "
                        + repair_of_control(directory));
  return record_reader(*payload).u64();
}

/// The largest an entry becomes: its frame, its key and what LMDB adds.
std::uint64_t disk_bytes(const raft::entry& e) {
  constexpr std::uint64_t overhead = 128;
  return e.data.size() + e.voters.size() * sizeof(node_uuid) + overhead;
}

} // namespace

control_store::control_store(fs::path directory) : directory_(std::move(directory)) {
  if (is_free_for_control(directory_)) {
    const auto fresh = make_fresh_directory(directory_);
    put_control_in_place(fresh, {}, directory_);
  }
  const auto file = directory_ / "data.mdb";
  std::error_code error;
  if (!fs::exists(file, error))
    throw damaged_store("The control log in " + directory_.string() + " has lost its file data.mdb. "
                        + repair_of_control(directory_));
  const auto state = check_lmdb_file(file, repair_of_control(directory_));
  if (witnessed(directory_) > state.transaction)
    throw damaged_store("The control log in " + file.string() + " has gone back to an older commit. "
                        + repair_of_control(directory_));
  env_.emplace(directory_, defaults::control_map_bytes, lmdb_env::durability::full);
  auto content = read_control(*env_, control_source::live, repair_of_control(directory_));
  head_ = content.head;
  notes_ = std::move(content.notes);
  generation_ = content.state.snapshot.generation;
  stored_ = stored_control{std::move(content.state), std::move(content.snapshot), head_.incarnation, head_.restored};
  witness_ = kj::AutoCloseFd(::open((directory_ / witness_name).c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (witness_.get() < 0)
    throw_storage_failed("open " + (directory_ / witness_name).string(), errno);
}

stored_control control_store::take_stored() {
  if (!stored_)
    refuse("give twice what was stored");
  return std::move(*std::exchange(stored_, std::nullopt));
}

std::uint64_t control_store::next_incarnation() {
  commit(0, [this](lmdb_transaction&) { ++head_.incarnation; });
  return head_.incarnation;
}

void control_store::accept_restored() {
  commit(0, [this](lmdb_transaction&) {
    head_.restored = false;
    head_.incarnation += defaults::restored_starts;
  });
}

void control_store::check_usable() const {
  if (!failure_.empty())
    throw disk_error(failure_);
}

/// `change` brings `head_` and `notes_` up to date with what it does; when the commit fails they are of no use any more.
void control_store::commit(std::uint64_t bytes, const std::function<void(lmdb_transaction&)>& change) {
  check_usable();
  try {
    // A commit also rewrites the pages on the way to what it changes, and the list of free ones.
    env_->reserve(2 * bytes + defaults::control_reserve_bytes, defaults::control_reserve_bytes);
    lmdb_transaction txn(*env_, lmdb_transaction::kind::write);
    change(txn);
    head_.transaction = txn.number();
    txn.put(control_key::head, frame_of(head_));
    txn.commit();
    const auto witness = witness_frame(head_.transaction);
    if (::pwrite(witness_, witness.data(), witness.size(), 0) != static_cast<ssize_t>(witness.size()))
      throw_lmdb(directory_ / witness_name, "write", errno);
  } catch (const std::exception& error) {
    failure_ = error.what();
    throw disk_error(failure_);
  }
}

void control_store::check_batches(std::span<const raft::store> batches) const {
  auto next = head_.first_index + head_.entry_count;
  for (const auto& batch : batches) {
    if (batch.truncate_from && *batch.truncate_from < head_.first_index)
      refuse("remove entries that are part of its snapshot");
    if (batch.truncate_from && *batch.truncate_from < next)
      next = *batch.truncate_from;
    for (const auto& entry : batch.append)
      if (entry.index != next++)
        refuse("append an entry that does not follow the last one");
  }
}

void control_store::write(std::span<const raft::store> batches) {
  check_usable();
  check_batches(batches);
  std::uint64_t size = 0;
  for (const auto& batch : batches)
    for (const auto& entry : batch.append)
      size += disk_bytes(entry);
  commit(size, [&](lmdb_transaction& txn) {
    for (const auto& batch : batches)
      apply(txn, batch);
  });
}

void control_store::apply(lmdb_transaction& txn, const raft::store& batch) {
  if (batch.hard)
    head_.hard = *batch.hard;
  if (batch.truncate_from)
    remove_entries_from(txn, *batch.truncate_from);
  for (const auto& entry : batch.append) {
    const auto frame = frame_of(entry);
    txn.put(control_key::entry(entry.index), frame);
    notes_.push_back({entry.term, checksum_of(frame)});
    head_.entry_sum += checksum_of(frame);
    ++head_.entry_count;
  }
}

void control_store::remove_entries_from(lmdb_transaction& txn, std::uint64_t index) {
  while (!notes_.empty() && head_.first_index + notes_.size() > index) {
    txn.remove(control_key::entry(head_.first_index + notes_.size() - 1));
    head_.entry_sum -= notes_.back().checksum;
    --head_.entry_count;
    notes_.pop_back();
  }
}

void control_store::remove_entries_through(lmdb_transaction& txn, std::uint64_t index) {
  while (!notes_.empty() && head_.first_index <= index) {
    txn.remove(control_key::entry(head_.first_index++));
    head_.entry_sum -= notes_.front().checksum;
    --head_.entry_count;
    notes_.pop_front();
  }
}

void control_store::remove_snapshot(lmdb_transaction& txn) {
  for (std::uint64_t i = 0; i < head_.snapshot_chunks; ++i)
    txn.remove(control_key::chunk(head_.snapshot_index, i));
  head_.snapshot_chunks = head_.snapshot_sum = 0;
}

void control_store::write_snapshot(const raft::snapshot_mark& mark, std::string_view content, later_entries entries) {
  check_usable();
  if (content.size() > defaults::control_snapshot_bytes_max)
    refuse("store a snapshot that is larger than " + std::to_string(defaults::control_snapshot_bytes_max) + " bytes");
  if (head_.has_snapshot && std::pair(mark.generation, mark.index) < std::pair(generation_, head_.snapshot_index))
    refuse("replace its snapshot by an older one");
  commit(content.size() + mark.voters.size() * sizeof(node_uuid), [&](lmdb_transaction& txn) {
    remove_snapshot(txn);
    if (entries == later_entries::drop)
      remove_entries_from(txn, head_.first_index);
    else
      remove_entries_through(txn, mark.index);
    head_.first_index = mark.index + 1;
    head_.has_snapshot = true;
    head_.snapshot_index = mark.index;
    head_.snapshot_bytes = content.size();
    const auto frame = frame_of(mark);
    txn.put(control_key::mark, frame);
    head_.snapshot_sum = checksum_of(frame);
    for (auto rest = content; !rest.empty(); ++head_.snapshot_chunks) {
      const auto piece = rest.substr(0, defaults::control_chunk_bytes);
      const auto key = control_key::chunk(mark.index, head_.snapshot_chunks);
      const auto chunk = chunk_frame(key, piece);
      txn.put(key, chunk);
      head_.snapshot_sum += checksum_of(chunk);
      rest.remove_prefix(piece.size());
    }
  });
  generation_ = mark.generation;
}

} // namespace hearth::node
