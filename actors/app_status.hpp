#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

/// What the status of an app follows from: what it is to be, and its replicas as their owner knows them.
struct app_facts {
  bool is_active = true;
  std::uint32_t min_replicas = 0;
  // Of the version that is deployed; of all versions; and of all those that have been told to end.
  std::uint32_t ready = 0, starting = 0, all = 0, ending = 0;
  std::string failure; // name of the code, while its last replica did not come to serve; empty: it did
  std::string message; // of that failure
  std::uint64_t retry_ms = 0;
  std::string waiting; // "wants 5, has 3, waiting for memory"; empty: nothing waits
};

/// Where an app stands, in the words of Flyte.
struct app_status {
  std::string_view status; // ACTIVE, SCALING_UP, SCALING_DOWN, DEPLOYING, PENDING, FAILED, STOPPED
  std::string_view
    sub_status;    // RUNNING, SCALED_TO_ZERO, SCALING_FROM_ZERO, SCALING_UP, SCALING_DOWN, INITIALIZING, CRASH_LOOP,
                   // OOM_KILLED; empty: nothing more is to be said
  std::string why; // a sentence, where the words do not say it all
};

/// Pure.
app_status status_of(const app_facts& facts);

} // namespace hearth
