#pragma once

#include "actors/app_rows.hpp"

#include <string>
#include <string_view>

namespace hearth {

/// Where an app stands, in the words of Flyte.
struct app_status {
  std::string_view status; // ACTIVE, SCALING_UP, SCALING_DOWN, DEPLOYING, PENDING, FAILED, STOPPED
  std::string_view
    sub_status;    // RUNNING, SCALED_TO_ZERO, SCALING_FROM_ZERO, SCALING_UP, SCALING_DOWN, INITIALIZING, CRASH_LOOP,
                   // OOM_KILLED; empty: nothing more is to be said
  std::string why; // a sentence, where the words do not say it all
};

/// Follows from what the app is to be, and from its replicas as their owner knows them. Pure.
app_status status_of(const app_row& app);

} // namespace hearth
