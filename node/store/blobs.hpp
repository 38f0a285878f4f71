#pragma once

#include "actors/stores.hpp"
#include "node/store/blob_store.hpp"
#include "node/store/off_loop.hpp"

#include <memory>

namespace hearth::node {

/// The actor behind BLOBS.
using blob_door = blobs_actor::extend<
  // INTERNAL: the disk has done something.
  takes_completions>;

struct blobs_config {
  std::shared_ptr<blob_store> store; // used on the writer's thread alone
  writer* disk = nullptr;            // outlives the actor
  blob_store::report warn;           // hears what goes wrong while nobody waits for an answer; on the writer's thread
};

/// Spawned by: the node, once. Monitors nobody: whoever asks may be gone when the answer comes.
/// Dies:       with the node; the writer finishes what it has taken.
blob_door::behavior_type blobs(blob_door::pointer self, blobs_config config);

} // namespace hearth::node
