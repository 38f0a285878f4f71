#include "node/store/record_store.hpp"

#include "core/defaults.hpp"
#include "node/store/disk_error.hpp"
#include "node/store/durable.hpp"
#include "node/store/lmdb_check.hpp"
#include "node/store/record_frame.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

constexpr char run_letter = 'r', child_letter = 'c';
constexpr std::size_t id_bytes = 16;

void add_id(std::string& to, call_id id) {
  for (const auto half : {id.hi, id.lo})
    for (int shift = 56; shift >= 0; shift -= 8)
      to += static_cast<char>(half >> shift & 0xff);
}

call_id id_at(std::string_view key, std::size_t at) {
  call_id id;
  for (std::size_t i = 0; i < id_bytes; ++i) {
    auto& half = i < id_bytes / 2 ? id.hi : id.lo;
    half = half << 8 | static_cast<unsigned char>(key[at + i]);
  }
  return id;
}

std::string run_key(call_id root) {
  std::string key(1, run_letter);
  add_id(key, root);
  return key;
}

/// Of all records of a run: the beginning of their keys.
std::string children_key(call_id root) {
  std::string key(1, child_letter);
  add_id(key, root);
  return key;
}

std::string child_key(call_id root, call_id child) {
  auto key = children_key(root);
  add_id(key, child);
  return key;
}

bool is_child_key(std::string_view key) { return key.front() == child_letter && key.size() == 1 + 2 * id_bytes; }

std::string frame_of(const child_record& record, std::string_view key) {
  record_writer out;
  const auto& value = record.value;
  out.u16(static_cast<std::uint16_t>(record.code)).u8(record.is_text ? 1 : 0);
  out.text(value.digest).u64(value.size).text(value.content.view());
  return framed(record_type::child, key, out.bytes());
}

std::optional<child_record> record_of(std::string_view key, std::string_view frame) {
  const auto payload = unframed(record_type::child, key, frame);
  if (!payload)
    return {};
  record_reader in(*payload);
  child_record record;
  record.root = id_at(key, 1);
  record.child = id_at(key, 1 + id_bytes);
  record.code = static_cast<ec>(in.u16());
  record.is_text = in.u8() != 0;
  record.value.digest = in.text();
  record.value.size = in.u64();
  record.value.content = bytes::copy_of(in.text());
  return in.complete() ? std::optional(std::move(record)) : std::nullopt;
}

std::uint64_t charged(std::string_view frame) { return frame.size() + defaults::record_overhead_bytes; }

/// Of a record before it has a frame: not less than what it will be charged.
std::uint64_t charged_at_most(const child_record& record) {
  return record.value.content.size() + 2 * defaults::record_overhead_bytes;
}

void remove_run(lmdb_transaction& txn, call_id root) {
  const auto prefix = children_key(root);
  std::vector<std::string> keys{run_key(root)};
  txn.scan(prefix, [&](std::string_view key, std::string_view) {
    if (!key.starts_with(prefix))
      return false;
    keys.emplace_back(key);
    return true;
  });
  for (const auto& key : keys)
    txn.remove(key);
}

} // namespace

record_store::record_store(fs::path directory, std::uint64_t bytes_max, report damaged)
  : directory_(std::move(directory)), bytes_max_(bytes_max), damaged_(std::move(damaged)) {
  as_store_error([&] {
    try {
      open();
    } catch (const damaged_store& e) {
      env_.reset();
      if (damaged_)
        damaged_(std::string(e.what()) + " The children of runs that were open will run again.");
      std::error_code error;
      fs::remove_all(directory_, error);
      if (error)
        throw_storage_failed("remove " + directory_.string(), error.value());
      open();
    }
  });
}

void record_store::open() {
  make_private_directory(directory_);
  std::error_code error;
  const auto file = directory_ / "data.mdb";
  if (fs::exists(file, error))
    check_lmdb_file(file, "It is made anew.");
  env_.emplace(directory_, defaults::records_map_bytes, lmdb_env::durability::last_lost);
  load();
}

void record_store::load() {
  runs_.clear();
  bytes_ = clock_ = 0;
  std::vector<std::string> wrong;
  lmdb_transaction(*env_, lmdb_transaction::kind::read).scan({}, [&](std::string_view key, std::string_view frame) {
    if (is_child_key(key)) {
      runs_[id_at(key, 1)].bytes += charged(frame);
      bytes_ += charged(frame);
      return true;
    }
    const auto payload = unframed(record_type::child_root, key, frame);
    if (key.front() == run_letter && key.size() == 1 + id_bytes && payload) {
      auto& last = runs_[id_at(key, 1)].last;
      last = record_reader(*payload).u64();
      clock_ = std::max(clock_, last);
    } else {
      wrong.emplace_back(key); // its run counts as the oldest from now on
    }
    return true;
  });
  if (!wrong.empty())
    drop_damaged(wrong);
}

