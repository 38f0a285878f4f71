#include "tests/sim/raft_world.hpp"

#include <algorithm>

namespace hearth::sim {

namespace {

std::string text(std::uint64_t number) { return std::to_string(number); }

std::string listed(const std::vector<std::size_t>& nodes) {
  std::string result;
  for (const auto node : nodes)
    result += (result.empty() ? "" : " ") + called(node);
  return result;
}

} // namespace

raft_world::raft_world(world_options how) : how_(how), random_(how.seed), nodes_(how.nodes) {
  raft::snapshot_mark first{0, 0, 1, {}};
  for (std::size_t i = 0; i < how.voters; ++i)
    first.voters.push_back(id_of(i));
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (i < how.voters || !how.late_joiners)
      nodes_[i].on_disk.mark = first;
    const auto rate = 1 + random_.real(-how.clock_error, how.clock_error);
    nodes_[i].writes.latency_max = how.disk_latency;
    nodes_[i].clock = local_clock(rate, from_ms(1000.0 * static_cast<double>(i)));
    restart(i);
  }
}

void raft_world::run_until(instant end) {
  while (!timeline_.empty() && timeline_.next() <= end)
    deliver(timeline_.take());
  timeline_.pass(end);
}

void raft_world::deliver(event what) {
  if (auto* run = std::get_if<action>(&what.what))
    return run->run();
  auto& it = nodes_[what.node];
  if (!it.core || (what.life != 0 && what.life != it.life))
    return;
  if (it.frozen_until > now()) {
    const auto until = it.frozen_until;
    return timeline_.plan(until, std::move(what));
  }
  if (auto* came = std::get_if<arrival>(&what.what)) {
    if (telling())
      say(called(what.node) + " <- " + called(came->from) + ": " + shown(came->message), false);
    return step(what.node, raft::received{id_of(came->from), std::move(came->message)});
  }
  if (const auto* due = std::get_if<timer>(&what.what)) {
    if (due->number == it.timers)
      step(what.node, raft::tick{});
    return;
  }
  if (auto* data = std::get_if<piece>(&what.what))
    return step(what.node, std::move(data->data));
  if (const auto* request = std::get_if<asked>(&what.what))
    return step(what.node, request->what);
  complete(what.node);
}

// -- faults ----

void raft_world::crash(std::size_t node) {
  auto& it = nodes_[node];
  if (!it.core)
    return;
  say(called(node) + " crashes", true);
  it.core.reset();
  for (const auto& done : it.writes.crash(random_))
    keep(it.on_disk, done);
  it.frozen_until = instant(0);
  it.open.clear();
  std::vector<answer> lost;
  for (auto request = requests_.begin(); request != requests_.end();) {
    const bool here = request->second.node == node;
    if (here)
      lost.push_back(std::move(request->second.done));
    request = here ? requests_.erase(request) : std::next(request);
  }
  for (auto& done : lost)
    reply(std::move(done), result::unknown, std::nullopt);
}

void raft_world::restart(std::size_t node) {
  auto& it = nodes_[node];
  if (it.core)
    return;
  ++it.life;
  it.snapshotting = it.replacing = it.led = false;
  it.state = it.on_disk.state;
  it.term = 0;
  it.commit = 0;
  chain_from(node, it.on_disk.mark, it.on_disk.state.hash);
  for (const auto& next : it.on_disk.log)
    it.chain.push_back(chained(it.chain.back(), next));
  auto limits = how_.limits;
  limits.self = id_of(node);
  limits.seed = random_.bits();
  limits.mutations = how_.mutations;
  raft::stored_state disk{it.on_disk.hard, it.on_disk.mark, {it.on_disk.log.begin(), it.on_disk.log.end()}};
  if (it.life > 1)
    say(called(node) + " starts with term " + text(disk.hard.term) + " and a log up to entry "
          + text(disk.snapshot.index + disk.entries.size()),
        true);
  it.core.emplace(limits, std::move(disk), it.clock.local(now()));
  raft::learners all;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    all.nodes.push_back(id_of(i));
  if (nodes_.size() > 1)
    step(node, std::move(all));
  step(node, raft::tick{});
}

void raft_world::freeze(std::size_t node, instant until) {
  say(called(node) + " is frozen until " + shown(until), true);
  nodes_[node].frozen_until = std::max(nodes_[node].frozen_until, until);
  if (until <= now())
    nodes_[node].frozen_until = now();
}

