#include "node/store/control_records.hpp"

#include "node/store/lmdb_check.hpp"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace hearth::node {

namespace {

constexpr char chunk_letter = 'c', entry_letter = 'e';

void add_big_endian(std::string& to, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    to += static_cast<char>(number >> shift & 0xff);
}

std::optional<control_head> head_of(std::string_view payload) {
  record_reader in(payload);
  control_head h;
  h.transaction = in.u64();
  h.hard.term = in.u64();
  h.hard.vote = {in.u64(), in.u64()};
  h.incarnation = in.u64();
  h.restored = in.u8() != 0;
  h.has_snapshot = in.u8() != 0;
  for (auto* number : {&h.snapshot_index, &h.snapshot_bytes, &h.snapshot_chunks, &h.snapshot_sum, &h.first_index,
                       &h.entry_count, &h.entry_sum})
    *number = in.u64();
  return in.complete() ? std::optional(h) : std::nullopt;
}

void add_voters(record_writer& out, const std::vector<node_uuid>& voters) {
  out.u32(static_cast<std::uint32_t>(voters.size()));
  for (const auto& voter : voters)
    out.u64(voter.hi).u64(voter.lo);
}

std::vector<node_uuid> voters_of(record_reader& in) {
  std::vector<node_uuid> voters;
  for (auto left = in.u32(); left > 0 && in.is_whole(); --left) {
    const auto hi = in.u64();
    voters.push_back({hi, in.u64()});
  }
  return voters;
}

std::optional<raft::snapshot_mark> mark_of(std::string_view payload) {
  record_reader in(payload);
  raft::snapshot_mark mark;
  mark.index = in.u64();
  mark.term = in.u64();
  mark.generation = in.u32();
  mark.voters = voters_of(in);
  return in.complete() ? std::optional(std::move(mark)) : std::nullopt;
}

std::optional<raft::entry> entry_of(std::uint64_t index, std::string_view payload) {
  record_reader in(payload);
  raft::entry e;
  e.index = index;
  e.term = in.u64();
  e.type = static_cast<raft::entry::kind>(in.u8());
  e.data = in.text();
  e.voters = voters_of(in);
  return in.complete() ? std::optional(std::move(e)) : std::nullopt;
}

/// Goes through the records in their order and takes them apart.
class control_reading {
public:
  control_reading(const lmdb_env& env, std::string_view what_to_do)
    : file_(env.file().string()), what_to_do_(what_to_do) {}

  control_content run(const lmdb_transaction& txn, control_source source) {
    const auto frame = txn.get(control_key::head);
    expect(frame.has_value(), "has lost its head record");
    const auto head = head_of(payload(record_type::control_state, control_key::head, *frame));
    expect(head.has_value(), "has a damaged head record");
    content_.head = *head;
    expect(source == control_source::copy || head->transaction == txn.number(), "has gone back to an older commit");
    // The bytes must fit before they are believed.
    expect(head->has_snapshot ? head->snapshot_chunks <= txn.count() : head->snapshot_chunks == 0,
           "has lost its snapshot");
    snapshot_.reserve(head->snapshot_chunks);
    txn.scan({}, [this](std::string_view key, std::string_view value) {
      see(key, value);
      return true;
    });
    finish();
    return std::move(content_);
  }

private:
  void expect(bool holds, std::string_view otherwise) const {
    if (!holds)
      throw damaged_store("The control log in " + file_ + ' ' + std::string(otherwise) + ". " + what_to_do_);
  }

  std::string_view payload(record_type type, std::string_view key, std::string_view frame) const {
    if (format_of(key, frame) > record_format)
      throw damaged_store("The control log in " + file_
                          + " was written by a newer version of Hearth; start that version.");
    const auto found = unframed(type, key, frame);
    expect(found.has_value(), "has a damaged record");
    return *found;
  }

