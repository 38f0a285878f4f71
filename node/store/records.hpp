#pragma once

#include "actors/stores.hpp"
#include "node/store/blob_store.hpp"
#include "node/store/off_loop.hpp"
#include "node/store/record_store.hpp"

#include <memory>

namespace hearth::node {

/// The actor behind RECORDS.
using record_door = records_actor::extend<
  // INTERNAL: the disk has done something.
  takes_completions>;

struct records_config {
  // Both are used on the writer's thread alone.
  std::shared_ptr<record_store> store;
  std::shared_ptr<blob_store> blobs; // for values that are too large for a record
  writer* disk = nullptr;            // outlives the actor
  record_store::report warn;         // hears what goes wrong while nobody waits for an answer; on the writer's thread
};

/// Spawned by: the node, once. Monitors nobody: whoever asks may be gone when the answer comes.
/// Dies:       with the node; the writer finishes what it has taken.
record_door::behavior_type records(record_door::pointer self, records_config config);

} // namespace hearth::node
