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
  const auto started = std::find_if(replicas_.begin(), replicas_.end(), [id](auto& r) { return r.second.id == id; });
  if (started != replicas_.end())
    if (const auto handle = caf::actor_cast<replica_actor>(started->first))
      self_->send(handle, atom::retire::value, true, std::string("not needed any more"));
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
  auto lacking = reserve(entry.order, entry.supervisor);
  if (lacking.empty())
    start(entry.order, entry.supervisor);
  return lacking;
}

std::string agent_state::reserve(replica_order& order, const supervisor_actor& supervisor) {
  for (;;) { // each turn knows of one more GPU that another node has
    auto verdict = capacity_->reserve(order.id, demand_of(order.spec->resources), may_exceed(order));
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
  return std::none_of(replicas_.begin(), replicas_.end(), [&](const auto& r) {
    return r.second.spec->version == order.spec->version && r.second.spec->key() == order.spec->key();
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
  auto handle = self_->spawn<caf::monitored>(
    [config = replica_config{order, supervisor, agent_actor(self_), config_.logs}](
      replica_actor::stateful_pointer<replica_state> self) { return self->state.make_behavior(self, config); });
  replicas_.emplace(handle.address(), owned_replica{order.id, supervisor, order.spec});
  order.replica = handle;
  self_->send(config_.foundry, atom::start::value, std::move(order));
}

} // namespace hearth
