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

// -- sandboxes ----

/// Files in memory that a sandbox has for itself, in /tmp and in its home: bounded, because nobody watches them as memory.
/// What needs more room belongs on a disk, by mounts=.
inline constexpr std::size_t sandbox_tmp_bytes_max = 1 * gib;
/// Its shared memory (/dev/shm), through which libraries pass arrays between processes; likewise.
inline constexpr std::size_t sandbox_shm_bytes_max = 1 * gib;
/// The empty folder over files of the node: the least that holds the folders of what is shown inside.
inline constexpr std::size_t sandbox_cover_bytes = 4 * kib;

// -- checks ----

/// Environments of one program that is checked: an interpreter is started for each.
inline constexpr std::size_t inspected_environments_max = 100;
/// Checks that wait for others; each takes a second or so.
inline constexpr std::size_t inspections_waiting_max = 16;
/// For an interpreter to find modules and paths; on a cold or distant disk.
inline constexpr seconds inspection_timeout{20};
/// What it prints: a line for each module and path.
inline constexpr std::size_t sighting_bytes_max = 1 * mib;

/// Bytes of a reply in parts on their way from an interpreter to a caller that has not taken them: a round trip at the speed of
/// a socket, and little enough to hold for each of many slow readers.
/// Likewise of the input of a call that an interpreter has asked for.
inline constexpr std::size_t reply_window_bytes = 256 * kib;

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
/// Seconds of requests that `Scaling.RequestRate` looks at: Knative's window for quick growth. Shorter ones take a burst for a
/// rate, and with longer ones a real rise waits.
inline constexpr std::int64_t rate_seconds = 6;
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
/// Ended runs of which the actions are kept; the newest.
inline constexpr std::size_t runs_kept = 1000;
/// Actions kept per run; beyond it only counted.
inline constexpr std::size_t run_actions_kept = 10'000;
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
/// Environments of which it knows how often what has happened, a few hundred bytes each; of those beyond it begins anew.
inline constexpr std::size_t journal_counts_max = 1000;
/// Of what somebody else said, in an entry: enough for the first lines of a traceback.
inline constexpr std::size_t journal_detail_bytes_max = 1 * kib;
/// Rows of a listing when the asker names no limit.
inline constexpr std::uint32_t rows_max = 1000;

// -- loop ----

/// How long a loop looks at its sockets before it sleeps, while single short calls come and go: as long as such a call takes
/// on another node when each wake-up of its way is one of a sleeping core. And how many of them in a row, each soon after the
/// last, tell that this pays.
inline constexpr microseconds idle_poll_time{250};
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
/// Read from one socket, or written to it, before the others have their turn: some ten microseconds.
inline constexpr std::size_t turn_bytes = 256 * kib;
/// Memory written to a stream is copied below this size and referred to from it on.
inline constexpr std::size_t write_copy_max = 4 * kib;
/// Text of small frames that is kept together in one piece of an output queue.
inline constexpr std::size_t write_text_bytes = 64 * kib;
/// Memory that a frame which does not come as one piece takes at first, where it is taken as the frame arrives: beyond most
/// frames, and little enough for a frame that never comes.
inline constexpr std::size_t partial_frame_bytes_min = 16 * kib;

} // namespace hearth::defaults

#include "core/defaults_cluster.hpp"