void record_store::write(std::uint64_t bytes, const std::function<void(lmdb_transaction&)>& work) {
  as_store_error([&] {
    env_->reserve(2 * bytes + defaults::control_reserve_bytes, defaults::control_reserve_bytes);
    lmdb_transaction txn(*env_, lmdb_transaction::kind::write);
    work(txn);
    txn.commit();
  });
}

/// The runs that go to make room for what is coming, the one that was silent longest first.
std::vector<call_id> record_store::runs_to_drop(const std::map<call_id, std::uint64_t>& coming) const {
  auto total = bytes_;
  for (const auto& [root, size] : coming)
    total += size;
  std::vector<std::pair<std::uint64_t, call_id>> silent;
  for (const auto& [root, known] : runs_)
    if (coming.count(root) == 0)
      silent.emplace_back(known.last, root);
  std::sort(silent.begin(), silent.end());
  std::vector<call_id> result;
  for (auto oldest = silent.begin(); total > bytes_max_ && oldest != silent.end(); ++oldest) {
    total -= runs_.at(oldest->second).bytes;
    result.push_back(oldest->second);
  }
  if (total > bytes_max_)
    throw store_error(ec::storage_failed,
                      "The records of one run's children reach the " + std::to_string(bytes_max_ / defaults::mib)
                        + " MiB that the node keeps; after a crash those that are not recorded run again.");
  return result;
}

void record_store::add(lmdb_transaction& txn, const child_record& record,
                       std::map<call_id, std::int64_t>& grown) const {
  const auto key = child_key(record.root, record.child);
  const auto frame = frame_of(record, key);
  const auto before = txn.get(key);
  auto& growth = grown[record.root];
  growth += static_cast<std::int64_t>(charged(frame)) - static_cast<std::int64_t>(before ? charged(*before) : 0);
  txn.put(key, frame);
}

void record_store::put(const std::vector<child_record>& records) {
  std::map<call_id, std::uint64_t> coming;
  std::uint64_t size = 0;
  for (const auto& record : records) {
    if (record.value.content.size() > defaults::record_inline_bytes_max)
      throw store_error(ec::value_too_large, "A result of " + std::to_string(record.value.content.size())
                                               + " bytes is no part of a record; it has to be stored as a blob.");
    coming[record.root] += charged_at_most(record);
    size += charged_at_most(record);
  }
  const auto dropped = runs_to_drop(coming);
  std::map<call_id, std::int64_t> grown;
  const auto now = clock_ + 1;
  write(size, [&](lmdb_transaction& txn) {
    for (const auto root : dropped)
      remove_run(txn, root);
    for (const auto& record : records)
      add(txn, record, grown);
    for (const auto& [root, growth] : grown)
      txn.put(run_key(root), framed(record_type::child_root, run_key(root), record_writer().u64(now).bytes()));
  });
  clock_ = now;
  for (const auto root : dropped)
    bytes_ -= runs_.extract(root).mapped().bytes;
  for (const auto& [root, growth] : grown) {
    auto& known = runs_[root];
    known.last = now;
    known.bytes += static_cast<std::uint64_t>(growth); // modulo 2^64: it may shrink
    bytes_ += static_cast<std::uint64_t>(growth);
  }
}

std::vector<child_record> record_store::find(call_id root, const std::vector<call_id>& children, call_id other) {
  std::vector<child_record> found;
  std::vector<std::string> damaged;
  as_store_error([&] {
    const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
    for (const auto child : children) {
      for (const auto where : {root, other}) {
        const auto key = child_key(where, child);
        const auto frame = where ? txn.get(key) : std::nullopt;
        if (!frame)
          continue;
        if (auto record = record_of(key, *frame)) {
          found.push_back(std::move(*record));
          break;
        }
        damaged.push_back(key);
      }
    }
  });
  if (!damaged.empty())
    drop_damaged(damaged);
  return found;
}

void record_store::drop_damaged(const std::vector<std::string>& keys) {
  damaged_count_ += keys.size();
  if (damaged_)
    damaged_(std::to_string(keys.size()) + " records in " + directory_.string()
             + " are damaged and removed; those children run again. Check the disk.");
  std::map<call_id, std::uint64_t> gone;
  try {
    write(0, [&](lmdb_transaction& txn) {
      for (const auto& key : keys) {
        if (const auto frame = txn.get(key); frame && is_child_key(key))
          gone[id_at(key, 1)] += charged(*frame);
        txn.remove(key);
      }
    });
  } catch (const store_error&) {
    return; // they stay, and are found damaged again; whoever asked gets the good ones
  }
  for (const auto& [root, size] : gone) {
    runs_[root].bytes -= size;
    bytes_ -= size;
  }
}

void record_store::remove(call_id root) {
  const auto found = runs_.find(root);
  if (found == runs_.end())
    return;
  write(0, [&](lmdb_transaction& txn) { remove_run(txn, root); });
  bytes_ -= found->second.bytes;
  runs_.erase(found);
}

} // namespace hearth::node
