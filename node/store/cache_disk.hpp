#pragma once

#include "node/store/cache_store.hpp"
#include "node/store/off_loop.hpp"

#include <memory>

namespace hearth::node {

/// The actor behind CACHE DISK.
using cache_door = cache_disk_actor::extend<
  // INTERNAL: the disk has done something.
  takes_completions,
  // INTERNAL: its timer; the store is tidied.
  caf::reacts_to<atom::report>>;

struct cache_disk_config {
  std::shared_ptr<cache_store> store; // its `find` may be used on the loop, all else on the writer's thread alone
  writer* disk = nullptr;             // outlives the actor
  std::function<void(const std::string&)>
    warn; // hears what goes wrong while nobody waits for an answer; on the writer's thread
};

/// Spawned by: the node, once. Monitors nobody: whoever asks may be gone when the answer comes.
/// Dies:       with the node; the writer finishes what it has taken.
cache_door::behavior_type cache_disk(cache_door::pointer self, cache_disk_config config);

} // namespace hearth::node
