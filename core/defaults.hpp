#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every number of Hearth, with its unit and its reason.
namespace hearth::defaults {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;
inline constexpr std::size_t gib = 1024 * mib;

/// Protocol version of client and interpreter frames.
inline constexpr std::uint32_t protocol_version = 1;

// -- frames ----

/// Body of one frame; a larger value travels in chunks, so that no value holds up the frames of other calls for long.
inline constexpr std::size_t frame_body_bytes_max = 1 * mib;
/// Whole frame: body, header and its padding.
inline constexpr std::size_t frame_bytes_max = frame_body_bytes_max + 4 * kib;
/// Largest argument or result. Beyond it a file is the better carrier.
inline constexpr std::uint64_t value_bytes_max = 2 * gib;
/// Values of one peer that are still arriving, together: two of the largest side by side.
inline constexpr std::uint64_t unfinished_bytes_max = 2 * value_bytes_max;
/// What a part of a value counts at least: a slice and the memory it may keep from being used again.
inline constexpr std::uint64_t part_bytes_charged_min = 4 * kib;

// -- connections ----

/// Open calls of one connection beyond which the session stops reading: four full turns of a fan-out over 1,000 slots.
inline constexpr std::uint32_t window_calls = 4096;
/// Bytes of arguments of open calls, likewise. One value may exceed it alone.
inline constexpr std::uint64_t window_bytes = 64 * mib;
/// Arguments up to this size do not count: a full window of them is a sixteenth of the bytes granted.
inline constexpr std::uint64_t window_small_bytes = 1 * kib;
/// Bytes of replies that wait for a client that does not read; beyond it the connection is closed.
inline constexpr std::uint64_t unread_bytes_max = 256 * mib + value_bytes_max;
/// Connections at once; a descriptor each.
inline constexpr std::size_t connections_max = 1024;
/// How long the listener rests when the system has no memory or descriptors for another client.
inline constexpr milliseconds accept_pause{100};
/// For last words to a client that has to go.
inline constexpr seconds close_grace{5};
/// Answers between parts of the node; they take microseconds unless a disk is stuck.
inline constexpr seconds inner_request_timeout{30};
/// Checking and unpacking a large bundle on a slow disk, behind the logs that wait for it.
inline constexpr seconds bundle_store_timeout{120};
/// A connection must say hello within this time.
inline constexpr seconds hello_timeout{10};

// -- environments ----

/// Queued roots of one environment; about 300 bytes each besides their arguments.
inline constexpr std::size_t queued_roots_max = 1'000'000;
/// Bytes of queued arguments of one environment's roots.
inline constexpr std::uint64_t queued_bytes_max = 1 * gib;
/// What a refused caller is told to wait before it tries again.
inline constexpr milliseconds queue_full_retry{200};
/// Nesting of calls; each level holds a waiting parent in some replica.
inline constexpr std::uint16_t depth_max = 1000;
/// Waiting parents of one replica; beyond it the replica takes only their descendants.
inline constexpr std::uint32_t parked_max = 256;
/// Calls sent ahead of a replica's free slots: a pipe this deep hides one wake-up of a sleeping core (about 25 us)
/// behind calls of a few microseconds.
inline constexpr std::uint32_t prefetch_max = 16;
/// Arguments of a call that is sent ahead: larger ones take longer to copy than a wake-up.
inline constexpr std::uint64_t prefetch_bytes_max = 64 * kib;
/// The round trip that prefetch hides: supervisor to interpreter and back, measured with sleeping cores.
inline constexpr microseconds prefetch_round_trip{100};
/// A replica that holds calls ahead and finished none for this long has stalled: they are recalled.
inline constexpr milliseconds stall_after{2};
/// A replica that has calls, finishes none and begins none for this long hangs and is replaced: beginning takes microseconds,
/// or as long as another call keeps its event loop, and then that one has begun.
inline constexpr seconds begin_patience{10};
/// Weight of the newest sample in learned service times: forgets a changed workload after about 20 calls.
inline constexpr double service_time_weight = 0.1;
/// How long a nested call waits for a replica that starts before it takes the slot that its parent has lent: some forks.
inline constexpr milliseconds lend_patience{50};
/// Share of a replica's slots that is filled before calls go to another one: what is left takes a burst without a wait.
inline constexpr double pack_share = 0.8;
/// Idle times of replicas and of pools where nobody says them; Flyte's.
inline constexpr seconds idle_ttl{30};
/// A zygote outlives the replicas of its environment by this: coming back is then a fork, for the price of one idle process.
inline constexpr minutes zygote_ttl{10};
/// Decisions to wait are told at most this often: under load they change with every call.
inline constexpr seconds decision_interval{1};
/// What queued up while replicas started is worked off within so many start-up times, at most in this time, or in that of
/// one call. Faster costs more replicas than it saves waiting; what they cost is their idle time afterwards.
inline constexpr double drain_starts = 2;
inline constexpr seconds drain_max{5};
/// A queue younger than this share of a call's time, or than what nobody notices, is no reason to start a replica if it is
/// empty before that one is ready, or within this other share of a call's time.
inline constexpr double wait_share = 0.03;
inline constexpr double bearable_share = 0.1;
inline constexpr milliseconds wait_unnoticed{10};
/// Seconds of arrivals that are remembered: three times the longest start-up that a rise is predicted for.
inline constexpr std::int64_t arrival_seconds = 122;
/// Starts faster than this follow demand; slower ones go ahead of it when it rises, with this margin on the rise.
inline constexpr milliseconds rise_start_up_min{500};
inline constexpr double rise_margin = 1.5;
/// Pauses between calls are counted by their length in steps of this, for so many steps: four hours.
inline constexpr seconds pause_bucket{5};
inline constexpr std::size_t pause_buckets = 4 * 3600 / 5;
/// Pauses without which nothing is predicted, and those after which older ones count half.
inline constexpr std::uint32_t pauses_needed = 8;
inline constexpr std::uint32_t pauses_kept = 1000;
/// From the first to the last of this share of the pauses a pool is kept warm, with this margin on both sides.
inline constexpr double pause_head = 0.05;
inline constexpr double pause_tail = 0.95;
inline constexpr double pause_margin = 0.1;
/// Replicas of an environment without `reusable`, per core: forks that wait for I/O leave cores free.
inline constexpr std::uint32_t fresh_replicas_per_core = 2;
/// Words in a slot table beyond concurrency and prefetch: waiting parents keep theirs (8 bytes each).
inline constexpr std::uint32_t slots_spare = 4096;
/// Largest concurrency of one replica; one event loop serves no more to any good.
inline constexpr std::uint32_t concurrency_max = 4096;

// -- interpreters ----

/// From posix_spawn to `ready`: imports of large frameworks take tens of seconds on a cold disk.
inline constexpr seconds zygote_start_timeout{120};
/// From `fork` to the replica's hello.
inline constexpr seconds replica_start_timeout{30};
/// A call asked to stop has this long before its replica is ended.
inline constexpr seconds cancel_grace{5};
/// For all functions of `@env.on_stop` of an interpreter that is asked to end: to close connections and write what is
/// buffered, and short enough that a node stops within `stop_grace`.
inline constexpr seconds hook_grace{5};
/// SIGTERM to SIGKILL.
inline constexpr seconds kill_grace{2};
/// A forked replica's end is seen at once; how it ended is its zygote's to say, within this time.
inline constexpr seconds exit_status_wait{1};
/// Processes that an ended interpreter left behind are looked for this long after it, together with those of others:
/// the look may cost a scan of all processes.
inline constexpr milliseconds orphan_sweep_delay{100};
/// What the kernel holds for an interpreter that does not read yet: fewer wake-ups on the way of a large value. The system's
/// limit (net.core.wmem_max) may be lower.
inline constexpr int interpreter_send_buffer_bytes = 1 << 20;
/// One message of a zygote.
inline constexpr std::size_t zygote_event_bytes_max = 1 * mib;
/// Raw output of one zygote and its replicas that is read before the loop turns to others.
inline constexpr std::size_t output_bytes_per_turn = 256 * kib;
/// A call younger than this has not written past Python: to look for such output costs a system call.
inline constexpr microseconds raw_output_call_time{500};
/// Starts that fail in a row before an environment is declared broken for `crash_backoff`.
inline constexpr std::uint32_t crashes_in_row_max = 5;
inline constexpr seconds crash_backoff{30};
/// From a start that failed while other replicas serve to the next one: what was short (processes, memory) may be free.
inline constexpr seconds start_pause{1};
/// Cancelled calls whose tickets a queue may carry along before it is swept.
inline constexpr std::size_t stale_tickets_max = 1024;
/// How often memory of replicas with a limit is read; a limit can be exceeded for this long.
inline constexpr milliseconds memory_watch_interval{250};
/// Captured output of one call beyond which it is dropped and counted.
inline constexpr std::uint64_t call_output_bytes_max = 16 * mib;
/// Output of a replica outside any call, kept in memory for error messages.
inline constexpr std::size_t replica_output_bytes_kept = 64 * kib;
/// Open files of one interpreter: libraries and data loaders hold hundreds, and a leak is to end in an error of the task
/// that leaks, before the machine has none left.
inline constexpr std::uint32_t interpreter_files_max = 4096;

// -- resources of a node ----

/// Share of the machine's memory that replicas may reserve; the rest is for the system, the node, and zygotes, which no
/// request counts.
inline constexpr double replica_memory_share = 0.9;
/// Replicas that wait for room on a node; beyond it a start is refused. A pool never has so many on one machine.
inline constexpr std::size_t starts_waiting_max = 10'000;
/// How often a waiting start is passed by smaller ones before it keeps what becomes free for itself, and for how long:
/// calls of a few seconds have ended by then, and when that was not enough, the others need not wait for it in vain.
inline constexpr std::uint32_t start_passes_max = 64;
inline constexpr seconds start_hold{30};
/// How often, while starts wait, other environments are asked for idle replicas and the GPUs of other nodes are tried:
/// little beside the start of an interpreter, and a few system calls.
inline constexpr seconds start_retry_interval{1};
/// How often replicas that are to be recycled by growth are measured, once they have served calls: walking the page tables
/// of a large one takes tens of milliseconds.
inline constexpr seconds memory_growth_interval{2};

// -- node ----

/// A private node without clients, runs and busy replicas ends after this.
inline constexpr minutes private_idle_exit{10};
/// SIGTERM or `hearth node stop` to forced end.
inline constexpr seconds stop_grace{10};
/// Ended runs kept in memory.
inline constexpr std::size_t runs_kept = 1000;
/// Actions kept per run; beyond it only counted.
inline constexpr std::size_t run_actions_kept = 10'000;
/// Result of an ended run kept for `hearth get run` and reattaching clients, and those of all runs together: the oldest
/// go first. The memory in which a large value came may be twice its size.
inline constexpr std::uint64_t run_result_bytes_kept = 64 * mib;
inline constexpr std::uint64_t results_bytes_kept = 256 * mib;
/// Results older than this are nobody's business any more: yesterday's run is still shown this morning.
inline constexpr std::chrono::hours result_age_max{24};
/// Log text kept per run on disk, and for all runs together.
inline constexpr std::uint64_t run_log_bytes_max = 64 * mib;
inline constexpr std::uint64_t logs_bytes_max = 1 * gib;
/// Bytes that wait for a client beyond which output is dropped for it, and counted: the whole log of a run, which is sent
/// at once, and what comes meanwhile.
inline constexpr std::uint64_t unread_log_bytes_max = run_log_bytes_max + 8 * mib;
/// Output of a run that waits for a follower while its log is read from the disk; beyond it text is dropped and counted.
inline constexpr std::uint64_t held_output_bytes_max = 8 * mib;
/// Logs and bundles unused for this long are removed.
inline constexpr std::chrono::hours stored_age_max{24 * 14};
/// Bundles on disk; the least recently used go first.
inline constexpr std::uint64_t bundles_bytes_max = 2 * gib;
/// One bundle.
inline constexpr std::uint64_t bundle_bytes_max = 256 * mib;
/// What one bundle unpacks to: bounds what a small archive of zeros can do to a disk.
inline constexpr std::uint64_t bundle_unpacked_bytes_max = 1 * gib;
inline constexpr std::uint64_t bundle_files_max = 50'000;
/// Log files; environments without `reusable` may make one per call.
inline constexpr std::size_t log_files_max = 10'000;
/// The node's own log: this much, and so many older files.
inline constexpr std::size_t node_log_bytes_max = 4 * mib;
inline constexpr std::size_t node_log_files = 3;
/// Entries of the journal per environment, about 600 bytes each, and environments it remembers: 15 MiB at most.
inline constexpr std::size_t journal_entries_max = 500;
inline constexpr std::size_t journal_environments_max = 50;
/// Of what somebody else said, in an entry: enough for the first lines of a traceback.
inline constexpr std::size_t journal_detail_bytes_max = 1 * kib;
/// Rows of a listing when the asker names no limit.
inline constexpr std::uint32_t rows_max = 1000;

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

// -- loop ----

/// How long a loop looks at its sockets before it sleeps, while single short calls come and go: as long as waking a core
/// and a short call take. And how many of them in a row, each soon after the last, tell that nothing else wants the core.
inline constexpr microseconds idle_poll_time{100};
inline constexpr std::uint64_t idle_poll_streak = 16;
/// Actor resumes, and time, after which the loop looks at its sockets again.
inline constexpr std::size_t resumes_per_turn = 64;
inline constexpr milliseconds turn_time{1};
/// Messages of one actor after which the next actor has its turn.
inline constexpr std::size_t messages_per_resume = 64;
/// The farthest a loop's alarm is set ahead, so that no sum of times overflows; a turn a day is no load.
inline constexpr std::chrono::hours alarm_max{24};
/// How often a stopping loop looks whether the threads of detached actors have ended: they cannot tell.
inline constexpr milliseconds stop_look_interval{5};

// -- streams ----

/// Piece of memory into which the streams of a loop read: hundreds of small frames per system call, and little is held
/// back when one of them lives long.
inline constexpr std::size_t read_arena_bytes = 64 * kib;
/// Free rest of it below which a new piece is taken.
inline constexpr std::size_t read_space_min = 16 * kib;
/// Frames of at least this size lie in blocks of this size, which is that of a huge page on x86-64 and most of arm64: at
/// worst one frame keeps a block of four times its size.
inline constexpr std::size_t large_frame_bytes = 512 * kib;
inline constexpr std::size_t large_block_bytes = 2 * mib;
/// What is read beyond the end of a large frame: the most that is copied again when another large frame follows.
inline constexpr std::size_t read_beyond_bytes = 16 * kib;
/// Frames of one socket that are handed on before the others have their turn.
inline constexpr std::size_t read_turn_bytes = 1 * mib;
/// Memory written to a stream is copied below this size and referred to from it on.
inline constexpr std::size_t write_copy_max = 4 * kib;
/// Text of small frames that is kept together in one piece of an output queue.
inline constexpr std::size_t write_text_bytes = 64 * kib;
/// System calls of one socket's flush before the others have their turn.
inline constexpr std::size_t writes_per_flush = 4;
/// Memory that a frame which does not come as one piece takes at first, where it is taken as the frame arrives: beyond most
/// frames, and little enough for a frame that never comes.
inline constexpr std::size_t partial_frame_bytes_min = 16 * kib;

// -- identity of nodes ----

/// A node's certificate: renewed long before, and short enough that a lost one does not matter for ever.
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
/// A connection is given up when what was sent is not confirmed for so long, or when the peer's system does not answer:
/// idle time before the first probe, between two, and how many. The control log finds out sooner; this frees the sockets.
inline constexpr milliseconds link_unconfirmed_max{15'000};
inline constexpr seconds link_probe_after{10};
inline constexpr seconds link_probe_interval{5};
inline constexpr int link_probes = 3;
/// The same trouble with the same peer is logged once in this time, and counted in between; so many peers are told apart.
inline constexpr seconds link_log_interval{60};
inline constexpr std::size_t link_log_names_max = 256;
/// Encrypted for a socket in one go: one system call, and 16 records of TLS.
inline constexpr std::size_t tls_write_bytes = 256 * kib;
/// Ciphertext that one read takes in.
inline constexpr std::size_t tls_read_bytes = 64 * kib;
/// What a client or a joining node shows first.
inline constexpr std::size_t link_token_bytes_max = 1 * kib;
/// A request to join: a certificate request, names and an address.
inline constexpr std::size_t join_request_bytes_max = 16 * kib;
/// For a whole join, seen from the node that joins: a commit of the control log is in it.
inline constexpr seconds join_timeout{30};

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

} // namespace hearth::defaults
