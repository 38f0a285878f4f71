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
/// Entries of a node with their results; what is worth least goes first.
inline constexpr std::uint64_t cache_bytes_max = 8 * gib;
/// Likewise of one project, so that none can drive out all others.
inline constexpr std::uint64_t cache_project_bytes_max = 4 * gib;
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

/// Keys of which uses are noted between two turns of the writer; uses of others are not counted then.
inline constexpr std::size_t cache_uses_noted_max = 16 * 1024;
/// Likewise keys of damaged entries; others are found damaged again.
inline constexpr std::size_t cache_damage_noted_max = 1024;
/// Evicted keys that are remembered (8 bytes each), so that repair does not bring them back: a later one takes an earlier
/// one's place.
inline constexpr std::size_t cache_evicted_kept = 64 * 1024;
/// Projects whose figures are kept although they have no entries any more.
inline constexpr std::size_t cache_projects_kept = 1000;
/// How often whoever has leave to execute is asked whether it does, while others wait: what was lost with a link holds them up
/// no longer than that, and it is one question to a node.
inline constexpr milliseconds cache_leave_interval{500};
/// An archive is written and read in parts of about this size.
inline constexpr std::uint64_t cache_archive_part_bytes = 4 * mib;
/// Parts into which keys fall for comparing the stores of two nodes: a differing one of a million entries has 250 keys.
inline constexpr std::size_t cache_buckets = 4096;

} // namespace hearth::defaults
