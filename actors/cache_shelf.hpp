#pragma once

#include "actors/cache_bounds.hpp"
#include "actors/cache_rows.hpp"
#include "actors/stores.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The doors to the entries on the disk of a node; implemented in `node/`, faked under test.
namespace hearth {

namespace atom {
using save = caf::atom_constant<caf::atom("save")>;
using load = caf::atom_constant<caf::atom("load")>;
using sum = caf::atom_constant<caf::atom("sum")>;
using mark = caf::atom_constant<caf::atom("mark")>;
using mend = caf::atom_constant<caf::atom("mend")>;
using look = caf::atom_constant<caf::atom("look")>;
using limit = caf::atom_constant<caf::atom("limit")>;
} // namespace atom

/// What a look at the shelf found.
struct shelved {
  cache_entry entry;         // with its content, unless `is_elsewhere`
  bool is_elsewhere = false; // the content is too large to be read on a loop: ask the CACHE DISK for it
};

/// What of an entry two nodes compare.
struct cache_mark {
  cache_key key;
  std::uint64_t generation = 0, overwrite = 0;
  digest value;
  std::uint64_t created_unix_ms = 0;

  bool operator==(const cache_mark&) const = default;
};

/// A store as another node compares it with its own: of each bucket a digest over its entries. What has expired may count.
struct cache_sums {
  std::vector<std::uint64_t> buckets;
  bool has_room = false; // for what the other one has
};

/// Entries with their contents, for another node.
struct cache_parcel {
  std::vector<cache_row> rows;
  std::uint64_t looked_up = 0; // so many of the keys that were asked for; the others were too much at once
};

/// Where a look at all entries, for those that are damaged or outdated, goes on.
struct cache_look {
  std::uint32_t bucket = 0;
  std::shared_ptr<const cache_bounds::generations> bounds;
};

/// The entries of this node, to be read on the loop: some microseconds, and no wait for a disk beyond what the system has
/// not in memory. Every read checks what it found; what is damaged, expired or another key's is not there, and counted.
/// Never throws. Loop thread only.
class cache_shelf {
public:
  virtual ~cache_shelf() = default;

  /// The entry, if it is here; counts as a use. `unix_ms`: now, for those that expire.
  virtual std::optional<shelved> find(const cache_key& key, std::uint64_t unix_ms) = 0;

  /// Counts uses of an entry that is here now, and was given out by others while it came here.
  virtual void used(const cache_key& key, std::uint32_t times) noexcept = 0;

  /// Whether this key had to go, or could not come, for lack of room, not long ago. Rarely yes where it did not.
  virtual bool was_evicted(const cache_key& key) const noexcept = 0;
};

/// CACHE DISK is the door to everything about entries that may wait for a disk.
using cache_disk_actor = caf::typed_actor<
  // Keeps these, with the scopes that they name; true: durable as far as a cache is, and room was found. One that is there
  // already with the same generation and value stays.
  caf::replies_to<atom::store, std::vector<cache_entry>, std::vector<cache_scope>>::with<bool>,
  // The content of an entry that is elsewhere; error gone when it is not there, or damaged.
  caf::replies_to<atom::read, cache_key>::with<payload>,
  // Entries of a listing that may be served.
  caf::replies_to<atom::list, cache_listing, cache_bounds>::with<std::vector<cache_row>>,
  // Removes what matches; how many there were.
  caf::replies_to<atom::forget, cache_filter>::with<std::uint64_t>,
  // Reads everything, and removes what is damaged. Others wait until it is done.
  caf::replies_to<atom::check>::with<cache_check>,
  // Writes what is kept and may be served into an archive, from this part of it on; 0: a new archive. It is there when the last
  // one is done.
  caf::replies_to<atom::save, std::string, std::uint64_t, cache_bounds>::with<cache_moved>,
  // Keeps what is in an archive from here on (0: its beginning), with this generation.
  caf::replies_to<atom::load, std::string, std::uint64_t, std::uint64_t>::with<cache_moved>,
  // Of all, then of each project.
  caf::replies_to<atom::status>::with<std::vector<cache_figures>>,
  // What projects may have from now on; it holds within a second.
  caf::reacts_to<atom::limit, std::shared_ptr<const cache_bounds::limits>>,
  // For comparing with another node: all buckets; what is in these (as many as fit into one answer), in their order.
  caf::replies_to<atom::sum>::with<cache_sums>,
  caf::replies_to<atom::mark, std::vector<std::uint32_t>>::with<std::vector<cache_mark>>,
  // Those of the first of these keys that are here and whole, with their contents.
  caf::replies_to<atom::read, std::vector<cache_key>>::with<cache_parcel>,
  // Keeps those of these, which another node had, for which nothing has to go; how many were missing, or worse.
  caf::replies_to<atom::mend, std::vector<cache_row>>::with<std::uint64_t>,
  // Reads some buckets, and removes what is damaged or outdated; the next bucket, 0 when that was the last one.
  caf::replies_to<atom::look, cache_look>::with<std::uint32_t>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_key>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const hearth::cache_bounds::limits>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_sums)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_mark>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_parcel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_look)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_entry>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_scope>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_figures>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_filter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_listing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_bounds)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_check)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_moved)
