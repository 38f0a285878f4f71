#include "node/wire/raft_message.hpp"

#include "node/wire/control_message.hpp"

#include <kj/debug.h>
#include <kj/exception.h>

namespace hearth::wire {

namespace {

using namespace cluster;
using wire::fill;

void fill(log::LogEntry::Builder into, const raft::entry& entry) {
  into.setIndex(entry.index);
  into.setTerm(entry.term);
  into.setKind(static_cast<log::EntryKind>(entry.type));
  into.setData(data_of(entry.data));
  fill(into.initVoters(count_of(entry.voters.size())), entry.voters);
}

raft::entry read(log::LogEntry::Reader from) {
  KJ_REQUIRE(from.getKind() <= log::EntryKind::SEAL, "a kind of entry of a newer Hearth");
  const auto data = from.getData().asChars();
  return {from.getIndex(), from.getTerm(), static_cast<raft::entry::kind>(from.getKind()),
          std::string(data.begin(), data.size()), nodes_of(from.getVoters())};
}

void fill(log::Mark::Builder into, const raft::snapshot_mark& mark) {
  into.setIndex(mark.index);
  into.setTerm(mark.term);
  into.setGeneration(mark.generation);
  fill(into.initVoters(count_of(mark.voters.size())), mark.voters);
}

raft::snapshot_mark read(log::Mark::Reader from) {
  return {from.getIndex(), from.getTerm(), from.getGeneration(), nodes_of(from.getVoters())};
}

void put(log::RaftMessage::Builder into, const raft::vote_request& what) {
  auto to = into.initVoteRequest();
  to.setLastIndex(what.last_index);
  to.setLastTerm(what.last_term);
  to.setPre(what.pre);
  to.setForced(what.forced);
}

void put(log::RaftMessage::Builder into, const raft::vote_reply& what) {
  auto to = into.initVoteReply();
  to.setPre(what.pre);
  to.setGranted(what.granted);
}

void put(log::RaftMessage::Builder into, const raft::append& what) {
  auto to = into.initAppend();
  to.setPrevIndex(what.prev_index);
  to.setPrevTerm(what.prev_term);
  to.setCommit(what.commit);
  to.setRound(what.round);
  auto entries = to.initEntries(count_of(what.entries.size()));
  for (std::uint32_t i = 0; i < entries.size(); ++i)
    fill(entries[i], what.entries[i]);
}

void put(log::RaftMessage::Builder into, const raft::append_reply& what) {
  auto to = into.initAppendReply();
  to.setAccepted(what.accepted);
  to.setMatch(what.match);
  to.setRejected(what.rejected);
  to.setHint(what.hint);
  to.setRound(what.round);
}

void put(log::RaftMessage::Builder into, const raft::snapshot_chunk& what) {
  auto to = into.initSnapshotChunk();
  fill(to.initMark(), what.mark);
  to.setOffset(what.offset);
  to.setData(data_of(what.data));
  to.setLast(what.last);
  to.setDigest(text_of(what.digest));
}

void put(log::RaftMessage::Builder into, const raft::snapshot_reply& what) {
  auto to = into.initSnapshotReply();
  to.setIndex(what.index);
  to.setOfGeneration(what.generation);
  to.setOffset(what.offset);
  to.setDone(what.done);
}

void put(log::RaftMessage::Builder into, const raft::generation_notice& what) {
  auto to = into.initGenerationNotice();
  fill(to.initMark(), what.mark);
  to.setOrigin(what.origin);
}

void put(log::RaftMessage::Builder into, const raft::behind& what) {
  into.initBehind().setNeedsSnapshot(what.needs_snapshot);
}

void put(log::RaftMessage::Builder into, const raft::timeout_now&) { into.setTimeoutNow(); }

raft::append read_append(log::RaftMessage::Append::Reader from) {
  raft::append what{from.getPrevIndex(), from.getPrevTerm(), from.getCommit(), from.getRound(), {}};
  for (auto entry : from.getEntries())
    what.entries.push_back(read(entry));
  return what;
}

raft::snapshot_chunk read_chunk(log::RaftMessage::SnapshotChunk::Reader from) {
  const auto data = from.getData().asChars();
  return {read(from.getMark()), from.getOffset(), std::string(data.begin(), data.size()), from.getLast(),
          string_of(from.getDigest())};
}

decltype(raft::message::body) read_body(log::RaftMessage::Reader from) {
  using which = log::RaftMessage::Which;
  switch (from.which()) {
    case which::VOTE_REQUEST: {
      const auto what = from.getVoteRequest();
      return raft::vote_request{what.getLastIndex(), what.getLastTerm(), what.getPre(), what.getForced()};
    }
    case which::VOTE_REPLY:
      return raft::vote_reply{from.getVoteReply().getPre(), from.getVoteReply().getGranted()};
    case which::APPEND:
      return read_append(from.getAppend());
    case which::APPEND_REPLY: {
      const auto what = from.getAppendReply();
      return raft::append_reply{what.getAccepted(), what.getMatch(), what.getRejected(), what.getHint(),
                                what.getRound()};
    }
    case which::SNAPSHOT_CHUNK:
      return read_chunk(from.getSnapshotChunk());
    case which::SNAPSHOT_REPLY: {
      const auto what = from.getSnapshotReply();
      return raft::snapshot_reply{what.getIndex(), what.getOfGeneration(), what.getOffset(), what.getDone()};
    }
    case which::GENERATION_NOTICE:
      return raft::generation_notice{read(from.getGenerationNotice().getMark()),
                                     from.getGenerationNotice().getOrigin()};
    case which::BEHIND:
      return raft::behind{from.getBehind().getNeedsSnapshot()};
    case which::TIMEOUT_NOW:
      return raft::timeout_now{};
  }
  KJ_FAIL_REQUIRE("a message of a newer Hearth", static_cast<std::uint16_t>(from.which()));
}

} // namespace

void fill(log::RaftMessage::Builder into, const raft::message& message) {
  into.setGeneration(message.generation);
  into.setTerm(message.term);
  std::visit([&](const auto& body) { put(into, body); }, message.body);
}

raft::message read_raft(log::RaftMessage::Reader from) {
  return {from.getGeneration(), from.getTerm(), read_body(from)};
}

std::string encode(const raft::entry& entry) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<log::LogEntry>(), entry);
  return flat(message);
}

std::variant<raft::entry, failure> decode_log_entry(std::string_view text) {
  try {
    flat_message message(text);
    return read(message.root<log::LogEntry>());
  } catch (const kj::Exception& why) {
    return failure{ec::storage_failed,
                   "An entry of the control log cannot be read: " + std::string(why.getDescription().cStr())
                     + ". Restore this node's store, or install the Hearth that wrote it."};
  }
}

} // namespace hearth::wire
