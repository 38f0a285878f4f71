#pragma once

#include "core/defaults.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

/// The numbers of the cache of results, with unit and reason.
namespace hearth::defaults {

/// A result up to this size lies in its entry and is read on the loop: copying it takes ten times what the look itself does. A
/// larger one is a file, which costs two syncs to write and a turn of the writer's thread to read.
inline constexpr std::uint64_t cache_inline_bytes_max = 64 * kib;
/// What an entry counts besides its record: its share of a page and of the free ones that LMDB keeps between them.
inline constexpr std::uint64_t cache_overhead_bytes = 128;
/// Entries of a node with their results, unless its operator says otherwise; what is worth least goes first.
inline constexpr std::uint64_t cache_bytes_max = 8 * gib;
/// The share of one project of which nothing is said, so that none can drive out all others.
inline constexpr double cache_project_share = 0.5;
/// Address space in multiples of the above, besides what the file has by then: deleting needs free pages, free ones lie
/// scattered, and large records need some that follow one another.
inline constexpr std::uint64_t cache_map_factor = 4;
inline constexpr std::uint64_t cache_map_bytes_min = 1 * gib;
/// The file grows by this much at a time: a full disk is met there, and not within a commit.
inline constexpr std::uint64_t cache_reserve_bytes = 4 * mib;
/// What one commit brings, besides a single larger entry: LMDB holds it in memory until then.
inline constexpr std::uint64_t cache_commit_bytes_max = 16 * mib;
/// Below this share of free room on its disk the cache does not grow, and gives back what lies in files.
inline constexpr double cache_free_share_min = 0.1;
/// So much is kept all the same: a disk that is always nearly full is no reason to have no cache.
inline constexpr std::uint64_t cache_bytes_min = 64 * mib;

/// When room has to be made, this share of what is allowed is made free: then the next ones do not wait for that again.
inline constexpr double cache_slack_share = 1.0 / 64;
/// What a record counts at most besides content, names and inputs, before it is made: digests, numbers, frame.
inline constexpr std::uint64_t cache_head_bytes = 256;
/// Entries removed by one commit: a few milliseconds of the writer's thread.
inline constexpr std::size_t cache_removed_at_once = 1000;
/// Entries that are looked at for each that is evicted. Redis takes 5 and finds 10 close to choosing among all.
inline constexpr std::size_t cache_candidates = 8;
/// Entries that are looked at for their expiry each time the cache is tidied: a millisecond; of a million all are looked at
/// within half a minute.
inline constexpr std::size_t cache_expiry_looks = 40'000;
/// How often people are told that results were refused; under load every second one may be.
inline constexpr seconds cache_refusal_interval{60};
/// How often it is tidied.
inline constexpr seconds cache_tidy_interval{1};

/// How long other nodes are waited for when people ask what is kept nearest to a key: a look at a million entries takes a
/// second or two, on a busy machine more.
inline constexpr seconds cache_nearest_wait{10};

/// Keys of which uses are noted between two turns of the writer; uses of others are not counted then.
inline constexpr std::size_t cache_uses_noted_max = 16 * 1024;
/// Likewise keys of damaged entries; others are found damaged again.
inline constexpr std::size_t cache_damage_noted_max = 1024;
/// Evicted keys that are remembered (8 bytes each), for those who look for them, and so that they are not fetched from other
/// nodes: a later one takes an earlier one's place.
inline constexpr std::size_t cache_evicted_kept = 64 * 1024;
/// Projects whose figures are kept although they have no entries any more.
inline constexpr std::size_t cache_projects_kept = 1000;
/// A larger value is not compared with a second one: looking at both takes some milliseconds of the loop.
inline constexpr std::uint64_t cache_audit_bytes_max = 16 * mib;
/// Versions of tasks of which a node counts what came of repetitions.
inline constexpr std::size_t cache_audited_max = 1000;
/// Hits of one environment that execute once more at the same time: they take slots like any call, so they are few.
inline constexpr std::size_t front_repetitions_max = 4;
/// How long a node that should not have an entry answers with its copy of it: one that was away when the entry was replaced has
/// the former one no longer than that, and a hot key is fetched once a minute.
inline constexpr seconds cache_near_time{60};
/// An audit ends so long after whoever ordered it was heard last.
inline constexpr seconds cache_audit_lease{5};

/// How often whoever has leave to execute is asked whether it does, while others wait: what was lost with a link holds them up
/// no longer than that, and it is one question to a node.
inline constexpr milliseconds cache_leave_interval{500};
/// An archive is written and read in parts of about this size.
inline constexpr std::uint64_t cache_archive_part_bytes = 4 * mib;
/// Parts into which keys fall, each with holders of its own, and by which nodes compare what they hold: a differing one of a
/// million entries has 250 keys, and ten nodes have shares that differ by a tenth.
inline constexpr std::size_t cache_buckets = 4096;

// -- mending ----

/// How often a node compares its buckets with those of the others: an entry that is missing can be had elsewhere meanwhile, and
/// the digests of all buckets are 32 KiB from each of them.
inline constexpr seconds cache_compare_interval{10};
/// Likewise when the node has got its seat, others have come or gone, or something was brought: links are there by then, and a
/// node that was away long has what it should have soon.
inline constexpr seconds cache_compare_soon{1};
/// How long another node has for an answer to that: nobody waits for it.
inline constexpr seconds cache_compare_patience{10};
/// Buckets whose keys are compared at once: of a million entries 16,000 keys, 2 MB.
inline constexpr std::size_t cache_compare_buckets = 64;
/// Keys that are told at once, whole buckets of them.
inline constexpr std::size_t cache_marks_max = 32 * 1024;
/// Entries that are fetched at once: so many, or so many bytes and the one that goes beyond. They are some milliseconds of the
/// writer's thread, which others need too; so is the pause between.
inline constexpr std::size_t cache_mend_batch = 1000;
inline constexpr std::uint64_t cache_mend_bytes = 1 * mib;
inline constexpr milliseconds cache_mend_pause{20};
/// What is younger is on its way to all of its holders anyhow.
inline constexpr seconds cache_mend_age_min{5};
/// Nothing is fetched into a store, or a project, that is fuller than this share of what it may be. Eviction stops at more than
/// that: so what it has removed is not fetched again, to be removed again.
inline constexpr double cache_mend_share = 0.9;
/// How often some entries are read in case one is damaged or outdated that nobody asks for ...
inline constexpr seconds cache_look_interval{1};
/// ... buckets of so many entries or bytes each time: a few milliseconds of the writer's thread; a full cache takes hours.
inline constexpr std::size_t cache_look_entries = 2000;
inline constexpr std::uint64_t cache_look_bytes = 1 * mib;
/// Of a value that is larger only its file is looked at: reading it would keep others waiting for a second.
inline constexpr std::uint64_t cache_look_value_bytes_max = 32 * mib;
/// From the last bucket to the first one again.
inline constexpr seconds cache_look_rest{60};

} // namespace hearth::defaults
