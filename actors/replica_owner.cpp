#include "actors/replica.hpp"

/// The owner of a replica: that it changes, and that it ends.
namespace hearth {

/// What runs is the former owner's until it has ended: results go straight to the callers anyway, and the new one knows
/// nothing of it. One that serves a single call, or is on its way out, stays whose it is.
bool replica_state::change_owner(const supervisor_actor& to) {
  if (draining_ || config_.order.fresh || config_.supervisor == to)
    return false;
  if (is_handed_over_) // the one in between has never heard of it
    self_->demonitor(config_.supervisor.address());
  else
    former_ = config_.supervisor;
  is_handed_over_ = true;
  config_.supervisor = to;
  self_->monitor(to);
  announce_if_idle();
  return !is_handed_over_;
}

void replica_state::announce_if_idle() {
  if (!is_handed_over_ || !ready_ || in_use_ > 0 || draining_)
    return;
  is_handed_over_ = false;
  if (former_) {
    replica::events last{replica::lost{config_.order.id, {ec::stale_epoch, "Another owner has it now."}, {}, {}}};
    self_->send(former_, atom::events::value, std::move(last));
    self_->demonitor(former_.address());
    former_ = supervisor_actor{};
  }
  self_->send(config_.supervisor, atom::adopt::value, std::vector<adoptable>{announcement()}, false);
}

adoptable replica_state::announcement() const {
  return {config_.order.id, self_->ctrl(), config_.order.spec->version, config_.order.concurrency, how_, pid_, start_};
}

void replica_state::supervisor_down(const caf::actor_addr& which) {
  if (former_
      && which == former_.address()) { // what it left here goes on, and its results reach those who wait for them
    former_ = supervisor_actor{};
    return;
  }
  if (runs_stop_hooks())
    return;
  if (door_)
    self_->send(door_, atom::halt::value, true, ec::interpreter_lost, std::string("its supervisor ended"));
  quit();
}

void replica_state::count_load(std::int64_t by) {
  if (config_.load)
    *config_.load += static_cast<std::uint64_t>(by);
}

} // namespace hearth
