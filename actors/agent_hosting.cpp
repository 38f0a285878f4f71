#include "actors/absent_owner.hpp"
#include "actors/agent.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <memory>
#include <utility>

/// Replicas that run here for supervisors on other nodes.
namespace hearth {

agent_state::owned_replica* agent_state::replica_with(replica_id id) {
  const auto address = addresses_.find(id);
  if (address == addresses_.end())
    return nullptr;
  const auto found = replicas_.find(address->second);
  return found == replicas_.end() ? nullptr : &found->second;
}

/// The actor that stands for this ownership.
supervisor_actor agent_state::absent_owner(const std::string& key, epoch owner_epoch, node_uuid node) {
  auto& owner = absent_owners_[{key, owner_epoch}];
  if (!owner.handle)
    owner = {self_->spawn([config = absent_owner_config{key, owner_epoch, node, config_.switchboard}](
                            absent_owner_actor::stateful_pointer<absent_owner_state> self) {
               return self->state.make_behavior(self, config);
             }),
             node};
  return owner.handle;
}

void agent_state::end_if_unused(const std::string& key, epoch owner_epoch) {
  const auto owner = absent_owners_.find({key, owner_epoch});
  if (owner == absent_owners_.end())
    return;
  const auto& handle = owner->second.handle;
  const auto is_used = std::any_of(replicas_.begin(), replicas_.end(),
                                   [&](const auto& r) {
                                     return r.second.supervisor == handle || r.second.former_supervisor == handle;
                                   })
                       || std::any_of(awaited_.begin(), awaited_.end(), [&](const auto& a) {
                            const auto& orders = a.second.orders;
                            return std::any_of(orders.begin(), orders.end(),
                                               [&](const auto& o) { return o.second == handle; });
                          });
  if (is_used)
    return;
  self_->send(handle, atom::halt::value);
  absent_owners_.erase(owner);
}

/// Of all ownerships of the environment that have none left here.
void agent_state::end_formers(const std::string& key) {
  std::vector<epoch> epochs;
  for (auto owner = absent_owners_.lower_bound({key, epoch{}});
       owner != absent_owners_.end() && owner->first.first == key; ++owner)
    epochs.push_back(owner->first.second);
  for (const auto each : epochs)
    end_if_unused(key, each);
}

/// Whose a replica is that is about to be made.
void agent_state::find_owner(owned_replica& made) const {
  const auto key = made.spec->key();
  for (auto owner = absent_owners_.lower_bound({key, epoch{}});
       owner != absent_owners_.end() && owner->first.first == key; ++owner)
    if (owner->second.handle == made.supervisor) {
      made.owner_epoch = owner->first.second;
      made.owner = owner->second.node;
      return;
    }
  if (const auto mine = owned_.find(key); mine != owned_.end())
    made.owner_epoch = mine->second;
}

// -- what owners say ----

void agent_state::hear(node_uuid node, link::free_capacity& m) {
  nodes_->reported(node, m);
  serve_orders();
}

void agent_state::refuse(node_uuid node, const std::string& key, epoch owner_epoch, replica_id id, failure why) {
  say(node, link::replica_event{key, owner_epoch, {replica::start_failed{id, std::move(why)}}});
}

/// It starts now, or goes back: to wait is the owner's, who sees when another node has room.
void agent_state::hear(node_uuid node, link::order& m) {
  if (!obeys(m.key, m.epoch))
    return refuse(node, m.key, m.epoch, m.id, {ec::stale_epoch, std::string(sentence(ec::stale_epoch))});
  const bool drains = draining_ || nodes_->is_draining(config_.node);
  if (!drains && !waiting_.is_full()) {
    replica_order order;
    order.spec = m.spec;
    order.id = m.id;
    order.concurrency = m.concurrency;
    order.slots = m.slots;
    order.fresh = m.fresh;
    order.for_nested = m.for_nested;
    order.rehearses = m.rehearses;
    waiting_.push(std::move(order), absent_owner(m.key, m.epoch, node), true);
    serve_orders();
    if (!waiting_.withdraw(m.id))
      return;
    end_if_unused(m.key, m.epoch);
  }
  const auto lacks = capacity_->lacks(demand_of(m.spec->resources));
  say(node, link::replica_event{m.key, m.epoch, {replica::waiting{m.id, lacks.empty() ? "room" : lacks}}});
  owes_report_ = true;
  report_later();
}

void agent_state::hear(node_uuid node, link::withdraw& m) {
  const auto* r = replica_with(m.id);
  if (r && r->owner == node)
    self_->send(r->handle, atom::retire::value, true, std::string("not needed any more"));
  else if (!r)
    stop_waiting_for_bundle(m.id);
}

void agent_state::hear(node_uuid, link::forget& m) {
  const bool is_used = std::any_of(replicas_.begin(), replicas_.end(), [&](const auto& r) {
    return r.second.spec->version == m.version && r.second.spec->key() == m.key;
  });
  if (!is_used)
    self_->send(config_.foundry, atom::forget::value, m.key, m.version);
}

/// For a replica that has ended meanwhile nothing is said: its last event tells the owner, and what came after that had
/// certainly not begun.
void agent_state::hear(node_uuid node, link::dispatch& m) {
  const auto* r = replica_with(m.id);
  if (!r)
    return;
  const auto key = r->spec->key();
  if (r->owner != node || r->owner_epoch != m.epoch || fence_.refuses(key, m.epoch)) {
    replica::events no;
    for (const auto& item : m.items)
      no.emplace_back(replica::done{m.id, item.id, ec::stale_epoch, true, {}, {}});
    return say(node, link::replica_event{key, m.epoch, std::move(no)});
  }
  std::vector<dispatched_call> calls;
  calls.reserve(m.items.size());
  for (auto& item : m.items)
    calls.push_back({item.id, item.attempt, item.cold, item.queued, item.header, std::move(item.arguments), item.in_run,
                     item.replays, std::move(item.caller.here), std::move(item.output.here), item.streams,
                     item.has_input});
  self_->send(r->handle, atom::dispatch::value, std::move(calls));
}

void agent_state::hear(node_uuid node, link::recall& m) {
  if (const auto* r = replica_with(m.id); r && (r->owner == node || r->former == node))
    self_->send(r->handle, atom::recall::value, std::move(m.items));
}

/// Also from the owner before: its calls may run still, and their time may be over.
void agent_state::hear(node_uuid node, link::cancel_ticket& m) {
  if (const auto* r = replica_with(m.id); r && (r->owner == node || r->former == node))
    self_->send(r->handle, atom::cancel::value, m.item);
}

void agent_state::hear(node_uuid node, link::retire& m) {
  if (const auto* r = replica_with(m.id); r && r->owner == node)
    self_->send(r->handle, atom::retire::value, m.at_once, m.reason);
}

// -- owners that change ----

void agent_state::hear(node_uuid node, link::adopt& m) {
  if (!obeys(m.key, m.epoch))
    return say(node, link::adopted{m.key, fence_.highest(m.key), {}});
  const auto owner = absent_owner(m.key, m.epoch, node);
  hand_over(m.key, m.epoch, node, owner, [this, owner, key = m.key, owner_epoch = m.epoch] {
    self_->send(owner, atom::adopt::value, std::vector<adoptable>{}, true);
    end_if_unused(key, owner_epoch);
  });
}

/// Gives replicas of former owners, and of this one from before its node was gone, to `to`. `done` follows when each of them
/// has said whether it is idle: those that are have told `to`.
void agent_state::hand_over(const std::string& key, epoch owner_epoch, node_uuid node, const supervisor_actor& to,
                            std::function<void()> done) {
  std::map<replica_id, owned_replica*> found;
  for (auto& [address, r] : replicas_)
    if (!r.is_fresh && r.supervisor != to && (r.owner_epoch < owner_epoch || r.is_orphan) && r.spec->key() == key)
      found.emplace(r.id, &r);
  if (found.empty())
    return done();
  auto missing = std::make_shared<std::size_t>(found.size());
  auto answered = [missing, done = std::move(done)] {
    if (--*missing == 0)
      done();
  };
  for (auto& [id, r] : found) {
    const auto former_epoch = std::exchange(r->owner_epoch, owner_epoch);
    r->former = std::exchange(r->owner, node);
    r->former_supervisor = std::exchange(r->supervisor, to);
    r->is_orphan = false;
    self_->request(r->handle, defaults::inner_request_timeout, atom::adopt::value, to)
      .then(
        [this, answered, key, former_epoch, id = id](bool is_idle) {
          if (auto* handed = replica_with(id); handed && is_idle) { // the one before has heard the last of it
            handed->former_supervisor = supervisor_actor{};
            end_if_unused(key, former_epoch);
          }
          answered();
        },
        [answered](const caf::error&) { answered(); }); // it has ended meanwhile
  }
}

} // namespace hearth