void raft_world::set_disk(std::size_t node, instant low, instant high) {
  nodes_[node].writes.latency_min = low;
  nodes_[node].writes.latency_max = high;
}

void raft_world::cut(std::size_t from, std::size_t to, bool is_cut) { network_.set_cut(from, to, is_cut); }

void raft_world::cut_both(std::size_t one, std::size_t other, bool is_cut) {
  cut(one, other, is_cut);
  cut(other, one, is_cut);
}

// -- requests ----

void raft_world::propose(std::size_t node, std::string data, answer done, std::vector<std::size_t> voters) {
  if (!up(node))
    return reply(std::move(done), result::refused, std::nullopt);
  raft::propose what{next_request_++, std::move(data), {}};
  for (const auto voter : voters)
    what.voters.push_back(id_of(voter));
  if (telling() && !voters.empty())
    say("somebody asks " + called(node) + " for the voters " + listed(voters), true);
  if (!voters.empty())
    seals_.push_back(what.voters);
  requests_[what.id] = {node, 0, std::move(done)};
  timeline_.plan(now(), event{node, nodes_[node].life, asked{std::move(what)}});
}

void raft_world::read(std::size_t node, answer done) {
  if (!up(node))
    return reply(std::move(done), result::refused, std::nullopt);
  const raft::read what{next_request_++};
  requests_[what.id] = {node, truth_.last_answered(), std::move(done)};
  timeline_.plan(now(), event{node, nodes_[node].life, asked{what}});
}

/// Not at once: who asked may ask again, and the node has not ended its step.
void raft_world::reply(answer done, result how, std::optional<std::size_t> leader) {
  at(now(), [done = std::move(done), how, leader] { done(how, leader); });
}

void raft_world::transfer(std::size_t node) {
  if (up(node))
    timeline_.plan(now(), event{node, nodes_[node].life, asked{raft::transfer{}}});
}

// -- what there is to see ----

std::optional<std::size_t> raft_world::leader() const {
  std::optional<std::size_t> best;
  const auto rank = [this](std::size_t i) { return std::pair(core(i).generation(), core(i).term()); };
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (up(i) && core(i).role() == raft::role::kind::leader && (!best || rank(i) > rank(*best)))
      best = i;
  return best;
}

std::size_t raft_world::in_newest_generation() const {
  std::size_t best = 0;
  for (std::size_t i = 1; i < nodes_.size(); ++i)
    if (nodes_[i].on_disk.mark.generation > nodes_[best].on_disk.mark.generation)
      best = i;
  return best;
}

std::vector<std::vector<std::size_t>> raft_world::electorates() const {
  std::vector<std::vector<std::size_t>> result;
  const auto add = [&](const std::vector<node_uuid>& voters) {
    if (voters.empty())
      return;
    result.emplace_back();
    for (const auto& id : voters)
      result.back().push_back(node_of(id));
  };
  const auto newest = newest_generation();
  for (const auto& it : nodes_) {
    if (it.on_disk.mark.generation == newest)
      add(it.on_disk.mark.voters);
    if (it.core && it.core->generation() > newest)
      add(it.core->voters());
    for (const auto& next : it.on_disk.log)
      add(next.voters);
  }
  for (const auto& voters : seals_)
    add(voters);
  return result;
}

void raft_world::say(const std::string& line, bool story) {
  if (how_.lines_kept == 0 || (how_.chronicle && !story))
    return;
  lines_.push_back(shown(now()) + "  " + line);
  if (lines_.size() > how_.lines_kept)
    lines_.pop_front();
}

/// I3: what a node shows in one life never goes back. Nor is a node said to have forgotten what it acknowledged: no disk here is an old copy.
void raft_world::check_step(std::size_t node) {
  auto& it = nodes_[node];
  if (it.core->term() < it.term || it.core->commit_index() < it.commit)
    throw violation("I3: the term or the commit index of " + called(node) + " goes back.");
  it.term = it.core->term();
  it.commit = it.core->commit_index();
  for (std::size_t other = 0; other < nodes_.size(); ++other)
    if (it.core->has_forgotten(id_of(other)))
      throw violation("I20: " + called(node) + " takes the disk of " + called(other) + " for an old copy.");
}

} // namespace hearth::sim
