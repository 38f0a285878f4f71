#pragma once

#include "cluster/commands.hpp"
#include "core/ids.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// The words of the control log's consensus: what lies on disk, what voters say to each other, what the shell tells a node
/// and what a node asks of its shell. The rules are in cluster/raft.hpp.
namespace hearth::cluster::raft {

/// Time since an arbitrary origin that is the same for the life of a node object; monotonic.
using instant = std::chrono::nanoseconds;
inline constexpr instant never = instant::max();

struct entry {
  enum class kind : std::uint8_t {
    nothing, // the first entry of each leader; changes nothing
    command,
    seal // ends the generation; `voters` begin the next one
  };

  log_index index = 0;
  std::uint64_t term = 0;
  kind type = kind::nothing;
  std::string data;
  std::vector<node_uuid> voters; // of a seal

  bool operator==(const entry&) const = default;
};

// -- on disk ----

struct hard_state {
  std::uint64_t term = 0;
  node_uuid vote; // of that term; none: not given yet

  bool operator==(const hard_state&) const = default;
};

/// The state after the entry `index`, and who decides what follows. A new cluster begins with {0, 0, 1, voters} on each
/// voter; a node that is to join it with {}, and learns the rest.
struct snapshot_mark {
  log_index index = 0;
  std::uint64_t term = 0;
  std::uint32_t generation = 0;
  std::vector<node_uuid> voters;

