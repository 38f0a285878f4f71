#pragma once

#include "actors/cache_bounds.hpp"
#include "actors/cache_rows.hpp"
#include "actors/stores.hpp"

#include <optional>
#include <string>
#include <vector>

/// The doors to the entries on the disk of a node; implemented in `node/`, faked under test.
namespace hearth {

namespace atom {
using save = caf::atom_constant<caf::atom("save")>;
using load = caf::atom_constant<caf::atom("load")>;
} // namespace atom

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

  /// Counts uses of an entry that is here now, and was given out by others while it came here.
  virtual void used(const cache_key& key, std::uint32_t times) noexcept = 0;
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
  // Writes what is kept into an archive, from this part of it on; 0: a new archive. It is there when the last one is done.
  caf::replies_to<atom::save, std::string, std::uint64_t>::with<cache_moved>,
  // Keeps what is in an archive from here on (0: its beginning), with this generation.
  caf::replies_to<atom::load, std::string, std::uint64_t, std::uint64_t>::with<cache_moved>,
  // Of all, then of each project.
  caf::replies_to<atom::status>::with<std::vector<cache_figures>>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_entry>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_scope>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_figures>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_filter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_listing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_bounds)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_check)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_moved)
