#include "actors/app_status.hpp"

namespace hearth {

namespace {

app_status stopped(const app_facts& facts) {
  if (facts.all + facts.starting + facts.ending > 0)
    return {"SCALING_DOWN", "SCALING_DOWN",
            "It is deactivated, and its replicas end when they have answered what they have."};
  return {"STOPPED", "", "It is deactivated: requests are refused until it is activated."};
}

app_status failed(const app_facts& facts) {
  auto why = facts.message;
  if (facts.retry_ms > 0)
    why += (why.empty() ? "" : " ") + std::string("It is tried again in ")
           + std::to_string((facts.retry_ms + 999) / 1000) + " s at the earliest.";
  return {"FAILED", facts.failure == "out_of_memory" ? "OOM_KILLED" : "CRASH_LOOP", std::move(why)};
}

/// No replica of the version that is deployed serves.
app_status without_replica(const app_facts& facts) {
  const bool others_serve = facts.all > facts.ready;
  if (facts.starting > 0 && !facts.waiting.empty())
    return {"PENDING", "INITIALIZING", "It " + facts.waiting + '.'};
  if (facts.starting > 0)
    return others_serve ? app_status{"DEPLOYING", "INITIALIZING", "Another version serves until this one can."}
                        : app_status{"SCALING_UP", "SCALING_FROM_ZERO", {}};
  if (facts.ending > 0)
    return {"SCALING_DOWN", "SCALING_DOWN", {}};
  if (facts.min_replicas == 0)
    return {"ACTIVE", "SCALED_TO_ZERO", "The next request starts a replica, and waits for it."};
  return {"PENDING", "INITIALIZING", "No node has begun to start its replicas yet."};
}

} // namespace

app_status status_of(const app_facts& facts) {
  if (!facts.is_active)
    return stopped(facts);
  if (facts.ready == 0)
    return facts.failure.empty() ? without_replica(facts) : failed(facts);
  const auto waits = facts.waiting.empty() ? std::string{} : "It " + facts.waiting + '.';
  if (facts.starting > 0)
    return {"SCALING_UP", "SCALING_UP", waits};
  if (facts.all > facts.ready)
    return {"DEPLOYING", "RUNNING", "Replicas of another version answer what they have."};
  if (facts.ending > 0)
    return {"SCALING_DOWN", "SCALING_DOWN", {}};
  return {"ACTIVE", "RUNNING", {}};
}

} // namespace hearth
