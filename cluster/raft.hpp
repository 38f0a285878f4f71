#pragma once

#include "cluster/raft_types.hpp"
#include "core/defaults.hpp"

#include <cstddef>
#include <memory>

/// The consensus behind the control log: Raft after Ongaro, "Consensus: Bridging Theory and Practice" (2014), as a step
/// function: an event and the time go in, effects come out. No clock, thread, disk or network.
///
/// From the dissertation: chapter 3 (elections, replication, commit by counting entries of the current term only: 3.6.2),
/// 3.10 (transfer of leadership), 4.2.1 (learners), 4.2.3 (who hears a leader ignores those who want to be one), chapter 5
/// (snapshots), 6.2 (a leader that hears no majority steps down), 6.4 (reads by a round of the voters, without a clock),
/// 9.6 (pre-vote), 10.2.1 (the leader stores and sends at the same time). Two rules deserve a name:
///
/// - What is promised is durable. A vote, and an answer that tells of a term, leaves after the store that holds it; an
///   acknowledged index is at most the durable one; the leader counts itself by what its own disk holds.
/// - What is acknowledged was verified against the log of the current leader. The log that a node finds on its disk may end
///   with leftovers of an old term, so it vouches for none of it beyond what it knows to be committed.
///
/// # Generations
///
/// Voters change by ending the log and beginning another one. A committed `seal` at index s is the last entry of generation
/// g that counts: its leaders accept nothing behind it (their own first entries may follow it; they are never applied).
/// Generation g+1 begins with the state after s, an empty log that goes on at s+1, and the voters that the seal names; the
/// term goes on counting. Each generation is thus a Raft of its own with fixed voters, and safe as one, if
///
/// 1. all nodes begin g+1 with the same state: by leader completeness there is one committed seal of g and one log before
///    it, and a node enters g+1 only by applying the seal or by installing a state of g+1;
/// 2. what a node promised in g+1 it remembers, and g remembers what it promised there: until the snapshot that begins g+1
///    is durable, a node says nothing in g+1; the transaction that makes it durable drops the log of g whole; before it,
///    nothing of the log of g is touched. A crash leaves the node in g with all that it acknowledged there, or in g+1;
/// 3. a node takes part in one generation: votes, entries and terms of another one are not looked at. An entry is therefore
///    never compared with one of another generation, although both may have the same term;
/// 4. nothing is answered in g that g+1 does not contain: a leader of g that does not hold the seal is of an older term than
///    a majority of g, so it commits nothing and no read of it is confirmed; one that holds it accepts nothing.
///
/// A node that missed the seal meets a higher generation in a message and asks what began it (`behind`), or sends something
/// in its old one and is told (`generation_notice`). If its log has that seal, it knows now that the seal is committed;
/// otherwise it asks for a snapshot, which any node of the higher generation can send. Who entered g+1 and hears of no leader
/// there keeps talking to its voters, by votes or notices, so that one node that has entered g+1 is enough to bring the
/// others; and if none has, g has a majority that holds the seal and will commit it again. A seal is refused unless the new
/// voters follow the log closely, so that g+1 can begin.
///
/// # Disks that forget
///
/// Raft takes for granted that a voter's disk keeps what it stored. A voter with an old copy of its disk could elect a leader
/// without committed entries, and those who would know better are not asked in that election. This is not decided here: the
/// incarnation that is counted on the disk tells, at the handshake of the link and when a seat is taken.
namespace hearth::cluster::raft {

/// Deliberate faults, each one bit, for tests of the tests. None is set outside them.
enum class mutation : std::uint32_t {
  none = 0,
  ack_before_durable = 1U << 0,
  forget_vote = 1U << 1,
  vote_twice = 1U << 2,
  count_old_terms = 1U << 3,
  no_pre_vote = 1U << 4,
  no_check_quorum = 1U << 5,
  read_without_round = 1U << 6,
  whole_log_matches = 1U << 7,
  no_prev_check = 1U << 8,
  commit_beyond_match = 1U << 9,
  truncate_always = 1U << 10,
  no_truncation = 1U << 11,
  apply_twice = 1U << 12,
  count_learners = 1U << 13,
  vote_for_shorter_log = 1U << 14,
  install_keeps_suffix = 1U << 15,
  sealed_accepts = 1U << 16,
  votes_in_both = 1U << 17,
  uncommitted_seal_counts = 1U << 18,
  leader_counts_undurable = 1U << 19,
  read_before_first_commit = 1U << 20,
  term_not_durable = 1U << 21,
  late_rejections_count = 1U << 22,
};

struct config {
  node_uuid self;
  std::uint64_t seed = 0; // of the election timeouts; different on each node
  instant heartbeat = defaults::raft_heartbeat;
  instant election_timeout = defaults::raft_election_timeout; // at least; drawn up to its double
  std::size_t append_entries_max = defaults::raft_append_entries_max;
  std::size_t append_bytes_max = defaults::raft_append_bytes_max;
  std::size_t appends_in_flight_max = defaults::raft_appends_in_flight_max;
  std::size_t proposals_max = defaults::raft_proposals_max;
  std::size_t proposal_bytes_max = defaults::raft_proposal_bytes_max;
  std::size_t reads_max = defaults::raft_reads_max;
  std::size_t entries_behind_snapshot = defaults::raft_entries_behind_snapshot;
  instant chunk_retry = defaults::raft_chunk_retry;
  std::uint32_t mutations = 0; // bits of `mutation`
};

class core;

/// One node of the control log. A voter of the current generation takes part in elections; every other node only follows.
/// A single voter needs no messages, and no timer while nothing is asked of it and nobody else follows.
///
/// The shell delivers events from one thread, first a `tick`, and carries out the effects in order: `store`, `seal`,
/// `install` and its own snapshots through one queue to one disk; when the disk fails, the process ends. It compacts by
/// storing a snapshot of what it has applied, in one transaction with the removal of the entries up to there, unless a
/// `seal` or `install` has come since the snapshot was begun; then it says `snapshot_taken`.
class node {
public:
  node(config how, stored_state disk, instant now);
  node(node&&) noexcept;
  node& operator=(node&&) noexcept;
  ~node();

  /// `now` that lies before an earlier one counts as that one.
  effects step(const event& what, instant now);

  std::uint64_t term() const;
  std::uint32_t generation() const;
  /// None: not known.
  node_uuid leader() const;
  raft::role::kind role() const;
  /// Of the current generation, sorted.
  const std::vector<node_uuid>& voters() const;
  /// What was handed out by `commit` or covered by a snapshot.
  log_index commit_index() const;
  log_index last_index() const;
  /// Of the entry at `index`, if it is in memory or just before what is.
  std::optional<std::uint64_t> term_at(log_index index) const;
  /// The newest durable snapshot.
  const snapshot_mark& snapshot() const;
  /// When each other node was last heard by this leader, and up to where it has the log; empty unless it leads.
  struct follower {
    node_uuid node;
    log_index match = 0;
    instant heard{};
  };
  std::vector<follower> followers() const;
  /// As this leader knows: that node has acknowledged entries that its log does not hold any more. Its disk is an old copy.
  bool has_forgotten(const node_uuid& node) const;

private:
  std::unique_ptr<core> core_;
};

} // namespace hearth::cluster::raft
