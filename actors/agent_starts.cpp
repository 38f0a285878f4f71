#include "actors/agent.hpp"
#include "actors/replica.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

/// How orders for replicas become replicas: the part of the agent that deals with the node's capacity.
namespace hearth {

void agent_state::order(replica_order& order, const supervisor_actor& supervisor) {
  if (waiting_.is_full()) {
    replica::events no{replica::start_failed{
      order.id,
      {ec::start_failed, std::to_string(waiting_.size()) + " replicas wait for room on node " + config_.about.name
                           + " already. Ask for fewer with ReusePolicy(replicas=...), or for less with Resources."}}};
    self_->send(supervisor, atom::events::value, std::move(no));
    return;
  } else {
    waiting_.push(std::move(order), supervisor);
  }
  serve_orders();
}

void agent_state::promote(replica_id id) {
  waiting_.advance(id); // one that has started meanwhile needs nothing
  serve_orders();
}

void agent_state::withdraw(replica_id id) {
  if (waiting_.withdraw(id))
    return serve_orders(); // it may have kept others waiting
  if (const auto* started = replica_with(id)) {
    self_->send(started->handle, atom::retire::value, true, std::string("not needed any more"));
  } else if (const auto there = placed_.find(id); there != placed_.end()) {
    say(there->second.node, link::withdraw{id});
    forget_placed(id);
  } else if (in_cluster()) {
    stop_waiting_for_bundle(id);
  }
}

/// Starts what fits. Who has to wait is told once, and then others are asked for what they do not use.
void agent_state::serve_orders() {
  waiting_.serve(self_->clock().now(), [this](start_queue::entry& entry) { return admit(entry); });
  bool anybody_new = false;
  waiting_.tell([&](const start_queue::entry& entry, const std::string& resource) {
    anybody_new = true;
    replica::events told{replica::waiting{entry.order.id, resource}};
    self_->send(entry.supervisor, atom::events::value, std::move(told));
  });
  if (anybody_new)
    ask_for_room();
  if (!waiting_.empty() && !std::exchange(retries_, true))
    self_->delayed_send(self_, defaults::start_retry_interval, atom::retry::value);
  report_later();
}

void agent_state::retry() {
  retries_ = false;
  capacity_->look_elsewhere();
  ask_for_room(); // what was busy may be idle now
  serve_orders();
}

void agent_state::ask_for_room() {
  for (const auto& [key, supervisor] : supervisors_)
    if (waiting_.waits_beside(supervisor))
      self_->send(supervisor, atom::yield::value);
}

/// Starts it, or says what is lacking.
std::string agent_state::admit(start_queue::entry& entry) {
  if (in_cluster() && !entry.stays)
    return find_place(entry);
  return start_here(entry, entry.stays ? entry.order.for_nested : may_exceed(entry.order));
}

std::string agent_state::start_here(start_queue::entry& entry, bool alone) {
  auto lacking = reserve(entry.order, entry.supervisor, alone);
  if (lacking.empty())
    start(entry.order, entry.supervisor);
  return lacking;
}

std::string agent_state::reserve(replica_order& order, const supervisor_actor& supervisor, bool alone) {
  for (;;) { // each turn knows of one more GPU that another node has
    auto verdict = capacity_->reserve(order.id, demand_of(order.spec->resources), alone);
    if (auto* no = std::get_if<capacity::lacking>(&verdict))
      return std::move(no->resource);
    auto& yes = std::get<capacity::grant>(verdict);
    if (!claim(yes.gpus)) {
      capacity_->release(order.id);
      continue;
    }
    if (!yes.beyond.empty()) {
      replica::events told{replica::overcommitted{order.id, std::move(yes.beyond)}};
      self_->send(supervisor, atom::events::value, std::move(told));
    }
    order.gpus = std::move(yes.gpus);
    return {};
  }
}

/// Whether waiting might be for ever: the caller of a nested call keeps its own replica, and no replica of the pool could
/// run the call in a slot that is lent. A fresh replica lends none, and those of one run serve no other.
bool agent_state::may_exceed(const replica_order& order) const {
  if (!order.for_nested)
    return false;
  if (order.fresh || order.spec->reuse.is_of_run())
    return true;
  const auto is_it = [&](const environment_spec& spec) {
    return spec.version == order.spec->version && spec.key() == order.spec->key();
  };
  return std::none_of(replicas_.begin(), replicas_.end(), [&](const auto& r) { return is_it(*r.second.spec); })
         && std::none_of(placed_.begin(), placed_.end(),
                         [&](const auto& r) { return r.second.order.spec && is_it(*r.second.order.spec); })
         && std::none_of(awaited_.begin(), awaited_.end(), [&](const auto& a) {
              const auto& orders = a.second.orders;
              return std::any_of(orders.begin(), orders.end(), [&](const auto& o) { return is_it(*o.first.spec); });
            });
}

/// All of them, or none: the one that another node has is noted.
bool agent_state::claim(const std::vector<std::uint32_t>& gpus) {
  for (auto gpu = gpus.begin(); gpu != gpus.end(); ++gpu) {
    if (config_.claim_gpu(*gpu))
      continue;
    capacity_->is_elsewhere(*gpu);
    std::for_each(gpus.begin(), gpu, config_.return_gpu);
    return false;
  }
  return true;
}

void agent_state::release(replica_id id) {
  const auto gpus = capacity_->release(id);
  std::for_each(gpus.begin(), gpus.end(), config_.return_gpu);
}

void agent_state::start(replica_order order, const supervisor_actor& supervisor) {
  // While one of the version is here, so is its code.
  if (in_cluster() && config_.bundles && !order.spec->bundle.empty() && !is_here(*order.spec))
    return fetch(std::move(order), supervisor);
  launch(std::move(order), supervisor);
}

bool agent_state::is_here(const environment_spec& spec) const {
  return std::any_of(replicas_.begin(), replicas_.end(),
                     [&](const auto& r) { return r.second.spec->bundle == spec.bundle; });
}

void agent_state::launch(replica_order order, const supervisor_actor& supervisor) {
  auto handle = self_->spawn<caf::monitored>(
    [config = replica_config{order, supervisor, agent_actor(self_), config_.logs, load_}](
      replica_actor::stateful_pointer<replica_state> self) { return self->state.make_behavior(self, config); });
  owned_replica made{order.id, supervisor, order.spec, handle, order.fresh};
  if (in_cluster())
    find_owner(made);
  replicas_.emplace(handle.address(), std::move(made));
  addresses_[order.id] = handle.address();
  order.replica = handle;
  self_->send(config_.foundry, atom::start::value, std::move(order));
}

} // namespace hearth
