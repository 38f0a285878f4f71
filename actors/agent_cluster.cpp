#include "actors/absent_owner.hpp"
#include "actors/agent.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

/// The agent among those of other nodes: what it hears of the cluster, and what it tells of itself.
namespace hearth {

// -- the control log ----

void agent_state::heard_facts(const control::facts& facts) {
  for (const auto& fact : facts)
    std::visit([this](const auto& f) { take(f); }, fact);
  if (in_cluster())
    serve_orders();
}

void agent_state::take(const control::member_changed& fact) {
  if (!in_cluster())
    return;
  const auto& now = fact.now;
  nodes_->changed(now);
  *cores_ = config_.cores + nodes_->other_cores();
  // Numbers of replicas begin anew with each seat, so nobody has given them before.
  if (now.node == config_.node && now.seat && *replica_numbers_ >> 32 != now.seat.value)
    *replica_numbers_ = now.seat.value << 32;
  if (now.draining)
    drain_replicas_of(now.node);
}

void agent_state::take(const control::owner_changed& fact) {
  heard_of(fact.key, fact.now.epoch);
  if (auto& known = noted_epochs_[fact.key].owned;
      fact.now.node && fact.now.epoch != std::exchange(known, fact.now.epoch))
    note(fact.key, journal_entry::kind_t::owned,
         std::to_string(fact.now.epoch.value) + ": node " + node_name(fact.now.node));
  if (fact.now.node != config_.node && owned_.count(fact.key) > 0)
    disown(fact.key);
}

/// Somebody else may own by now what was this node's.
void agent_state::take(const control::standing& fact) {
  if (fact.holds)
    return;
  std::vector<std::string> keys;
  for (const auto& [key, owner_epoch] : owned_)
    keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  for (const auto& key : keys)
    disown(key);
}

/// From now on lower epochs are refused; a supervisor of one is an owner no more.
void agent_state::heard_of(const std::string& key, epoch owner_epoch) {
  if (!fence_.raise(key, owner_epoch))
    return;
  if (const auto mine = owned_.find(key); mine != owned_.end() && mine->second < owner_epoch)
    disown(key);
}

/// Whether a command of this epoch counts here, which nothing of a lower epoch does afterwards.
bool agent_state::obeys(const std::string& key, epoch owner_epoch) {
  if (fence_.refuses(key, owner_epoch)) {
    note(key, journal_entry::kind_t::refused,
         std::to_string(owner_epoch.value) + " was refused: epoch " + std::to_string(fence_.highest(key).value));
    return false;
  }
  heard_of(key, owner_epoch);
  if (owner_epoch && owner_epoch != std::exchange(noted_epochs_[key].obeyed, owner_epoch))
    note(key, journal_entry::kind_t::obeyed, std::to_string(owner_epoch.value));
  return true;
}

void agent_state::note(const std::string& key, journal_entry::kind_t kind, std::string detail) {
  if (!config_.journal)
    return;
  journal_entry e;
  const auto domain = key.find('/') + 1, name = key.find('/', domain) + 1;
  e.project = key.substr(0, domain - 1);
  e.domain = key.substr(domain, name - domain - 1);
  e.environment = key.substr(name);
  e.kind = kind;
  e.detail = std::move(detail);
  self_->send(config_.journal, atom::append::value, std::vector<journal_entry>{std::move(e)});
}

/// Replicas of supervisors here end there when they are idle. Each owner sees to its own.
void agent_state::drain_replicas_of(node_uuid node) {
  std::map<replica_id, supervisor_actor> found;
  for (const auto& [id, there] : placed_)
    if (there.node == node)
      found.emplace(id, there.supervisor);
  if (node == config_.node)
    for (const auto& [address, here] : replicas_)
      if (!here.owner)
        found.emplace(here.id, here.supervisor);
  for (const auto& [id, supervisor] : found)
    self_->send(supervisor, atom::drain::value, std::vector<replica_id>{id});
}

std::string agent_state::node_name(node_uuid node) const {
  return node == config_.node ? config_.about.name : nodes_->name(node);
}

// -- other nodes ----

void agent_state::say(node_uuid node, link::message message) {
  link::messages batch;
  batch.push_back(std::move(message));
  self_->send(config_.switchboard, atom::send::value, node, std::move(batch));
}

void agent_state::say_to_all(const link::message& message) {
  for (const auto& [node, view] : nodes_->all())
    if (view.is_up)
      say(node, message);
}

void agent_state::node_said(node_uuid node, link::messages& messages) {
  if (!in_cluster())
    return;
  for (auto& message : messages)
    std::visit([&](auto& m) { hear(node, m); }, message);
}

/// It may keep replicas of what this node owns: those of former owners, and this one's own from before the link ended.
void agent_state::node_up(node_uuid node) {
  if (!in_cluster() || node == config_.node)
    return;
  if (nodes_->is_up(node))
    node_down(node, "its link began anew"); // what was said on the old one may be lost
  nodes_->up(node);
  say(node, free_now());
  for (const auto& [key, owner_epoch] : std::map<std::string, epoch>(owned_.begin(), owned_.end()))
    say(node, link::adopt{key, owner_epoch});
}

void agent_state::node_down(node_uuid node, const std::string& why) {
  if (!in_cluster())
    return;
  nodes_->down(node);
  std::vector<replica_id> unbegun;
  for (const auto& [id, there] : placed_)
    if (there.node == node) {
      self_->send(there.handle, atom::down::value, why);
      if (!there.has_begun)
        unbegun.push_back(id);
    }
  for (const auto id : unbegun)
    order_again(id);
  for (auto& [address, here] : replicas_)
    here.is_orphan = here.is_orphan || here.owner == node;
  std::erase_if(absent_owners_, [&](const auto& entry) {
    if (entry.second.node != node)
      return false;
    self_->send(caf::actor_cast<absent_owner_actor>(entry.second.handle), atom::down::value);
    return true;
  });
  std::vector<std::string> waited;
  for (auto& [key, a] : adoptions_)
    if (a.asked.erase(node) > 0)
      waited.push_back(key);
  for (const auto& key : waited)
    settle_adoption(key);
  serve_orders();
}

// -- what is free here ----

link::free_capacity agent_state::free_now() const {
  const auto& has = capacity_->has();
  const auto& reserved = capacity_->reserved();
  link::free_capacity free;
  free.memory_bytes = has.memory_bytes - std::min(has.memory_bytes, reserved.memory_bytes);
  // Where cpu is a share, any number of replicas fits.
  free.cpu_millis = has.cpu_bars ? has.cpu_millis - std::min(has.cpu_millis, reserved.cpu_millis) : UINT32_MAX;
  free.gpus = capacity_->free_gpus();
  free.replicas = static_cast<std::uint32_t>(replicas_.size());
  free.load = *load_;
  return free;
}

void agent_state::report_later() {
  if (!in_cluster() || std::exchange(reports_, true))
    return;
  const auto since = self_->clock().now() - reported_at_;
  self_->delayed_send(self_, std::max(instant::duration(defaults::free_report_interval) - since, instant::duration{}),
                      atom::report::value);
}

void agent_state::report() {
  reports_ = false;
  reported_at_ = self_->clock().now();
  // A node that drains has nothing free, and who was refused by it waits for no other word.
  if (draining_ || nodes_->is_draining(config_.node))
    return;
  const auto now = free_now();
  const auto what = [](const link::free_capacity& f) {
    return std::tuple(f.memory_bytes, f.cpu_millis, f.gpus, f.replicas);
  };
  if (std::exchange(owes_report_, false) || what(now) != what(reported_))
    say_to_all(now);
  reported_ = now;
}

} // namespace hearth
