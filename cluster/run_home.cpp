#include "cluster/run_home.hpp"

namespace hearth::cluster {

namespace {

bool mutated(std::uint32_t mutations, home_mutation which) {
  return (mutations & static_cast<std::uint32_t>(which)) != 0;
}

} // namespace

run_turn turn_of(const run_sight& now, const std::optional<run_hold>& here) {
  run_turn what;
  what.drops = here && (now.ended || !now.is_ours || here->attempt != now.attempt);
  const bool goes_on = here && !what.drops;
  what.begins = !now.ended && now.is_ours && !goes_on;
  what.aborts = goes_on && now.is_to_end && !here->is_to_end;
  return what;
}

run_need need_of(const run_readiness& what, std::uint32_t mutations) {
  if (!what.has_arguments)
    return run_need::arguments;
  if (!what.has_environment)
    return run_need::environment;
  if (what.lost == 0 && !what.is_claimed && !mutated(mutations, home_mutation::start_before_claim))
    return run_need::claim;
  return run_need::nothing;
}

bool passes(ec code) {
  switch (code) {
    case ec::no_quorum:
    case ec::undecided:
    case ec::overloaded:
    case ec::queue_full:
    case ec::node_lost:
    case ec::stale_epoch:
    case ec::storage_failed:
    case ec::shutting_down:
    case ec::internal_error: // a part of the node did not answer in time
      return true;
    default:
      return false;
  }
}

run_verdict verdict_of(ec code, std::uint32_t mutations) {
  if (code == ec::none)
    return run_verdict::holds;
  // The log fences with this one: another attempt has taken the place of who asked.
  if (!passes(code) || code == ec::stale_epoch || mutated(mutations, home_mutation::forgets_undecided))
    return run_verdict::over;
  return run_verdict::later;
}

ec after_loss(std::uint32_t allowed, std::uint32_t losses, std::uint32_t mutations) {
  if (allowed == 0)
    return mutated(mutations, home_mutation::lost_zero_starts_again) ? ec::none : ec::maybe_executed;
  return losses > allowed ? ec::node_lost : ec::none;
}

bool replays(std::uint32_t attempt, bool was_made_before, bool has_record_before, std::uint32_t mutations) {
  return (attempt > 1 || was_made_before || has_record_before) && !mutated(mutations, home_mutation::never_replays);
}

} // namespace hearth::cluster