  void see(std::string_view key, std::string_view frame) {
    auto& state = content_.state;
    if (key == control_key::head)
      return;
    if (key == control_key::mark) {
      auto mark = mark_of(payload(record_type::snapshot_mark, key, frame));
      expect(mark.has_value(), "has a damaged mark of its snapshot");
      state.snapshot = std::move(*mark);
      has_mark_ = true;
      snapshot_sum_ += checksum_of(frame);
    } else if (key.front() == chunk_letter) {
      expect(key == control_key::chunk(content_.head.snapshot_index, snapshot_.size()),
             "has a wrong piece of a snapshot");
      snapshot_.push_back(payload(record_type::snapshot_chunk, key, frame));
      snapshot_sum_ += checksum_of(frame);
    } else {
      const auto index = content_.head.first_index + state.entries.size();
      expect(key == control_key::entry(index), "has lost an entry, or has one too many");
      auto entry = entry_of(index, payload(record_type::log_entry, key, frame));
      expect(entry.has_value(), "has a damaged entry");
      content_.notes.push_back({entry->term, checksum_of(frame)});
      entry_sum_ += checksum_of(frame);
      state.entries.push_back(std::move(*entry));
    }
  }

  void finish() {
    const auto& head = content_.head;
    content_.state.hard = head.hard;
    std::uint64_t size = 0;
    for (const auto& piece : snapshot_)
      size += piece.size();
    expect(has_mark_ == head.has_snapshot && snapshot_.size() == head.snapshot_chunks && size == head.snapshot_bytes
             && snapshot_sum_ == head.snapshot_sum
             && (!has_mark_ || content_.state.snapshot.index == head.snapshot_index),
           "has an incomplete snapshot");
    expect(head.first_index == (has_mark_ ? head.snapshot_index + 1 : 1), "has a gap between its snapshot and its log");
    expect(content_.state.entries.size() == head.entry_count && entry_sum_ == head.entry_sum,
           "has lost entries, or has old ones");
    if (size == 0)
      return;
    std::shared_ptr<char[]> memory(new char[size]);
    std::size_t at = 0;
    for (const auto& piece : snapshot_) {
      std::memcpy(memory.get() + at, piece.data(), piece.size());
      at += piece.size();
    }
    const auto* data = memory.get();
    content_.snapshot = bytes(std::move(memory), data, size);
  }

  std::string file_, what_to_do_;
  control_content content_;
  std::vector<std::string_view> snapshot_;
  bool has_mark_ = false;
  std::uint64_t snapshot_sum_ = 0, entry_sum_ = 0;
};

} // namespace

std::string control_key::chunk(std::uint64_t snapshot_index, std::uint64_t number) {
  std::string key(1, chunk_letter);
  add_big_endian(key, snapshot_index);
  add_big_endian(key, number);
  return key;
}

std::string control_key::entry(std::uint64_t index) {
  std::string key(1, entry_letter);
  add_big_endian(key, index);
  return key;
}

std::string frame_of(const control_head& h) {
  record_writer out;
  out.u64(h.transaction).u64(h.hard.term).u64(h.hard.vote.hi).u64(h.hard.vote.lo).u64(h.incarnation);
  out.u8(h.restored ? 1 : 0).u8(h.has_snapshot ? 1 : 0);
  for (const auto number : {h.snapshot_index, h.snapshot_bytes, h.snapshot_chunks, h.snapshot_sum, h.first_index,
                            h.entry_count, h.entry_sum})
    out.u64(number);
  return framed(record_type::control_state, control_key::head, out.bytes());
}

std::string frame_of(const raft::snapshot_mark& mark) {
  record_writer out;
  out.u64(mark.index).u64(mark.term).u32(mark.generation);
  add_voters(out, mark.voters);
  return framed(record_type::snapshot_mark, control_key::mark, out.bytes());
}

std::string frame_of(const raft::entry& entry) {
  record_writer out;
  out.u64(entry.term).u8(static_cast<std::uint8_t>(entry.type)).text(entry.data);
  add_voters(out, entry.voters);
  return framed(record_type::log_entry, control_key::entry(entry.index), out.bytes());
}

std::string chunk_frame(std::string_view key, std::string_view content) {
  return framed(record_type::snapshot_chunk, key, content);
}

std::string witness_frame(std::uint64_t transaction) {
  record_writer out;
  out.u64(transaction);
  return framed(record_type::witness, witness_name, out.bytes());
}

control_content read_control(lmdb_env& env, control_source source, std::string_view what_to_do) {
  const lmdb_transaction txn(env, lmdb_transaction::kind::read);
  return control_reading(env, what_to_do).run(txn, source);
}

std::string repair_of_control(const std::filesystem::path& directory) {
  return "Restore a backup, or remove " + directory.string()
         + ": the node then joins again and gets everything from the other voters, if there are any.";
}

} // namespace hearth::node