  bool operator==(const snapshot_mark&) const = default;
};

/// What the disk held at start: `entries` follow `snapshot.index` without a gap.
struct stored_state {
  hard_state hard;
  snapshot_mark snapshot;
  std::vector<entry> entries;
};

// -- messages (dissertation 3.4, 3.5, 5, 9.6) ----

struct vote_request {
  log_index last_index = 0;
  std::uint64_t last_term = 0;
  bool pre = false;    // only asks whether it would be granted; the message's term is the one it would campaign for
  bool forced = false; // the leader asked for it: granted although a leader is alive
};

struct vote_reply {
  bool pre = false;
  bool granted = false;
};

struct append {
  log_index prev_index = 0; // 0: a bare heartbeat, which verifies nothing
  std::uint64_t prev_term = 0;
  log_index commit = 0;
  std::uint64_t round = 0; // of reads, see dissertation 6.4
  std::vector<entry> entries;
};

struct append_reply {
  bool accepted = false;
  log_index match = 0;    // up to here the log is the leader's, verified and durable
  log_index rejected = 0; // the prev_index that was not found
  log_index hint = 0;     // of a rejection: nothing behind this index fits
  std::uint64_t round = 0;
};

struct snapshot_chunk {
  snapshot_mark mark;
  std::uint64_t offset = 0;
  std::string data;
  bool last = false;
  std::string digest; // of the whole content; from shell to shell
};

struct snapshot_reply {
  log_index index = 0;
  std::uint32_t generation = 0; // of the mark
  std::uint64_t offset = 0;     // the piece that is wanted next
  bool done = false;            // the state is durable there
};

/// To a node of a lower generation: there is a newer one. With `origin` the mark is where that one began: who has its seal
/// in the log knows by this that it is committed.
struct generation_notice {
  snapshot_mark mark;
  bool origin = false;
};

/// To a node of a higher generation: what began yours? Or, when the answer did not help: send me your state.
struct behind {
  bool needs_snapshot = false;
};

/// From a leader that leaves: campaign now.
struct timeout_now {};

struct message {
  std::uint32_t generation = 0;
  std::uint64_t term = 0;
  std::variant<vote_request, vote_reply, append, append_reply, snapshot_chunk, snapshot_reply, generation_notice,
               behind, timeout_now>
    body;
};

// -- events: from the shell ----

/// The time of `set_timer` has come; also the first event in the life of a node.
struct tick {};

struct received {
  node_uuid from; // authenticated
  raft::message message;
};

/// A command; with `voters` a seal: these are the voters of the next generation.
struct propose {
  std::uint64_t id = 0;
  std::string data;
  std::vector<node_uuid> voters;
};

/// Where must the state machine be to answer a read that came just now?
struct read {
  std::uint64_t id = 0;
};

/// All up to the `store` with this token is durable.
struct stored {
  std::uint64_t token = 0;
};

/// A snapshot of the state after `index`, which was applied, is durable, and the entries up to it are gone from the disk.
struct snapshot_taken {
  log_index index = 0;
};

/// What `seal` or `install` asked for is durable.
struct snapshot_stored {
  std::uint32_t generation = 0;
  log_index index = 0;
};

/// The content that `install` named is damaged; nothing was changed.
struct snapshot_damaged {
  std::uint32_t generation = 0;
  log_index index = 0;
};

/// Who follows the log besides the voters; voters may be among them. Heard on every node, counted for nothing.
struct learners {
  std::vector<node_uuid> nodes;
};

/// The link to it is down: it gets heartbeats only, until it answers.
struct unreachable {
  node_uuid node;
};

/// The answer to `fetch_chunk`: a piece of the snapshot at `index`, which is the newest durable one.
struct snapshot_data {
  node_uuid to;
  log_index index = 0;
  std::uint64_t offset = 0;
  std::string data;
  bool last = false;
  std::string digest;
};

/// This node stops soon: another voter is to lead, the best one when none is named. Takes nothing new meanwhile.
struct transfer {
  node_uuid to;
};

using event = std::variant<tick, received, propose, read, stored, snapshot_taken, snapshot_stored, snapshot_damaged,
                           learners, unreachable, snapshot_data, transfer>;

// -- effects: to the shell, to be carried out in order ----

struct send {
  node_uuid to;
  raft::message message;
};

/// In one transaction, after all earlier ones; then `stored{token}`.
struct store {
  std::uint64_t token = 0;
  std::optional<hard_state> hard;
  std::optional<log_index> truncate_from; // first: the entries from here on go
  std::vector<entry> append;
};

/// Apply these; each comes exactly once after the state that the node began with. They need not be durable here yet.
struct commit {
  std::vector<entry> entries;
};

/// The generation ended with the entry that was just committed. In one transaction, after all earlier stores: the state at
/// `mark.index` becomes the snapshot with this mark, and every entry of the log goes; then `snapshot_stored`.
struct seal {
  snapshot_mark mark;
};

/// A piece of a state that is coming in; offset 0 begins it anew.
struct keep_chunk {
  snapshot_mark mark;
  std::uint64_t offset = 0;
  std::string data;
};

/// The state is complete: check its digest, then replace the state machine. In one transaction, after all earlier stores: it
/// becomes the snapshot with this mark, and every entry of the log goes; then `snapshot_stored` or `snapshot_damaged`.
struct install {
  snapshot_mark mark;
  std::string digest;
};

/// The next piece of the newest durable snapshot, please: `snapshot_data`.
struct fetch_chunk {
  node_uuid to;
  log_index index = 0;
  std::uint64_t offset = 0;
};

/// It is in the log at this position; it has happened when `commit` brings that index with that term.
struct proposed {
  std::uint64_t id = 0;
  log_index index = 0;
  std::uint64_t term = 0;
};

enum class refusal : std::uint8_t {
  not_leader,     // nothing was done; `leader` is whom to ask, if known
  overloaded,     // nothing was done
  sealed,         // nothing was done; the next generation begins in a moment
  bad_voters,     // nothing was done: none, two, too many, named twice, or not all of them follow closely
  leadership_lost // unknown: it may be committed yet, or never (a read: nothing was done)
};

/// The end of a proposal or read.
struct refused {
  std::uint64_t id = 0;
  refusal reason{};
  node_uuid leader;
};

/// The read may be answered by a state machine that has applied this index.
struct readable {
  std::uint64_t id = 0;
  log_index index = 0;
};

/// Sent when anything in it has changed.
struct role {
  enum class kind : std::uint8_t { learner, follower, pre_candidate, candidate, leader };

  kind now = kind::learner;
  std::uint32_t generation = 0;
  std::uint64_t term = 0;
  node_uuid leader; // none: not known

  bool operator==(const role&) const = default;
};

/// `tick` is due at this time, instead of any earlier setting. A tick that comes early or twice does no harm.
struct set_timer {
  instant at{};
};

using effect = std::variant<send, store, commit, seal, keep_chunk, install, fetch_chunk, proposed, refused, readable,
                            role, set_timer>;
using effects = std::vector<effect>;

} // namespace hearth::cluster::raft
