#pragma once

#include "cluster/control_message.hpp"
#include "cluster/control_state.hpp"
#include "cluster/raft.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// One node's part in the control plane above consensus: it brings commands into the log and answers for them, keeps its
/// seat and lease, and, while it leads, ends the seats of those who are gone and finds new places for what they had. A step
/// function: events and the time go in, effects come out. No clock, thread, disk or network.
///
/// # Seats and leases
///
/// A node that has a seat sends a heartbeat to the leader every `heartbeat_interval`, while its work loop turns. The leader
/// writes one `renew` with all that it heard into the log every interval. A node that finds its heartbeat in a *committed*
/// renew has its lease until `lease` after it *sent* that heartbeat. The leader ends a seat when it has not heard of it for
/// `lease` plus the drift of two clocks, counted at the earliest from its own election: whoever led before it may have
/// renewed the lease until then. So a seat that was ended by expiry had no lease any more (I5, I6). A heartbeat that comes
/// from a node which does not see what is committed is not counted: it would neither have a lease nor be replaced.
///
/// A single node that is the only voter writes no renewals and has its lease for good.
namespace hearth::cluster {

using raft::instant;

/// Deliberate faults, each one bit, for tests of the tests. None is set outside them.
enum class controller_mutation : std::uint32_t {
  none = 0,
  no_leader_grace = 1U << 0,       // a new leader expires whom it has not heard of yet
  lease_from_commit = 1U << 1,     // a lease runs from when the renewal was seen
  lease_before_commit = 1U << 2,   // a leader takes its own renewal for granted
  impatient = 1U << 3,             // seats expire before their leases
  deaf_nodes_count = 1U << 4,      // a heartbeat counts from who does not see what is committed
  answer_when_proposed = 1U << 5,  // a submission is answered before it is committed
  submit_once = 1U << 6,           // a submission that left no trace is not handed in again
  ignore_orphans = 1U << 7,        // nobody finds a place for what lost its own
  ignore_draining = 1U << 8,       // a node that is being drained is a place like any other
  read_without_leader = 1U << 9,   // a read is answered from what is here
  any_seat_leases = 1U << 10,      // a seat that was there already gives a lease to who asked for it again
};

struct controller_config {
  node_uuid self;
  std::string name;
  std::uint64_t incarnation = 0; // counted on the disk, one more at each start
  std::uint64_t nonce = 0;       // drawn at each start
  std::string address;           // of the link; empty: nowhere
  node_capacity capacity;
  std::uint32_t level = defaults::feature_level; // highest feature level that this Hearth understands
  std::size_t snapshot_entries = defaults::snapshot_entries;
  std::size_t entries_behind_snapshot = defaults::raft_entries_behind_snapshot;
  std::vector<admit_node> founders;    // admitted by the leader of a log that does not know them
  std::uint32_t mutations = 0;         // bits of `controller_mutation`
  std::uint32_t state_mutations = 0;   // bits of `state_mutation`
  std::uint32_t raft_mutations = 0;    // bits of `raft::mutation`
  /// Entries as bytes and back. `decode` gives nothing for what it cannot read: the node must stop then.
  std::string (*encode)(const submission&) = nullptr;
  std::optional<submission> (*decode)(std::string_view) = nullptr;
};

/// What was found on the disk at start.
struct controller_start {
  raft::stored_state log;
  std::optional<control_image> image; // of `log.snapshot`; none: there is no snapshot yet
};

// -- events ----

namespace events {

/// The time of `set_timer`; also the first event. Early or twice does no harm.
struct tick {
  std::uint64_t unix_ms = 0; // the calendar, for what needs it
};

/// From an authenticated peer.
struct received {
  node_uuid from;
  control_message message;
};

struct link_up {
  node_uuid node;
};

/// `process_is_gone`: its host is there and says that nobody listens; so nothing of it has a lease any more. `incarnation`
/// of that process, 0 if it is not known.
struct link_down {
  node_uuid node;
  bool process_is_gone = false;
  std::uint64_t incarnation = 0;
};

/// Exactly one `answer` follows. A `grant` of seat 0, and a run with home 0, go where the leader chooses.
struct submit {
  std::uint64_t request = 0;
  command order;
};

/// A read begins: `readable` follows when the state here contains all that was decided before, or an `answer` that says why
/// not.
struct read {
  std::uint64_t request = 0;
};

/// The work loop has answered; `lag` is how long that took.
struct work_loop_turned {
  instant lag{};
};

/// The state that `raft::install` named has been checked and is durable.
struct installed {
  std::uint32_t generation = 0;
  log_index index = 0;
  control_image image;
};

/// The node is to leave: its seat ends, another voter leads; `stopped` follows.
struct stop {};

} // namespace events

using controller_event
  = std::variant<events::tick, events::received, events::link_up, events::link_down, events::submit, events::read,
                 events::work_loop_turned, events::installed, events::stop, raft::stored, raft::snapshot_taken,
                 raft::snapshot_stored, raft::snapshot_damaged, raft::snapshot_data>;

// -- effects, to be carried out in order ----

namespace effects {

struct send {
  node_uuid to;
  control_message message;
};

/// The one answer of a submission. `no_quorum` tells whether it may have been accepted.
struct answer {
  std::uint64_t request = 0;
  outcome result;
};

struct readable {
  std::uint64_t request = 0;
};

/// An entry has been applied here; `state()` is at that entry only while this is the last one of its step.
struct applied {
  log_index index = 0;
  node_uuid origin; // who submitted it
  command order;
  outcome result;
  std::vector<fact> facts;
};

/// The state was replaced by a newer one, whose facts nobody tells.
struct replaced {};

/// The seat of this process; none: it has lost it.
struct seated {
  seat_id seat;
};

/// What needs a lease may be done before this time. Told when it changes.
struct lease {
  instant until{};
};

/// Write this state to the disk as the snapshot with this mark, in one transaction with the removal of the entries up to
/// there, after all earlier stores. Then `raft::snapshot_taken`, or, of a sealing one, `raft::snapshot_stored`.
struct keep_snapshot {
  raft::snapshot_mark mark;
  control_image image;
  bool sealing = false; // all entries go
};

struct set_timer {
  instant at{};
};

/// The node cannot go on; `why` is for a person.
struct fatal {
  failure why;
};

struct stopped {};

} // namespace effects

using controller_effect
  = std::variant<effects::send, effects::answer, effects::readable, effects::applied, effects::replaced, effects::seated,
                 effects::lease, effects::keep_snapshot, effects::set_timer, effects::fatal, effects::stopped,
                 raft::store, raft::keep_chunk, raft::install, raft::fetch_chunk, raft::role>;
using controller_effects = std::vector<controller_effect>;

class control_plane;

/// One thread at a time. `now` is monotonic, counts while the machine sleeps, and has the same origin for the life of the
/// object.
class controller {
public:
  controller(controller_config how, controller_start disk, instant now);
  controller(controller&&) noexcept;
  controller& operator=(controller&&) noexcept;
  ~controller();

  controller_effects step(controller_event what, instant now);

  const control_state& state() const;
  const raft::node& log() const;
  /// Of this process; none: it has no seat now.
  seat_id seat() const;
  /// Before it, what needs a lease may be done.
  instant lease_until() const;

  /// What the leader has heard of a seat; empty on other nodes.
  struct sign_of_life {
    seat_id seat;
    instant heard{};
    log_index applied = 0;
    std::uint64_t loop_lag_ms = 0;
    std::vector<node_uuid> reach;
  };
  std::vector<sign_of_life> heard() const;

private:
  std::unique_ptr<control_plane> plane_;
};

} // namespace hearth::cluster
