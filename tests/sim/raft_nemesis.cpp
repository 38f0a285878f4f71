#include "tests/sim/raft_nemesis.hpp"

#include <algorithm>

namespace hearth::sim {

raft_nemesis::raft_nemesis(raft_world& where) : world_(where), random_(where.random().bits()), pace_(from_ms(1)) {
  const std::vector<void (raft_nemesis::*)()> all{
    &raft_nemesis::isolate,    &raft_nemesis::split,        &raft_nemesis::cut_one_way, &raft_nemesis::bridge,
    &raft_nemesis::cut_pair,   &raft_nemesis::crash,        &raft_nemesis::crash_all,   &raft_nemesis::freeze,
    &raft_nemesis::slow_disk,  &raft_nemesis::swizzle_clog, &raft_nemesis::lose,        &raft_nemesis::change_voters,
    &raft_nemesis::move_leader};
  for (const auto way : all)
    if (random_.happens(0.5))
      ways_.push_back(way);
  ways_.push_back(&raft_nemesis::mend);
  ways_.push_back(&raft_nemesis::crash);
  pace_ = from_ms(random_.happens(0.25) ? random_.real(20, 120) : random_.real(150, 1200));
  auto& links = world_.links();
  links.duplication = random_.happens(0.4) ? random_.real(0, 0.2) : 0;
  links.straggling = random_.happens(0.4) ? random_.real(0, 0.2) : 0;
  links.delay_max = from_ms(random_.real(1, 40));
}

void raft_nemesis::start() {
  world_.at(world_.now() + random_.time(instant(0), 2 * pace_), [this] { strike(); });
}

void raft_nemesis::strike() {
  if (resting_)
    return;
  (this->*ways_[random_.below(ways_.size())])();
  start();
}

std::size_t raft_nemesis::victim() {
  const auto leader = world_.leader();
  return leader && random_.happens(0.5) ? *leader : any();
}

void raft_nemesis::split() {
  world_.tell("the network falls into two parts");
  std::vector<bool> side(world_.size());
  for (std::size_t i = 0; i < side.size(); ++i)
    side[i] = random_.happens(0.5);
  for (std::size_t a = 0; a < side.size(); ++a)
    for (std::size_t b = 0; b < side.size(); ++b)
      world_.cut(a, b, side[a] != side[b]);
}

void raft_nemesis::isolate() {
  const auto node = victim();
  world_.tell(called(node) + " is cut off");
  for (std::size_t other = 0; other < world_.size(); ++other)
    world_.cut_both(node, other);
  world_.at(world_.now() + random_.time(from_ms(500), from_ms(4000)), [this, node] {
    for (std::size_t other = 0; other < world_.size() && !resting_; ++other)
      world_.cut_both(node, other, false);
  });
}

void raft_nemesis::cut_one_way() {
  const auto node = victim();
  const bool out = random_.happens(0.5);
  world_.tell(out ? called(node) + " is not heard any more" : called(node) + " hears nobody any more");
  for (std::size_t other = 0; other < world_.size(); ++other)
    out ? world_.cut(node, other) : world_.cut(other, node);
}

/// Two parts and one node that sees both.
void raft_nemesis::bridge() {
  split();
  const auto node = victim();
  world_.tell(called(node) + " sees both parts");
  for (std::size_t other = 0; other < world_.size(); ++other)
    world_.cut_both(node, other, false);
}

void raft_nemesis::cut_pair() {
  if (world_.size() == 1)
    return;
  const auto one = victim(), other = (one + 1 + random_.below(world_.size() - 1)) % world_.size();
  world_.tell(called(one) + " and " + called(other) + " do not reach each other");
  world_.cut_both(one, other);
}

void raft_nemesis::mend() {
  world_.tell("all links are well");
  world_.links().heal();
  world_.links().loss = 0;
}

void raft_nemesis::crash() { crash(victim()); }

void raft_nemesis::crash(std::size_t node) {
  world_.crash(node);
  const auto back = random_.happens(0.5) ? random_.time(from_ms(1), from_ms(100))
                                         : random_.time(from_ms(100), from_ms(3000));
  world_.at(world_.now() + back, [this, node] { world_.restart(node); });
}

void raft_nemesis::crash_all() {
  for (std::size_t node = 0; node < world_.size(); ++node) {
    world_.crash(node);
    world_.at(world_.now() + random_.time(from_ms(1), from_ms(1500)), [this, node] { world_.restart(node); });
  }
}

void raft_nemesis::freeze() {
  const auto node = victim();
  if (world_.up(node))
    world_.freeze(node, world_.now() + random_.time(from_ms(100), from_ms(4000)));
}

void raft_nemesis::slow_disk() {
  const auto node = victim();
  const auto most = from_ms(random_.happens(0.5) ? random_.real(5, 1000) : 3);
  world_.tell("the disk of " + called(node) + " takes up to " + std::to_string(most.count() / 1'000'000) + " ms");
  world_.set_disk(node, random_.happens(0.3) ? most / 2 : from_ms(0.1), most);
}

/// One link after the other stands still, and they come back in another order.
void raft_nemesis::swizzle_clog() {
  world_.tell("links clog one by one");
  for (std::size_t node = 0; node < world_.size(); ++node) {
    if (random_.happens(0.4))
      continue;
    const auto begin = world_.now() + random_.time(instant(0), from_ms(1000));
    const auto end = begin + random_.time(from_ms(100), from_ms(2500));
    world_.at(begin, [this, node, end] {
      if (!resting_)
        world_.links().clog(node, end);
    });
  }
}

void raft_nemesis::lose() {
  world_.links().loss = random_.happens(0.3) ? 0 : random_.real(0, 0.3);
  world_.tell("links lose " + std::to_string(static_cast<int>(world_.links().loss * 100)) + " % of all messages");
}

void raft_nemesis::change_voters() {
  const auto leader = world_.leader();
  if (!leader)
    return;
  std::vector<std::size_t> all(world_.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = i;
  for (auto i = all.size(); i > 1; --i)
    std::swap(all[i - 1], all[random_.below(i)]);
  const std::size_t sizes[] = {1, 3, 3, 5};
  all.resize(std::min(all.size(), sizes[random_.below(4)]));
  if (all.size() == 2)
    all.resize(1);
  world_.propose(
    *leader, "voters", [](raft_world::result, auto) {}, all);
  // The moments in which generations follow each other are the ones to crash in.
  for (std::size_t node = 0; node < world_.size(); ++node)
    if (random_.happens(0.25))
      world_.at(world_.now() + random_.time(from_ms(1), from_ms(400)), [this, node] {
        if (!resting_)
          crash(node);
      });
}

void raft_nemesis::move_leader() {
  if (const auto leader = world_.leader()) {
    world_.tell(called(*leader) + " is asked to let another node lead");
    world_.transfer(*leader);
  }
}

void raft_nemesis::rest(const std::vector<std::size_t>& healthy) {
  resting_ = true;
  auto& links = world_.links();
  links.heal();
  links.loss = links.straggling = links.duplication = 0;
  links.delay_max = from_ms(5);
  const auto is_healthy = [&](std::size_t node) {
    return std::find(healthy.begin(), healthy.end(), node) != healthy.end();
  };
  std::string names;
  for (std::size_t node = 0; node < world_.size(); ++node) {
    if (world_.up(node))
      world_.freeze(node, world_.now());
    if (is_healthy(node)) {
      names += " " + called(node);
      world_.set_disk(node, from_ms(0.1), from_ms(3));
      world_.restart(node);
      continue;
    }
    // The others keep what cuts they have, and may be down; they do not hold the healthy ones up.
    if (random_.happens(0.3))
      world_.crash(node);
    // Deaf, dumb, or anything between.
    const double chances[][2] = {{0, 1}, {1, 0}, {0.4, 0.4}, {0.4, 0.4}};
    const auto& [out, in] = chances[random_.below(std::size(chances))];
    for (std::size_t other = 0; other < world_.size(); ++other) {
      world_.cut(node, other, random_.happens(out));
      world_.cut(other, node, random_.happens(in));
    }
  }
  world_.tell("healed:" + names);
}

} // namespace hearth::sim
