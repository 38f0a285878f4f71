#include "actors/app_status.hpp"

namespace hearth {

namespace {

app_status stopped(const app_row& app) {
  if (app.replicas + app.starting + app.draining > 0)
    return {"SCALING_DOWN", "SCALING_DOWN",
            "It is deactivated, and its replicas end when they have answered what they have."};
  return {"STOPPED", "", "It is deactivated: requests are refused until it is activated."};
}

app_status failed(const app_row& app) {
  auto why = app.message;
  if (app.retry_ms > 0) {
    if (!why.empty())
      why += why.ends_with('.') ? " " : ". "; // it may end in what a program wrote
    why += "No replica is started for the next " + std::to_string((app.retry_ms + 999) / 1000) + " s.";
  }
  const std::string_view sub = app.failure == "out_of_memory"  ? "OOM_KILLED"
                               : app.failure == "does_not_fit" ? "" // it has not been started
                                                               : "CRASH_LOOP";
  return {"FAILED", sub, std::move(why)};
}

std::string waits(const app_row& app) { return app.waiting_for.empty() ? "" : "It " + app.waiting_for + '.'; }

/// No replica of the version that is deployed serves, and none has failed.
app_status without_replica(const app_row& app) {
  if (app.starting > 0 && !app.waiting_for.empty())
    return {"PENDING", "INITIALIZING", waits(app)};
  if (app.starting > 0 && app.replicas > 0)
    return {"DEPLOYING", "INITIALIZING", "Another version answers what it has until this one serves."};
  if (app.starting > 0)
    return {"SCALING_UP", "SCALING_FROM_ZERO", {}};
  if (app.draining > 0)
    return {"SCALING_DOWN", "SCALING_DOWN", {}};
  if (app.min_replicas == 0)
    return {"ACTIVE", "SCALED_TO_ZERO", "The next request starts a replica, and waits for it."};
  return {"PENDING", "INITIALIZING", "No node has begun to start its replicas yet."};
}

} // namespace

app_status status_of(const app_row& app) {
  if (app.state == "inactive")
    return stopped(app);
  if (app.state == "importing")
    return {"DEPLOYING", "INITIALIZING", "Its code is imported, to know that it can be."};
  if (app.serving == 0)
    return app.failure.empty() ? without_replica(app) : failed(app);
  if (app.starting > 0)
    return {"SCALING_UP", "SCALING_UP", waits(app)};
  if (app.replicas > app.serving)
    return {"DEPLOYING", "RUNNING", "Replicas of another version answer what they have."};
  if (app.draining > 0)
    return {"SCALING_DOWN", "SCALING_DOWN", {}};
  return {"ACTIVE", "RUNNING", {}};
}

} // namespace hearth
