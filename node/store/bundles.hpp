#pragma once

#include "node/store/bundle_store.hpp"
#include "node/store/off_loop.hpp"

#include <memory>

namespace hearth::node {

/// The actor behind BUNDLES. A process that was started in an opened tree keeps it from being removed:
using bundle_door = bundles_actor::extend<
  // The process is gone; once for each `open` that was answered.
  caf::reacts_to<atom::forget, std::string>,
  // INTERNAL: the disk has done something.
  takes_completions>;

struct bundles_config {
  std::shared_ptr<bundle_store> store; // used on the writer's thread alone
  writer* disk = nullptr;              // outlives the actor
};

/// Spawned by: the node, once.
/// Dies:       with the node.
bundle_door::behavior_type bundles(bundle_door::pointer self, bundles_config config);

} // namespace hearth::node
