#include "tests/sim/cluster_site.hpp"

#include <utility>
#include <vector>

/// The owner of environments, who places root calls on replicas, and the replicas of a node.
namespace hearth::sim {

using namespace cluster;

namespace {

constexpr instant record_patience = from_ms(2000);
constexpr instant work_min = from_ms(20), work_max = from_ms(250); // of a root call, and of each child

} // namespace

cluster_site::cluster_site(cluster_world& where, std::size_t node)
  : world_(where), node_(node),
    fence_((where.how().faults.site & static_cast<std::uint32_t>(site_mutation::fence_is_open)) != 0),
    next_call_(static_cast<std::uint32_t>((where.life(node) * network::nodes_max + node) << 16) + 1) {}

word cluster_site::about(word::kind what, call_name which) const {
  word result;
  result.what = what;
  result.run = which.first;
  result.call = which.second;
  return result;
}

// -- what the log says ----

void cluster_site::take(const effects::applied& what) {
  for (const auto& fact : what.facts) {
    if (const auto* owner = std::get_if<facts::owner_changed>(&fact)) {
      fence_.raise(owner->key, owner->epoch);
      if (owner->owner && owner->owner == world_.plane(node_).seat())
        own(owner->key, owner->epoch);
    } else if (const auto* accepted = std::get_if<facts::run_accepted>(&fact)) {
      look_at(cluster_oracle::run_of(accepted->name));
    } else if (const auto* moved = std::get_if<facts::run_rehomed>(&fact)) {
      look_at(cluster_oracle::run_of(moved->name));
    } else if (const auto* orphan = std::get_if<facts::run_orphaned>(&fact)) {
      look_at(cluster_oracle::run_of(orphan->name));
    } else if (const auto* wish = std::get_if<facts::run_abort_wanted>(&fact)) {
      look_at(cluster_oracle::run_of(wish->name));
    } else if (const auto* ended = std::get_if<facts::run_ended>(&fact)) {
      look_at(cluster_oracle::run_of(ended->name));
    }
  }
}

void cluster_site::look_at_all() {
  for (const auto& [key, environment] : world_.state(node_).image().environments) {
    fence_.raise(key, environment.epoch);
    if (environment.owner && environment.owner == world_.plane(node_).seat())
      own(key, environment.epoch);
  }
  look_at_runs();
}

// -- as the owner ----

bool cluster_site::owns(const std::string& key, hearth::epoch epoch) const {
  const auto& [seat, since] = world_.state(node_).owner_of(key);
  if (mutated(site_mutation::owns_without_lease)) {
    const auto mine = adopted_.find(key);
    return mine != adopted_.end() && mine->second == epoch;
  }
  return seat && seat == world_.plane(node_).seat() && since == epoch && world_.has_lease(node_)
         && !given_up_.contains({key, epoch});
}

void cluster_site::own(const std::string& key, hearth::epoch epoch) {
  if (std::exchange(adopted_[key], epoch) == epoch)
    return;
  word what;
  what.what = word::kind::adopt;
  what.key = key;
  what.epoch = epoch;
  for (const auto& [id, seat] : world_.state(node_).image().seats)
    world_.tell(node_, cluster_world::node_of(seat.node), what);
}

void cluster_site::release(const std::string& key, instant after) {
  const auto& [seat, epoch] = world_.state(node_).owner_of(key);
  if (seat && seat == world_.plane(node_).seat())
    world_.later(node_, after, [this, key, epoch = epoch] { give_up(key, epoch); });
}

/// From now on it is nobody's as far as this node is concerned, also when the log hears of that late.
void cluster_site::give_up(const std::string& key, hearth::epoch epoch) {
  given_up_.emplace(key, epoch);
  submit(cluster::release{key, epoch}, [this, key, epoch](const outcome& got) {
    if (verdict_of(got.code) == run_verdict::later)
      world_.later(node_, from_ms(300), [this, key, epoch] { give_up(key, epoch); });
  });
}

void cluster_site::place(std::size_t home, const word& what) {
  const call_name which{what.run, what.call};
  if (!owns(what.key, what.epoch))
    return world_.tell(node_, home, about(word::kind::not_begun, which));
  world_.truth().acts(node_, what.key, what.epoch);
  std::vector<std::size_t> places, all;
  for (const auto& [id, seat] : world_.state(node_).image().seats) {
    all.push_back(cluster_world::node_of(seat.node));
    if (!world_.state(node_).draining(id))
      places.push_back(all.back());
  }
  if (places.empty())
    places = all;
  const auto at = places[world_.random().below(places.size())];
  auto placed = about(word::kind::placed, which);
  placed.node = at;
  world_.tell(node_, home, placed);
  placed_[{home, which}] = {at, world_.now()};
  auto order = what;
  order.what = word::kind::order;
  order.node = home;
  world_.tell(node_, at, order);
}

// -- as the node of replicas ----

cluster_site::root_call* cluster_site::called_here(call_name which) {
  const auto found = calls_.find(which);
  return found == calls_.end() ? nullptr : &found->second;
}

void cluster_site::admit(std::size_t owner, const word& what) {
  const call_name which{what.run, what.call};
  if (fence_.refuses(what.key, what.epoch)) {
    auto ended = about(word::kind::ended, which);
    ended.node = what.node;
    world_.tell(node_, owner, ended);
    return world_.tell(node_, what.node, about(word::kind::not_begun, which));
  }
  fence_.raise(what.key, what.epoch);
  world_.truth().admits(node_, world_.life(node_), what.key, what.epoch);
  warm_.insert(what.key);
  world_.say(cluster_oracle::name_of(what.run) + " starts at " + called(node_) + ", ordered by " + called(owner)
             + ", the owner of " + what.key);
  world_.truth().starts(what.run);
  auto& call = calls_[which];
  call = {};
  call.home = what.node;
  call.owner = owner;
  call.attempt = what.attempt;
  call.replays = what.replays;
  call.begun = world_.now();
  call.value = cluster_oracle::name_of(what.run) + ":";
  go_on(which);
}

void cluster_site::go_on(call_name which) {
  auto& call = calls_.at(which);
  if (call.child == cluster_oracle::children_of(which.first)) {
    world_.later(node_, world_.random().time(work_min, work_max), [this, which] {
      const auto done = calls_.extract(which);
      if (done.empty())
        return;
      auto reply = about(word::kind::reply, which);
      reply.value = done.mapped().value;
      world_.tell(node_, done.mapped().home, reply);
      auto ended = about(word::kind::ended, which);
      ended.node = done.mapped().home;
      world_.tell(node_, done.mapped().owner, ended);
    });
    return;
  }
  if (!call.replays)
    return run_child(which, call.excused);
  call.is_sought = true;
  auto seek = about(word::kind::seek, which);
  seek.child = call.child;
  world_.tell(node_, call.home, seek);
  world_.later(node_, record_patience, [this, which, child = call.child] {
    if (auto* still = called_here(which); still != nullptr && still->is_sought && still->child == child) {
      still->is_sought = false;
      still->excused = true;
      run_child(which, true);
    }
  });
}

void cluster_site::run_child(call_name which, bool excused) {
  const auto& call = calls_.at(which);
  const child_name child{which.first, call.child};
  world_.truth().child_runs(call.home, child, which.second, call.begun, excused);
  world_.say("child " + cluster_oracle::child_value(child) + " runs at " + called(node_));
  world_.later(node_, world_.random().time(work_min, work_max), [this, which, child] {
    if (auto* still = called_here(which); still != nullptr && still->child == child.second)
      child_returned(which, child.second, cluster_oracle::child_value(child));
  });
}

void cluster_site::child_returned(call_name which, std::uint32_t child, const std::string& value) {
  auto& call = calls_.at(which);
  auto record = about(word::kind::record, which);
  record.child = child;
  record.value = value;
  world_.tell(node_, call.home, record);
  call.value += " " + value;
  ++call.child;
  go_on(which);
}

// -- links ----

void cluster_site::link_ended(std::size_t peer, instant when) {
  link_ends_[peer] = std::max(link_ends_[peer], when);
  // Replicas here: nobody waits for the answers of that home's calls any more.
  std::erase_if(calls_, [&](const auto& call) { return call.second.home == peer && call.second.begun <= when; });
  // The owner: what was placed there is lost.
  std::vector<std::pair<std::size_t, call_name>> lost;
  for (const auto& [call, at] : placed_)
    if (at.first == peer && at.second <= when)
      lost.push_back(call);
  for (const auto& call : lost) {
    placed_.erase(call);
    world_.tell(node_, call.first, about(word::kind::lost, call.second));
  }
  // The home: what was asked of that owner, or runs in that replica.
  std::vector<std::uint64_t> runs;
  for (const auto& [run, x] : executions_)
    if (x.at == stage::running && x.made <= when && (x.owner == peer || x.replica == peer))
      runs.push_back(run);
  for (const auto run : runs)
    lose(run);
}

} // namespace hearth::sim
