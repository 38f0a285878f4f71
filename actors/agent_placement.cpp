#include "actors/agent.hpp"
#include "actors/journal_entry.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

/// Where replicas of the supervisors of this node run, and those of former owners that become theirs.
namespace hearth {

// -- places ----

/// Refused only when no node of the cluster could ever hold one.
failure agent_state::unfit(const environment_spec& spec) const {
  auto here = capacity_->unfit(spec);
  if (here.code == ec::none || !in_cluster())
    return here;
  if (nodes_->could_fit(demand_of(spec.resources)))
    return {};
  here.message += " No other node of the cluster has more.";
  return here;
}

std::uint32_t agent_state::replicas_at(node_uuid node, const std::string& key) const {
  const auto of_key = [&](const auto& r) { return r.second.key == key && r.second.node == node; };
  if (node != config_.node)
    return static_cast<std::uint32_t>(std::count_if(placed_.begin(), placed_.end(), of_key));
  auto count = std::count_if(replicas_.begin(), replicas_.end(),
                             [&](const auto& r) { return !r.second.owner && r.second.spec->key() == key; });
  if (const auto mine = supervisors_.find(key); mine != supervisors_.end())
    for (const auto& [digest, waits] : awaited_)
      count += std::count_if(waits.orders.begin(), waits.orders.end(),
                             [&](const auto& o) { return o.second == mine->second; });
  return static_cast<std::uint32_t>(count);
}

/// Starts it on the best node with room, or says what is lacking: on this node, or else on another one.
std::string agent_state::find_place(start_queue::entry& entry) {
  const auto& spec = *entry.order.spec;
  const auto wanted = demand_of(spec.resources);
  const bool packs = spec.reuse.packs();
  std::string lacks;
  std::vector<hearth::place> places;
  if (!nodes_->is_draining(config_.node)) {
    lacks = capacity_->lacks(wanted);
    if (lacks.empty())
      places.push_back({config_.node, true, config_.cores * 1000, replicas_at(config_.node, spec.key()), *load_,
                        free_now().memory_bytes});
  }
  for (const auto& [node, view] : nodes_->all()) {
    if (!view.takes_replicas())
      continue;
    const auto no = lacking(*view.free, wanted);
    if (no.empty())
      places.push_back({node, false, view.member.capacity.cpu_millis, replicas_at(node, spec.key()), view.free->load,
                        view.free->memory_bytes});
    else if (lacks.empty())
      lacks = no;
  }
  rank(places, packs);
  for (const auto& at : places) {
    if (at.is_own) {
      if (auto no = start_here(entry, false); !no.empty()) {
        lacks = std::move(no); // a GPU that another node of this machine has
        continue;
      }
    } else {
      order_from(at.node, entry, false);
    }
    note_place(entry, at.node, reason_of(at, places.size(), packs));
    return {};
  }
  if (may_exceed(entry.order) && exceed_somewhere(entry).empty())
    return {};
  return lacks.empty() ? "room" : lacks;
}

/// A call that runs waits for it: it starts beyond what there is, here if this node has the GPUs.
std::string agent_state::exceed_somewhere(start_queue::entry& entry) {
  const auto gpus = demand_of(entry.order.spec->resources).gpus;
  if (!nodes_->is_draining(config_.node) && start_here(entry, true).empty())
    return {};
  node_uuid best;
  std::uint64_t most = 0;
  for (const auto& [node, view] : nodes_->all())
    if (view.takes_replicas() && view.free->gpus >= gpus && (!best || view.free->memory_bytes > most)) {
      best = node;
      most = view.free->memory_bytes;
    }
  if (!best)
    return "gpu";
  order_from(best, entry, true);
  note_place(entry, best, "a running call waits for it, and no node has room");
  return {};
}

void agent_state::note_place(const start_queue::entry& entry, node_uuid node, const std::string& why) {
  const bool is_routine = entry.order.fresh || nodes_->all().size() < 2;
  if (!config_.journal || is_routine)
    return;
  const auto& spec = *entry.order.spec;
  journal_entry e;
  e.project = spec.project;
  e.domain = spec.domain;
  e.environment = spec.name;
  e.version = spec.version;
  e.kind = journal_entry::kind_t::placed;
  e.replica = entry.order.id.value;
  e.detail = node_name(node) + ": " + why;
  self_->send(config_.journal, atom::append::value, std::vector<journal_entry>{std::move(e)});
}

// -- orders to other nodes ----

/// `alone`: it may start beyond what the node has.
void agent_state::order_from(node_uuid node, const start_queue::entry& entry, bool alone) {
  const auto& order = entry.order;
  const auto key = order.spec->key();
  const auto mine = owned_.find(key);
  const auto owner_epoch = mine == owned_.end() ? epoch{} : mine->second;
  auto proxy = self_->spawn<caf::monitored>(
    [config = remote_replica_config{order.id, owner_epoch, node, node_name(node), entry.supervisor, config_.switchboard,
                                    false}](remote_replica_actor::stateful_pointer<remote_replica_state> self) {
      return self->state.make_behavior(self, config);
    });
  placed_addresses_.emplace(proxy.address(), order.id);
  placed_[order.id] = {node, proxy, entry.supervisor, order, owner_epoch, key, false};
  nodes_->ordered(node, demand_of(order.spec->resources));
  say(node, link::order{key, owner_epoch, order.spec, order.id, order.concurrency, order.slots, order.fresh, alone,
                        order.rehearses});
}

void agent_state::forget_placed(replica_id id) {
  const auto there = placed_.find(id);
  if (there == placed_.end())
    return;
  self_->demonitor(there->second.handle.address());
  self_->send_exit(there->second.handle, caf::exit_reason::user_shutdown);
  placed_addresses_.erase(there->second.handle.address());
  placed_.erase(there);
}

/// The node did not take it: another one may.
void agent_state::order_again(replica_id id) {
  const auto there = placed_.find(id);
  if (there == placed_.end())
    return;
  auto order = std::move(there->second.order);
  const auto supervisor = there->second.supervisor;
  forget_placed(id);
  waiting_.push(std::move(order), supervisor);
}

/// What a node says of replicas that it has for supervisors here. When it has heard of a newer owner, that is heard here
/// before the refused calls are.
void agent_state::hear(node_uuid node, link::replica_event& m) {
  const auto is_refusal = [](const auto& event) {
    const auto* done = std::get_if<replica::done>(&event);
    const auto* no = std::get_if<replica::start_failed>(&event);
    return (done && done->unstarted && done->code == ec::stale_epoch) || (no && no->why.code == ec::stale_epoch);
  };
  if (const auto mine = owned_.find(m.key);
      mine != owned_.end() && mine->second == m.epoch && std::any_of(m.items.begin(), m.items.end(), is_refusal))
    disown(m.key);
  bool is_refused = false;
  std::map<replica_id, replica::events> of_replicas;
  for (auto& event : m.items) {
    const auto id = std::visit([](const auto& e) { return e.id; }, event);
    const auto there = placed_.find(id);
    if (there == placed_.end() || there->second.node != node)
      continue;
    if (std::holds_alternative<replica::waiting>(event)) {
      nodes_->refused(node);
      order_again(id);
      is_refused = true;
      continue;
    }
    there->second.has_begun = true;
    of_replicas[id].push_back(std::move(event));
  }
  for (auto& [id, events] : of_replicas)
    self_->send(placed_.at(id).handle, atom::events::value, std::move(events));
  if (is_refused)
    serve_orders();
}

// -- replicas of former owners ----

/// Asks everywhere, this node included.
void agent_state::adopt(const std::string& key, epoch owner_epoch, const supervisor_actor& supervisor) {
  if (!in_cluster())
    return;
  auto& a = adoptions_[key];
  a = {owner_epoch, supervisor, {}, true};
  for (const auto& [node, view] : nodes_->all())
    if (view.is_up) {
      a.asked.insert(node);
      say(node, link::adopt{key, owner_epoch});
    }
  hand_over(key, owner_epoch, {}, supervisor, [this, key, owner_epoch] {
    if (const auto waits = adoptions_.find(key);
        waits != adoptions_.end() && waits->second.owner_epoch == owner_epoch) {
      waits->second.asks_here = false;
      settle_adoption(key);
    }
  });
}

void agent_state::settle_adoption(const std::string& key) {
  const auto waits = adoptions_.find(key);
  if (waits == adoptions_.end() || waits->second.asks_here || !waits->second.asked.empty())
    return;
  self_->send(waits->second.supervisor, atom::adopt::value, std::vector<adoptable>{}, true);
  adoptions_.erase(waits);
}

void agent_state::hear(node_uuid node, link::adopted& m) {
  heard_of(m.key, m.epoch);
  const auto mine = owned_.find(m.key);
  const auto supervisor = supervisors_.find(m.key);
  if (mine == owned_.end() || mine->second != m.epoch || supervisor == supervisors_.end()) {
    for (const auto& item : m.items) // it was for an owner that has gone since
      say(node, link::retire{item.id, false, "not needed any more"});
    return;
  }
  std::vector<adoptable> found;
  for (auto& item : m.items) {
    forget_placed(item.id); // from before the link ended
    auto proxy = self_->spawn<caf::monitored>(
      [config = remote_replica_config{item.id, m.epoch, node, node_name(node), supervisor->second, config_.switchboard,
                                      true}](remote_replica_actor::stateful_pointer<remote_replica_state> self) {
        return self->state.make_behavior(self, config);
      });
    placed_addresses_.emplace(proxy.address(), item.id);
    placed_[item.id] = {node, proxy, supervisor->second, {}, m.epoch, m.key, true};
    found.push_back({item.id, caf::actor_cast<caf::strong_actor_ptr>(proxy), std::move(item.version), item.concurrency,
                     std::move(item.how), item.pid, item.start});
  }
  if (!found.empty())
    self_->send(supervisor->second, atom::adopt::value, std::move(found), false);
  if (const auto waits = adoptions_.find(m.key); waits != adoptions_.end() && waits->second.asked.erase(node) > 0)
    settle_adoption(m.key);
}

} // namespace hearth
