#include "tests/sim/cluster_nemesis.hpp"

#include <algorithm>
#include <string>

namespace hearth::sim {

using namespace cluster;

cluster_nemesis::cluster_nemesis(cluster_world& where) : world_(where), random_(where.random().bits()) {
  const way all[] = {&cluster_nemesis::isolate,   &cluster_nemesis::split,  &cluster_nemesis::deafen,
                     &cluster_nemesis::starve,    &cluster_nemesis::bridge, &cluster_nemesis::cut_pair,
                     &cluster_nemesis::crash_all, &cluster_nemesis::freeze, &cluster_nemesis::block_work,
                     &cluster_nemesis::slow_disk, &cluster_nemesis::clog,   &cluster_nemesis::lose,
                     &cluster_nemesis::leave,     &cluster_nemesis::drain};
  for (const auto one : all)
    if (random_.happens(0.4))
      ways_.push_back(one);
  // Either voters change or nodes are lost for good: a node cannot become a voter while it goes.
  if (random_.happens(0.4))
    ways_.push_back(&cluster_nemesis::change_voters);
  else if (random_.happens(0.5))
    ways_.insert(ways_.end(), {&cluster_nemesis::remove, &cluster_nemesis::put_old_copy});
  ways_.push_back(&cluster_nemesis::mend);
  ways_.push_back(&cluster_nemesis::crash);
  pace_ = from_ms(random_.happens(0.25) ? random_.real(80, 200) : random_.real(300, 1500));
  auto& links = world_.links();
  links.duplication = random_.happens(0.4) ? random_.real(0, 0.2) : 0;
  links.straggling = random_.happens(0.4) ? random_.real(0, 0.2) : 0;
  links.delay_max = from_ms(random_.real(1, 40));
}

void cluster_nemesis::start() {
  world_.at(world_.now() + random_.time(instant(0), 2 * pace_), [this] { strike(); });
}

void cluster_nemesis::strike() {
  if (resting_)
    return;
  (this->*ways_[random_.below(ways_.size())])();
  start();
}

std::size_t cluster_nemesis::victim() {
  const auto leader = world_.leader();
  return leader && random_.happens(0.5) ? *leader : any();
}

bool cluster_nemesis::votes(std::size_t node) const {
  for (const auto& voters : world_.electorates())
    if (std::find(voters.begin(), voters.end(), node) != voters.end())
      return true;
  return false;
}

// -- links ----

void cluster_nemesis::isolate() {
  const auto node = victim();
  world_.say(called(node) + " is cut off");
  for (std::size_t other = 0; other < world_.size(); ++other) {
    world_.links().set_cut(node, other, other != node);
    world_.links().set_cut(other, node, other != node);
  }
  world_.at(world_.now() + random_.time(from_ms(500), from_ms(4500)), [this, node] {
    for (std::size_t other = 0; other < world_.size() && !resting_; ++other) {
      world_.links().set_cut(node, other, false);
      world_.links().set_cut(other, node, false);
    }
  });
}

void cluster_nemesis::split() {
  world_.say("the network falls into two parts");
  std::vector<bool> side(world_.size());
  for (std::size_t i = 0; i < side.size(); ++i)
    side[i] = random_.happens(0.5);
  for (std::size_t a = 0; a < side.size(); ++a)
    for (std::size_t b = 0; b < side.size(); ++b)
      world_.links().set_cut(a, b, side[a] != side[b]);
}

/// One way only.
void cluster_nemesis::deafen() {
  const auto node = victim();
  const bool out = random_.happens(0.5);
  world_.say(called(node) + (out ? " is not heard any more" : " hears nobody any more"));
  for (std::size_t other = 0; other < world_.size(); ++other)
    if (other != node)
      out ? world_.links().set_cut(node, other, true) : world_.links().set_cut(other, node, true);
}

void cluster_nemesis::starve() {
  const auto node = any();
  world_.say(called(node) + " gets nothing of the log any more");
  world_.starve(node, true);
  world_.at(world_.now() + random_.time(from_ms(500), from_ms(6000)), [this, node] {
    if (!resting_)
      world_.starve(node, false);
  });
}

/// Two parts and one node that sees both.
void cluster_nemesis::bridge() {
  split();
  const auto node = victim();
  world_.say(called(node) + " sees both parts");
  for (std::size_t other = 0; other < world_.size(); ++other) {
    world_.links().set_cut(node, other, false);
    world_.links().set_cut(other, node, false);
  }
}

void cluster_nemesis::cut_pair() {
  if (world_.size() == 1)
    return;
  const auto one = victim(), other = (one + 1 + random_.below(world_.size() - 1)) % world_.size();
  world_.say(called(one) + " and " + called(other) + " do not reach each other");
  world_.links().set_cut(one, other, true);
  world_.links().set_cut(other, one, random_.happens(0.7));
}

void cluster_nemesis::mend() {
  world_.say("all links are well");
  world_.links().heal();
  world_.links().loss = 0;
}

void cluster_nemesis::lose() {
  world_.links().loss = random_.happens(0.3) ? 0 : random_.real(0, 0.3);
  world_.say("links lose " + std::to_string(static_cast<int>(world_.links().loss * 100)) + " % of what is sent");
}

/// One link after the other stands still, and they come back in another order.
void cluster_nemesis::clog() {
  world_.say("links clog one by one");
  for (std::size_t node = 0; node < world_.size(); ++node)
    if (random_.happens(0.6))
      world_.at(world_.now() + random_.time(instant(0), from_ms(1000)),
                [this, node, stay = random_.time(from_ms(100), from_ms(2500))] {
                  if (!resting_)
                    world_.links().clog(node, world_.now() + stay);
                });
}

// -- nodes ----

void cluster_nemesis::restart(std::size_t node) {
  if (!resting_ && !removed_.contains(node))
    world_.restart(node);
}

void cluster_nemesis::crash(std::size_t node, instant away) {
  world_.crash(node);
  if (random_.happens(0.5))
    world_.report_death(node);
  world_.at(world_.now() + away, [this, node] { restart(node); });
}

void cluster_nemesis::crash() {
  crash(victim(),
        random_.happens(0.5) ? random_.time(from_ms(1), from_ms(100)) : random_.time(from_ms(100), from_ms(4000)));
}

void cluster_nemesis::crash_all() {
  for (std::size_t node = 0; node < world_.size(); ++node)
    crash(node, random_.time(from_ms(1), from_ms(1500)));
}

void cluster_nemesis::freeze() {
  const auto node = victim();
  if (world_.up(node))
    world_.freeze(node, world_.now() + random_.time(from_ms(100), from_ms(4000)));
}

void cluster_nemesis::block_work() {
  const auto node = any();
  world_.say("the work loop of " + called(node) + " hangs");
  world_.block_work(node, world_.now() + random_.time(from_ms(500), from_ms(4000)));
}

void cluster_nemesis::slow_disk() {
  const auto node = victim();
  const auto most = random_.happens(0.7) ? random_.real(5, 1000) : 3;
  world_.say("the disk of " + called(node) + " takes up to " + std::to_string(static_cast<int>(most)) + " ms");
  world_.set_disk(node, from_ms(random_.happens(0.3) ? most / 2 : 0.1), from_ms(most));
}

void cluster_nemesis::leave() {
  const auto node = victim();
  world_.stop(node);
  world_.at(world_.now() + random_.time(from_ms(3000), from_ms(5000)), [this, node] { restart(node); });
}

// -- what operators do ----

void cluster_nemesis::drain() {
  world_.submit(any(), drain_node{cluster_world::id_of(any()), random_.happens(0.6)}, [](const outcome&) {});
}

/// Often while the node is just coming back.
void cluster_nemesis::remove() {
  const auto node = any();
  if (votes(node) || removed_.contains(node))
    return;
  removed_.insert(node);
  world_.crash(node);
  world_.at(world_.now() + random_.time(from_ms(1), from_ms(200)), [this, node] {
    if (!resting_)
      world_.restart(node);
  });
  world_.submit(victim(), remove_node{cluster_world::id_of(node)}, [this, node](const outcome& result) {
    if (result.code != ec::none && result.code != ec::no_quorum && result.code != ec::undecided)
      removed_.erase(node); // it is a voter by now
  });
}

void cluster_nemesis::change_voters() {
  const auto leader = world_.leader();
  if (!leader)
    return;
  std::vector<node_uuid> all;
  for (std::size_t i = 0; i < world_.size(); ++i)
    if (!removed_.contains(i))
      all.push_back(cluster_world::id_of(i));
  for (auto i = all.size(); i > 1; --i)
    std::swap(all[i - 1], all[random_.below(i)]);
  const std::size_t sizes[] = {1, 3, 3, 5};
  all.resize(std::min(all.size(), sizes[random_.below(4)]));
  if (all.size() % 2 == 0)
    all.pop_back();
  world_.submit(*leader, set_voters{all}, [](const outcome&) {});
}

/// A node that does not vote comes back with the disk that it had one start ago. It is of no use any more then: what it has
/// acknowledged since is on neither disk.
void cluster_nemesis::put_old_copy() {
  const auto node = any();
  if (votes(node) || removed_.contains(node) || !world_.up(node))
    return;
  world_.crash(node);
  world_.say("somebody copies the disk of " + called(node));
  const auto copy = world_.copy_disk(node);
  world_.restart(node);
  world_.at(world_.now() + from_ms(1500), [this, node, copy] {
    if (resting_ || votes(node) || removed_.contains(node))
      return;
    world_.crash(node);
    world_.say(called(node) + " gets the old copy of its disk");
    world_.put_disk(node, copy);
    removed_.insert(node);
    world_.restart(node);
  });
}

void cluster_nemesis::rest(const std::vector<std::size_t>& healthy) {
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
    world_.freeze(node, world_.now());
    world_.block_work(node, world_.now());
    world_.starve(node, false);
    if (is_healthy(node)) {
      names += " " + called(node);
      world_.set_disk(node, from_ms(0.1), from_ms(3));
      if (world_.leaving(node))
        world_.crash(node);
      world_.restart(node);
      continue;
    }
    // The others do not hold the healthy ones up, whatever is wrong with them.
    if (random_.happens(0.3)) {
      world_.crash(node);
      continue;
    }
    if (random_.happens(0.4)) {
      world_.say(called(node) + " gets nothing of the log");
      world_.starve(node, true);
      continue;
    }
    const bool deaf = random_.happens(0.6), dumb = !deaf || random_.happens(0.5);
    world_.say(called(node) + (deaf && dumb ? " stays cut off" : deaf ? " stays deaf" : " stays dumb"));
    for (std::size_t other = 0; other < world_.size(); ++other)
      if (other != node) {
        world_.links().set_cut(node, other, dumb);
        world_.links().set_cut(other, node, deaf);
      }
  }
  world_.say("healed:" + names);
}

} // namespace hearth::sim
