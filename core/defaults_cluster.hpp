#pragma once

#include "core/defaults.hpp"

/// The numbers of clusters: durable runs, the control log, links and calls between nodes. Part of core/defaults.hpp, which
/// includes it.
namespace hearth::defaults {

// -- durable runs ----

/// A value of a run that goes into the control log itself; a larger one is a blob. A thousand of them are a small part of what
/// the log may hold, and reading a file costs more than carrying so much.
inline constexpr std::uint64_t run_inline_bytes_max = 16 * kib;
/// Environment versions of which a run keeper remembers that the control log has them; beyond it they are put again.
inline constexpr std::size_t specs_remembered_max = 10'000;
/// How often a run keeper says which blobs are needed after runs were forgotten: it looks at all runs then.
inline constexpr seconds blob_pin_interval{30};
/// For a node that stops to give up its seat and to hand on the lead of the control log: some round trips and commits.
inline constexpr seconds control_stop_patience{2};
/// How often the control loop looks whether the work loop turns: a few times in each heartbeat.
inline constexpr milliseconds work_watch_interval{250};
/// How long a run waits to be accepted by a node without a seat or lease: a node takes tens of milliseconds to start, a
/// cluster about two seconds for its next leader. And how many may wait.
inline constexpr seconds run_acceptance_wait{4};
inline constexpr std::size_t runs_unsettled_max = 10'000;
/// From a try to execute or to end a run that failed for a reason that passes, to the next one.
inline constexpr seconds run_retry_interval{1};

/// What waits for the disk; beyond it log text is dropped and counted, and a bundle is refused.
inline constexpr std::uint64_t disk_queue_bytes_max = 512 * mib;

// -- records of runs ----

/// How long a parent that runs again waits for the record before its child is run: a look into memory or a mapped file takes
/// microseconds, and one that has to come from a slow disk still costs less than most calls.
inline constexpr seconds record_patience{2};
/// How long of that other nodes have to say what they keep of the record, when it is not all at the run's home: a round trip
/// and a look into a mapped file, many times over.
inline constexpr milliseconds record_elsewhere_patience{500};
/// What a home has recorded and another node has not confirmed; beyond it a result has one copy only, and costs an execution
/// when the home is lost. A slow link carries as much in seconds.
inline constexpr std::uint64_t record_copies_bytes_max = 64 * mib;
/// Of those, in one message: a fraction of a second of a slow link.
inline constexpr std::uint64_t record_copies_batch_bytes = 1 * mib;
/// For another node to store a value of a run, before the next one is asked: a large value, and a sync on a slow disk.
inline constexpr seconds copy_patience{10};

// -- identity of nodes ----

/// A node's certificate: short enough that a lost one does not matter for ever. At its end: docs/operating.md.
inline constexpr std::chrono::hours certificate_validity{24 * 365};
/// A cluster's own: its end is the cluster's, because nodes trust nothing else.
inline constexpr std::chrono::hours authority_validity{24 * 365 * 20};
/// Certificates begin so long before they are made: clocks of machines differ, and time zones are set wrong.
inline constexpr std::chrono::seconds certificate_clock_grace{24 * 3600};
/// A join token serves this long: time to carry it to another machine.
inline constexpr minutes join_token_validity{15};
/// Join tokens that are remembered, and how long after their end: so that who comes late hears why.
inline constexpr std::size_t join_tickets_max = 1000;
inline constexpr std::chrono::hours join_ticket_kept{24};
/// The longest that an operator may give a join token: who carries it for longer makes another one.
inline constexpr std::chrono::hours join_token_validity_max{24 * 7};
/// What an operator asks of the control log waits for a leader: some elections, and a slow disk.
inline constexpr seconds cluster_request_timeout{30};
/// A copy of the control log with all of it read again, on a slow disk.
inline constexpr minutes backup_timeout{10};
/// Keys and certificates have about 1 KiB; a cluster file 150 bytes for each of its nodes; a ledger 80 for each ticket.
inline constexpr std::size_t identity_file_bytes_max = 64 * kib;
inline constexpr std::size_t cluster_file_bytes_max = 4 * mib;

// -- link between nodes ----

/// Protocol of the link. A node talks to nodes of its own and of the version before.
inline constexpr std::uint32_t link_version = 1;
inline constexpr std::uint32_t link_version_min = 1;
/// Highest feature level of the control log that this Hearth understands: new kinds of entries come only after all nodes do
/// (cluster/commands.hpp, level_of).
inline constexpr std::uint32_t feature_level = 4;
/// Frames by their channel. Control: a part of a snapshot or a batch of entries. Calls: as between nodes and clients, with
/// an envelope. Bulk: a chunk, short enough that others soon have their turn.
inline constexpr std::size_t link_control_frame_bytes_max = 4 * mib;
inline constexpr std::size_t link_calls_frame_bytes_max = frame_bytes_max + 4 * kib;
inline constexpr std::size_t link_bulk_frame_bytes_max = 256 * kib + 1 * kib;
/// What waits for one peer on a channel, beyond which `send` refuses: two of the largest frames of control, a window of
/// calls, some chunks.
inline constexpr std::size_t link_control_queue_bytes_max = 2 * link_control_frame_bytes_max;
inline constexpr std::size_t link_calls_queue_bytes_max = 16 * mib;
inline constexpr std::size_t link_bulk_queue_bytes_max = 2 * mib;
/// From the accepted or dialed connection to the peer's hello; a handshake takes some round trips and a millisecond.
inline constexpr seconds link_handshake_timeout{5};
/// Connections that are not trusted yet, together and of one address; beyond it the oldest goes, so that those who never
/// finish cannot keep others out.
inline constexpr std::size_t link_strangers_max = 256;
inline constexpr std::size_t link_strangers_per_address_max = 64;
/// Connections of remote clients, together and of one address.
inline constexpr std::size_t link_guests_max = 1024;
inline constexpr std::size_t link_guests_per_address_max = 256;
/// Connections let in between two looks at the other sockets.
inline constexpr int link_accepts_per_turn = 32;
/// From one attempt to reach a peer to the next: doubles from the first to the second, less up to this share by chance, so
/// that nodes that lost each other together do not come together.
inline constexpr milliseconds link_redial_first{50};
inline constexpr milliseconds link_redial_longest{2000};
inline constexpr double link_redial_jitter = 0.3;
/// A node that is not to dial a peer asks it, after so long without a link and then at times, whether it knows it still.
inline constexpr milliseconds link_knock_after{3000};
inline constexpr milliseconds link_knock_interval{10'000};
/// A connection is given up when what was sent is not confirmed for so long, or when the peer's system does not answer:
/// idle time before the first probe, between two, and how many. The control log finds out sooner; this frees the sockets.
inline constexpr milliseconds link_unconfirmed_max{15'000};
inline constexpr seconds link_probe_after{10};
inline constexpr seconds link_probe_interval{5};
inline constexpr int link_probes = 3;
/// A node that hangs confirms what its system takes in for it, so silence is looked at here: looks from which nothing was
/// heard, until an echo is asked for, and until the link is given up. Looks, not time: a node that hung itself hears first.
inline constexpr seconds link_look_interval{1};
inline constexpr int link_looks_until_echo = 3;
inline constexpr int link_looks_max = 10;
/// The same trouble with the same peer is logged once in this time, and counted in between; so many peers are told apart.
inline constexpr seconds link_log_interval{60};
inline constexpr std::size_t link_log_names_max = 256;
/// The same as `turn_bytes` where bytes are encrypted, which costs several times as much: one system call, and 4 records of TLS.
inline constexpr std::size_t tls_turn_bytes = 64 * kib;
/// Ciphertext that one read takes in.
inline constexpr std::size_t tls_read_bytes = 64 * kib;
/// What a client or a joining node shows first.
inline constexpr std::size_t link_token_bytes_max = 1 * kib;
/// A request to join: a certificate request, names and an address.
inline constexpr std::size_t join_request_bytes_max = 16 * kib;
/// For a whole join, seen from the node that joins: a commit of the control log is in it.
inline constexpr seconds join_timeout{30};

// -- remote clients ----

/// How long a client's token is good unless the operator says otherwise: long enough to be renewed once a month, short enough
/// that a forgotten one ends by itself.
inline constexpr std::chrono::hours client_token_validity{24 * 30};
/// A client's token ends at the latest after this: what is to last longer is made without an end.
inline constexpr std::chrono::hours client_token_validity_max{24 * 365 * 10};
inline constexpr std::size_t client_token_name_bytes_max = 63;
/// How often a node with remote clients looks whether the token of one has ended, besides the moment at which it should:
/// calendars are set.
inline constexpr seconds client_token_look{60};

// -- control log: its state ----

/// The state lives in the memory of every node and travels as one snapshot: below 64 MiB in all. Open runs 32, ended ones 24,
/// specs 4; the rest is for what is bounded by number.
inline constexpr std::size_t open_runs_max = 10'000;
inline constexpr std::uint64_t open_runs_bytes_max = 32 * mib;
inline constexpr std::size_t ended_runs_max = 20'000;
inline constexpr std::uint64_t ended_runs_bytes_max = 24 * mib;
inline constexpr std::uint64_t specs_bytes_max = 4 * mib;
/// Arguments or results of a run above this size are blobs beside the log, which every voter writes and syncs.
inline constexpr std::size_t inline_value_bytes_max = 64 * kib;
/// All texts of one command together: names, sentences, inputs for display.
inline constexpr std::size_t command_text_bytes_max = 64 * kib;
/// Nodes that a cluster knows, removed ones too; each sends a heartbeat to one leader.
inline constexpr std::size_t members_max = 1000;
inline constexpr std::size_t control_environments_max = 2000;
inline constexpr std::size_t tokens_max = 1000;
/// Projects with limits of their own in the cache.
inline constexpr std::size_t cache_limits_max = 1'000;
/// Scopes with a cache generation of their own; beyond it the oldest is merged into the scope above it.
inline constexpr std::size_t generation_scopes_max = 10'000;
/// How far ahead of its node's calendar a client's clock may be: ids carry their time, and ids from the future would make
/// those of today look forgotten.
inline constexpr minutes id_ahead_max{60};

// -- stores of a cluster's node ----

/// Address space for the control log: several times what log, snapshot and their successors may hold.
inline constexpr std::uint64_t control_map_bytes = 8 * gib;
/// The file of the control log is ahead of what is in use by this: a commit touches few pages besides what it brings.
inline constexpr std::uint64_t control_reserve_bytes = 1 * mib;
/// State of the control log as a snapshot: 10,000 runs with their inline values, several times over.
inline constexpr std::size_t control_snapshot_bytes_max = 64 * mib;
/// By so many starts a node that was restored from a backup is ahead of the backup: more than there were between the backup and
/// the loss, so that nobody takes it for an old copy of what was lost.
inline constexpr std::uint64_t restored_starts = 1'000'000;
/// A piece of a snapshot: small beside what a commit writes, and a page's header is nothing beside it.
inline constexpr std::size_t control_chunk_bytes = 256 * kib;
/// Blobs on disk: results and arguments that are too large for the log; the least recently used go first.
inline constexpr std::uint64_t blobs_bytes_max = 8 * gib;
/// A blob that was used within this time stays although nobody has pinned it: the entry of the log that names it may be on
/// its way, and those who say what is pinned look every few minutes at most.
inline constexpr minutes blob_grace{10};
/// Results of finished children, of all runs together; beyond it the runs that were silent longest lose theirs.
inline constexpr std::uint64_t records_bytes_max = 1 * gib;
/// Address space for them: deleting needs free pages, and free ones lie scattered.
inline constexpr std::uint64_t records_map_bytes = 8 * gib;
/// A result up to this size lies in its record; a larger one is a blob, which costs a file.
inline constexpr std::uint64_t record_inline_bytes_max = 64 * kib;
/// What a record counts besides its value: key, frame, its share of a page.
inline constexpr std::uint64_t record_overhead_bytes = 256;

// -- control log ----

/// A leader is heard this often: a few small messages per second and follower.
inline constexpr milliseconds raft_heartbeat{100};
/// Without a leader for a time drawn from here to its double, a voter asks for votes: five lost heartbeats are no loss of a
/// leader, and the spread keeps voters from asking at once.
inline constexpr milliseconds raft_election_timeout{500};
/// Entries and bytes of one append message: a tenth of what the bulk stream sends in one turn, so that it delays no
/// heartbeat. One entry may exceed the bytes alone.
inline constexpr std::size_t raft_append_entries_max = 256;
inline constexpr std::size_t raft_append_bytes_max = 256 * kib;
/// Append messages to one follower that are not yet acknowledged: covers a disk that takes a second at 4,000 entries per s.
inline constexpr std::size_t raft_appends_in_flight_max = 16;
/// Proposals that wait for their commit, and their bytes; beyond it they are refused.
inline constexpr std::size_t raft_proposals_max = 4096;
inline constexpr std::size_t raft_proposal_bytes_max = 16 * mib;
/// Reads that wait for a round of the voters.
inline constexpr std::size_t raft_reads_max = 4096;
/// Entries kept in memory behind a snapshot, for followers that are a little late: cheaper than a snapshot for them.
inline constexpr std::size_t raft_entries_behind_snapshot = 1024;
/// A piece of a snapshot that got no answer is sent again after this, so often by a node that does not lead.
inline constexpr milliseconds raft_chunk_retry{500};
inline constexpr std::uint32_t raft_chunk_tries_max = 20;
/// A state that is sent is refused beyond this: four times what the control log may hold.
inline constexpr std::uint64_t raft_state_bytes_max = 256 * mib;
/// Messages that wait for the disk; beyond it the oldest is dropped, as if the network had lost it.
inline constexpr std::size_t raft_messages_held_max = 1024;
/// More voters make every commit slower and no cluster safer.
inline constexpr std::size_t raft_voters_max = 7;

// -- control plane of a node ----

/// Heartbeats, and renewals of the leases that they ask for: one small entry and sync each for all nodes.
inline constexpr milliseconds heartbeat_interval{500};
/// A lease outlives three lost heartbeats; the loss of a node is noticed after it.
inline constexpr seconds lease_time{2};
/// How much faster than another one a clock may run: a hundred times what crystals do.
inline constexpr double clock_drift = 0.05;
/// A node whose loops are later than this says so, and is waited for longer: one lease more per step, three at most.
inline constexpr milliseconds loop_lag_bearable{100};
inline constexpr milliseconds loop_lag_step{500};
inline constexpr int patience_max = 4;
/// Renewals that a node has not acknowledged and the leader remembers: twice those of a lease.
inline constexpr std::size_t renewals_unseen_max = 8;
/// After an election, until environments and runs of seats that have ended get new places: nodes that restarted with the
/// leader are back by then.
inline constexpr milliseconds return_grace{300};
/// Unanswered submissions of a node; the same number as of proposals that wait for their commit.
inline constexpr std::size_t submissions_max = 4096;
/// A submission without a trace is handed in again: a few round trips to a disk that is busy.
inline constexpr milliseconds submission_retry{1000};
/// Where the leader has just gone, or does not take more: the time of an election's round.
inline constexpr milliseconds submission_pause{50};
/// So long somebody waits for a decision before `no_quorum`: two elections with a collision.
inline constexpr seconds decision_patience{5};
/// A seat that was refused is asked for again; a node that was not admitted within this time gives up.
inline constexpr milliseconds seat_retry{200};
inline constexpr seconds admission_patience{10};
/// Applied entries, and their bytes, after which the state is stored and the log before it dropped: reading both again at
/// start takes less than a second.
inline constexpr std::size_t snapshot_entries = 10'000;
inline constexpr std::uint64_t snapshot_log_bytes = 64 * mib;
/// What the leader asks for again when nothing came of it; and how much of it in one entry.
inline constexpr milliseconds duty_retry{1000};
inline constexpr std::size_t duty_batch = 256;
/// For handing over leadership when a node stops.
inline constexpr milliseconds transfer_patience{1500};

// -- replicas on other nodes ----

/// A node tells the others at most this often what it has free: a wrong guess costs an order one round trip.
inline constexpr milliseconds free_report_interval{250};
/// Replicas whose owner is gone stay warm, and finish what they run, for this long: the loss of a host that also led the
/// control log is settled within 4 s, and 10 s more let a slow new owner find them.
inline constexpr seconds orphan_time{15};
/// A new owner starts no replica of its own while other nodes have not told which warm ones they keep for it, at most for
/// this long: some round trips between busy nodes, and less than the start of a cold interpreter.
inline constexpr milliseconds adopt_patience{250};
/// Adopted replicas of a version that nobody has opened yet are kept for this long: as long as idle ones.
inline constexpr seconds unclaimed_time = idle_ttl;

// -- calls between nodes ----

/// How long a call waits while nobody owns its environment, or the owner cannot be reached, before it is refused: an owner is
/// replaced within 4 s, and who asks is told before `inner_request_timeout` is over.
inline constexpr seconds owner_wait{25};
/// From one question for the owner to the next while there is none, and to the next try with an owner that does not know of
/// it yet: entries of the control log take some milliseconds from node to node.
inline constexpr milliseconds owner_retry{50};
/// How often calls are asked after whose answer may have been lost with a link. What is missing twice in a row is lost: an
/// answer on its way is faster than this.
inline constexpr seconds probe_interval{2};
/// A call that was handed over so long ago, or was asked after so long ago, is asked after although no link is known to have
/// ended: between the node where it ran and its caller's there may have been none. Seldom beside what calls of this length cost.
inline constexpr seconds doubt_interval{10};
/// Bytes of arguments that one node's users of an environment may have open at an owner on another node: what a slow link
/// queues stays a fraction of a node's memory, and covers its bandwidth times delay many times over.
inline constexpr std::uint64_t gate_open_bytes = 64 * mib;
/// Calls that wait at a gate, and bytes of their arguments, before roots are refused: a window of some clients each.
inline constexpr std::size_t gate_waiting_calls = 100'000;
inline constexpr std::uint64_t gate_waiting_bytes = 256 * mib;
/// Callers of other nodes that are kept although nothing of theirs is open: 300 bytes each, and finding one again costs a
/// fraction of a spawn.
inline constexpr std::size_t remote_callers_kept = 1024;
/// Versions of an environment that its owner keeps for other nodes to call; the oldest is opened again when it is called.
inline constexpr std::size_t served_versions_max = 64;
/// Echoes that one request may ask for: a second on a fast link; and requests that wait for theirs, per peer.
inline constexpr std::uint32_t pings_max = 10'000;
inline constexpr std::size_t pings_waiting_max = 16;
/// Questions to other nodes without an answer, per node.
inline constexpr std::size_t questions_max = 10'000;
/// Values between nodes up to this size travel with their message, longer ones beside: as much as the bytes of some hundred
/// small calls, behind which nobody should wait longer.
inline constexpr std::size_t link_inline_bytes_max = 64 * kib;
/// Of a value that travels beside, in one frame: others have their turn after some hundred microseconds.
inline constexpr std::size_t link_chunk_bytes = 256 * kib;
/// Items of one message, and about so many bytes of one frame of messages: more become several.
inline constexpr std::size_t link_items_max = 512;
inline constexpr std::size_t link_batch_bytes = 256 * kib;
/// Messages of one node that wait for values, and values that wait for their message; no window of calls has more large ones.
inline constexpr std::size_t link_held_messages_max = 16 * 1024;
/// Bytes of messages that wait for a slow node besides what its channel holds; beyond it the link ends, and what was said is
/// said again or refused.
inline constexpr std::size_t link_waiting_bytes_max = 64 * mib;
/// A listing of the whole cluster waits for nodes at most this long: a person waits for it.
inline constexpr seconds listing_wait{2};

// -- cache ----

/// Results that wait for the disk and are served from memory meanwhile; beyond it a result is found again only when it is there.
inline constexpr std::uint64_t cache_recent_bytes_max = 64 * mib;
/// Scopes for which a cache remembers from when on entries are good: more than a node serves at a time.
inline constexpr std::size_t cache_bounds_known_max = 10'000;
/// Calls that may wait for the result of one serialized call; those beyond it execute.
inline constexpr std::size_t cache_waiting_max = 100'000;
/// Nodes that hold an entry. Two may be lost at once, and it costs what it costs to execute again.
inline constexpr std::size_t cache_copies = 3;
/// How long lookups wait when a node starts, for it to have its place in the cluster: it takes some tenths of a second, and
/// whoever starts a node by calling a task twice expects the second call to be answered.
inline constexpr seconds cache_start_patience{3};
/// How long a lookup waits for other nodes: many round trips and a read from a disk; a call that may be answered from there
/// loses no more by executing.
inline constexpr milliseconds cache_lookup_patience{500};
/// Keys that are sought in one question to another node.
inline constexpr std::size_t cache_search_batch = 64;
/// From an answer that a node is not the home of a key to the next question: the nodes learn of each other within this.
inline constexpr milliseconds cache_home_retry{50};
/// Lookups of a serialized call that no other node answers, one per interval above, before it is taken for one of whose result
/// nobody knows: a node that stood still has its links again within a second.
inline constexpr std::uint32_t cache_lookup_tries = 30;
/// For those who execute for a home that is gone to say so to the next one, before that lets others execute.
inline constexpr milliseconds cache_claim_grace{300};
/// How long a node has to confirm an invalidation before it is looked whether it still has its seat.
inline constexpr milliseconds cache_confirm_interval{1000};
/// Scopes that a front remembers: all tasks of the versions that programs use at a time, and more.
inline constexpr std::size_t front_scopes_max = 1'000;
/// For a disk to keep results or to read a large one; a call does not wait for the former.
inline constexpr seconds cache_disk_patience{30};

} // namespace hearth::defaults
