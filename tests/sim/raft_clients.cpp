#include "tests/sim/raft_clients.hpp"

namespace hearth::sim {

raft_clients::raft_clients(raft_world& where, std::size_t count, instant pause)
  : world_(where), pause_(pause), clients_(count) {
  for (std::size_t i = 0; i < where.size(); ++i)
    nodes_.push_back(i);
}

void raft_clients::start() {
  for (std::size_t who = 0; who < clients_.size(); ++who)
    world_.at(world_.now() + world_.random().time(instant(0), pause_), [this, who] { next(who); });
  world_.at(world_.now() + from_ms(500), [this] { read(); });
}

void raft_clients::next(std::size_t who) {
  clients_[who].value = ++values_;
  ask(who);
}

void raft_clients::ask(std::size_t who) {
  auto& it = clients_[who];
  const auto attempt = ++it.attempt;
  const auto node = it.leader ? *it.leader : any_node();
  it.leader = node;
  world_.propose(node, "value " + std::to_string(it.value), [this, who, attempt](raft_world::result how, auto leader) {
    auto& asked = clients_[who];
    if (asked.attempt != attempt)
      return;
    ++asked.attempt;
    asked.leader = leader;
    if (how != raft_world::result::done)
      return again(who, world_.random().time(from_ms(20), from_ms(150)));
    ++done_;
    world_.at(world_.now() + world_.random().time(instant(0), 2 * pause_), [this, who] { next(who); });
  });
  world_.at(world_.now() + world_.random().time(from_ms(150), from_ms(1200)), [this, who, attempt] {
    if (clients_[who].attempt != attempt)
      return;
    clients_[who].leader.reset();
    ask(who);
  });
}

void raft_clients::again(std::size_t who, instant after) {
  const auto attempt = clients_[who].attempt;
  world_.at(world_.now() + after, [this, who, attempt] {
    if (clients_[who].attempt == attempt)
      ask(who);
  });
}

void raft_clients::read() {
  // Whoever believes that it leads, and rather one that is mistaken.
  const auto newest = world_.leader();
  auto node = newest && world_.random().happens(0.8) ? *newest : any_node();
  for (std::size_t other = 0; other < world_.size(); ++other)
    if (world_.up(other) && world_.core(other).role() == raft::role::kind::leader
        && (newest == node || other != newest))
      node = other;
  world_.read(node, [this](raft_world::result how, auto) { reads_ += how == raft_world::result::done ? 1 : 0; });
  world_.at(world_.now() + world_.random().time(from_ms(10), from_ms(120)), [this] { read(); });
}

} // namespace hearth::sim
