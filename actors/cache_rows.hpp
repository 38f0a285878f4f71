#pragma once

#include "actors/cache_entry.hpp"

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What people ask about kept results, and what they are told, as plain values.
namespace hearth {

/// Which entries are meant: all of a scope's beginning. Empty fields match everything.
struct cache_filter {
  std::string project, domain, task, version;
  std::vector<cache_key> keys{}; // only these, when there are any
  std::string id{};              // the beginning of an entry's id

  /// Whether entries of this scope may be meant.
  bool names(const cache_scope& scope) const {
    const auto fits = [](const std::string& wanted, const std::string& is) { return wanted.empty() || wanted == is; };
    return fits(project, scope.project) && fits(domain, scope.domain) && fits(task, scope.task)
           && fits(version, scope.version);
  }

  bool is_empty() const {
    return project.empty() && domain.empty() && task.empty() && version.empty() && keys.empty() && id.empty();
  }
};

/// An entry for people, without its content, with its scope.
struct cache_row {
  cache_scope scope;
  cache_entry entry;
  std::uint64_t hits = 0; // on this node
  std::string node{};     // that told it
};

/// In how many parts two keys of a task differ: project, domain, version, signature, and each input that one of them has.
struct key_distance {
  std::size_t parts = 0;
  std::size_t inputs = 0; // of those parts; of two keys as far away, the one with the same inputs explains more

  friend auto operator<=>(const key_distance&, const key_distance&) = default;
};

/// Pure.
key_distance distance(const cache_scope& scope, const cache_entry& entry, const cache_row& other);

/// Which entries people want to see.
struct cache_listing {
  cache_filter which;
  std::uint32_t rows_max = 0;
  std::optional<cache_row> near{}; // a key, to which those come first that differ least; none: the newest come first
};

/// Of a node, or of one project: what is kept, and what became of it since the node started.
struct cache_figures {
  std::string project; // empty: of all
  std::uint64_t entries = 0, bytes = 0, bytes_max = 0;
  std::uint64_t hits = 0;
  std::uint64_t evicted = 0, expired = 0, damaged = 0;
  std::uint64_t refused = 0;  // not kept, for lack of room or by a disk error
  std::uint64_t outdated = 0; // removed because they were invalidated
  std::uint64_t mended = 0;   // were missing or worse here, and came from another node that had them
};

/// What a node has counted since it started.
struct cache_counts {
  std::uint64_t hits = 0, misses = 0, populated = 0, lookup_failures = 0, put_failures = 0, skipped = 0, waited = 0;
  std::uint64_t saved_us = 0; // executions that hits stood for
};

struct cache_report {
  std::string node;
  cache_counts counts;
  std::vector<cache_figures> figures;
};

/// What a look at all entries found.
struct cache_check {
  std::uint64_t entries = 0, bytes = 0;
  std::uint64_t damaged = 0; // of those; they are removed
  std::string node{};
};

/// That a share of the hits execute once more, beside answering them.
struct cache_audit_order {
  cache_filter which;            // by scope
  std::uint64_t per_million = 0; // of the hits; 0: none
};

/// What came of an execution whose result was kept already.
enum class repetition : std::uint8_t { same, different, failed };

/// What came of all those of one version of a task.
struct cache_audit_row {
  std::string project, domain, task, version;
  std::uint64_t same = 0, different = 0, failed = 0;
  std::string example; // who had made a result that came out different
};

/// What a project may have on each node, and for how long.
struct cache_limit_row {
  std::string project;
  std::uint64_t bytes_max = 0;      // 0: what projects have of which nothing is said
  std::chrono::milliseconds ttl{0}; // 0: any time
};

/// What was written to an archive, or read from one.
struct cache_moved {
  std::uint64_t entries = 0;
  std::uint64_t refused = 0; // by the disk, or because they were not whole
  std::uint64_t next = 0;    // of a part: where the next one begins
  bool is_last = false;      // of a part
};

} // namespace hearth
