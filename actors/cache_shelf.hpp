#pragma once

#include "actors/cache_entry.hpp"
#include "actors/stores.hpp"

#include <optional>
#include <string>
#include <vector>

/// The doors to the entries on the disk of a node; implemented in `node/`, faked under test.
namespace hearth {

/// What a look at the shelf found.
struct shelved {
  cache_entry entry;         // with its content, unless `is_elsewhere`
  bool is_elsewhere = false; // the content is too large to be read on a loop: ask the CACHE DISK for it
};

/// The entries of this node, to be read on the loop: some microseconds, and no wait for a disk beyond what the system has
/// not in memory. Every read checks what it found; what is damaged, expired or another key's is not there, and counted.
/// Never throws. Loop thread only.
class cache_shelf {
public:
  virtual ~cache_shelf() = default;

  /// The entry, if it is here; counts as a use. `unix_ms`: now, for those that expire.
  virtual std::optional<shelved> find(const cache_key& key, std::uint64_t unix_ms) = 0;
};

/// Of a node, or of one project: what is kept, and what became of it since the node started.
struct cache_figures {
  std::string project; // empty: of all
  std::uint64_t entries = 0, bytes = 0, bytes_max = 0;
  std::uint64_t evicted = 0, expired = 0, damaged = 0,
                refused = 0; // refused: not kept, for lack of room or by a disk error
};

/// Which entries are meant: all of a scope's beginning. Empty fields match everything.
struct cache_filter {
  std::string project, domain, task, version;
  std::vector<cache_key> keys; // only these, when there are any
};

/// An entry for people, without its content, with its scope.
struct cache_row {
  cache_scope scope;
  cache_entry entry;
  std::uint64_t hits = 0; // on this node
};

/// CACHE DISK is the door to everything about entries that may wait for a disk.
using cache_disk_actor = caf::typed_actor<
  // Keeps these, with the scopes that they name; true: durable as far as a cache is, and room was found. One that is there
  // already with the same generation and value stays.
  caf::replies_to<atom::store, std::vector<cache_entry>, std::vector<cache_scope>>::with<bool>,
  // The content of an entry that is elsewhere; error gone when it is not there, or damaged.
  caf::replies_to<atom::read, cache_key>::with<payload>,
  // Entries that match, the newest first, at most so many.
  caf::replies_to<atom::list, cache_filter, std::uint32_t>::with<std::vector<cache_row>>,
  // Removes what matches; how many there were.
  caf::replies_to<atom::forget, cache_filter>::with<std::uint64_t>,
  // Reads everything, and removes what is damaged; how many there were. Others wait until it is done.
  caf::replies_to<atom::check>::with<std::uint64_t>,
  // Of all, then of each project.
  caf::replies_to<atom::status>::with<std::vector<cache_figures>>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_entry>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_scope>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_figures>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_filter)
