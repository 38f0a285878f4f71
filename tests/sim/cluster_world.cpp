#include "tests/sim/cluster_world.hpp"

#include "tests/sim/cluster_site.hpp"

#include <algorithm>
#include <utility>

namespace hearth::sim {

using namespace cluster;

namespace {

constexpr std::uint64_t calendar_ms = 1'700'000'000'000;
constexpr instant work_turn = from_ms(100);
constexpr std::uint64_t steps_max = 1'000'000; // twenty times what the liveliest seeds take

// Entries are written down here, and travel as their number: the controller takes functions without an object.
std::vector<submission>& entries() {
  static std::vector<submission> all;
  return all;
}

std::string encode(const submission& what) {
  entries().push_back(what);
  return std::to_string(entries().size() - 1);
}

std::optional<submission> decode(std::string_view data) { return entries().at(std::stoull(std::string(data))); }

} // namespace

cluster_world::cluster_world(cluster_options how) : how_(how), random_(how.seed), nodes_(how.nodes) {
  entries().clear();
  std::vector<node_uuid> voters;
  for (std::size_t i = 0; i < how_.voters; ++i)
    voters.push_back(id_of(i));
  auto image = control_state(voters).image();
  for (std::size_t i = 0; i < how_.founded; ++i) {
    image.members[id_of(i)].node = id_of(i);
    image.members[id_of(i)].name = called(i);
  }
  const auto first = std::make_shared<const control_image>(std::move(image));
  for (auto& node : nodes_) {
    node.on_disk = std::make_shared<stored>();
    node.on_disk->mark = {0, 0, 1, voters};
    node.on_disk->image = first;
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    restart(i);
}

cluster_world::~cluster_world() = default;

void cluster_world::say(const std::string& line) {
  if (!telling())
    return;
  lines_.push_back(shown(now()) + "  " + line);
  if (lines_.size() > how_.lines_kept)
    lines_.pop_front();
}

// -- time ----

void cluster_world::at(instant when, std::function<void()> what) {
  timeline_.plan(when, event{0, 0, action{std::move(what)}});
}

void cluster_world::later(std::size_t node, instant delay, std::function<void()> what) {
  timeline_.plan(now() + delay, event{node, nodes_[node].life, action{std::move(what)}});
}

void cluster_world::run_until(instant end) {
  while (!timeline_.empty() && timeline_.next() <= end)
    deliver(timeline_.take());
  timeline_.pass(end);
}

bool cluster_world::run_until(instant end, const std::function<bool()>& done) {
  while (!done()) {
    if (timeline_.empty() || timeline_.next() > end) {
      timeline_.pass(end);
      return done();
    }
    deliver(timeline_.take());
  }
  return true;
}

void cluster_world::deliver(event what) {
  auto& it = nodes_[what.node];
  if (what.life != 0) {
    if (what.life != it.life || !it.plane)
      return;
    if (it.frozen_until > now()) {
      const auto until = it.frozen_until;
      return timeline_.plan(until, std::move(what));
    }
  }
  ++steps_;
  if (steps_ > steps_max)
    throw violation("something goes round in circles: more than " + std::to_string(steps_max) + " steps.");
  trace_.mix(static_cast<std::uint64_t>(now().count()));
  trace_.mix(what.node << 8 | what.what.index());
  if (auto* came = std::get_if<arrival>(&what.what)) {
    trace_.mix(came->from << 8 | came->message.index());
    step(what.node, events::received{id_of(came->from), std::move(came->message)});
  } else if (const auto* heard = std::get_if<said>(&what.what)) {
    trace_.mix(heard->from << 8 | static_cast<std::uint64_t>(heard->what.what));
    hear(what.node, *heard);
  } else if (const auto* due = std::get_if<timer>(&what.what)) {
    if (due->number == it.timers)
      step(what.node, events::tick{calendar_ms + static_cast<std::uint64_t>(now().count() / 1'000'000)});
  } else if (std::holds_alternative<written>(what.what)) {
    complete(what.node);
  } else if (std::holds_alternative<turn>(what.what)) {
    if (it.work_blocked_until <= now())
      step(what.node, events::work_loop_turned{});
    timeline_.plan(now() + work_turn, event{what.node, what.life, turn{}});
  } else {
    std::get<action>(what.what).run();
  }
}

// -- faults ----

void cluster_world::restart(std::size_t node) {
  auto& it = nodes_[node];
  if (it.plane)
    return;
  ++it.life;
  it.clock = local_clock(1 + random_.real(-how_.clock_error, how_.clock_error), random_.time(from_ms(0), from_ms(1e6)));
  it.fatal.clear();
  it.leaving = it.stopped = false;
  it.role = {};
  controller_config config;
  config.self = id_of(node);
  config.name = called(node);
  config.incarnation = ++it.on_disk->incarnation;
  if (node + how_.older >= how_.nodes)
    config.level = 1;
  config.nonce = random_.bits();
  config.snapshot_entries = how_.snapshot_entries;
  config.entries_behind_snapshot = how_.entries_behind_snapshot;
  config.mutations = how_.faults.controller;
  config.state_mutations = how_.faults.state;
  config.raft_mutations = how_.faults.raft;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    config.founders.push_back({id_of(i), called(i)});
  config.encode = encode;
  config.decode = decode;
  const auto& disk = *it.on_disk;
  controller_start found;
  found.log = {disk.hard, disk.mark, {disk.log.begin(), disk.log.end()}};
  found.image = *disk.image;
  if (it.life > 1)
    say(called(node) + " starts");
  it.plane.emplace(std::move(config), std::move(found), it.clock.local(now()));
  it.site = std::make_unique<cluster_site>(*this, node);
  step(node, events::tick{calendar_ms});
  timeline_.plan(now() + work_turn, event{node, it.life, turn{}});
}

void cluster_world::crash(std::size_t node) {
  auto& it = nodes_[node];
  if (!it.plane)
    return;
  say(called(node) + (it.stopped ? " ends" : " crashes"));
  ++it.life;
  it.plane.reset();
  it.site.reset();
  for (auto& survived : it.writes.crash(random_)) {
    it.writes.write(std::move(survived), now(), random_);
    complete(node);
  }
  it.reads.clear();
  it.arriving.clear();
  it.frozen_until = instant(0);
  auto open = std::exchange(it.open, {});
  for (auto& [request, asked] : open) // the connection breaks, and the client does not know
    at(now(), [done = std::move(asked.done)] { done(refused(ec::no_quorum, "the node is gone")); });
  for (std::size_t other = 0; other < nodes_.size(); ++other)
    if (other != node)
      break_link(node, other);
}

void cluster_world::freeze(std::size_t node, instant until) {
  auto& it = nodes_[node];
  if (until > now())
    say(called(node) + " stands still until " + shown(until));
  it.frozen_until = until > now() ? std::max(it.frozen_until, until) : std::min(it.frozen_until, now());
  it.thawed = it.frozen_until;
}

void cluster_world::set_disk(std::size_t node, instant low, instant high) {
  nodes_[node].writes.latency_min = low;
  nodes_[node].writes.latency_max = high;
}

void cluster_world::report_death(std::size_t node) {
  const auto incarnation = nodes_[node].on_disk->incarnation;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (i != node && up(i))
      later(i, from_ms(20), [this, i, node, incarnation] {
        step(i, events::link_down{id_of(node), true, incarnation});
      });
}

std::shared_ptr<cluster_world::stored> cluster_world::copy_disk(std::size_t node) const {
  return std::make_shared<stored>(*nodes_[node].on_disk);
}

void cluster_world::put_disk(std::size_t node, const std::shared_ptr<stored>& copy) {
  nodes_[node].on_disk = std::make_shared<stored>(*copy);
}

// -- requests ----

void cluster_world::submit(std::size_t node, command order, answer done) {
  if (!up(node))
    return at(now(), [done = std::move(done)] { done(refused(ec::no_quorum, "the node is gone")); });
  const auto number = next_request_++;
  nodes_[node].open.emplace(number, request{std::move(done), now()});
  later(node, instant(0), [this, node, number, order = std::move(order)]() mutable {
    step(node, events::submit{number, std::move(order)});
  });
}

void cluster_world::on(std::size_t node, const effects::answer& what) {
  auto& it = nodes_[node];
  if (it.reads.erase(what.request) > 0)
    return;
  const auto found = it.open.find(what.request);
  if (found == it.open.end())
    throw violation("I10: a request was answered twice.");
  if (what.result.code == ec::none)
    truth_.answered(what.result.index);
  // Not within the step that answered.
  at(now(), [done = std::move(found->second.done), result = what.result] { done(result); });
  it.open.erase(found);
}

void cluster_world::read(std::size_t node) {
  if (!up(node))
    return;
  const auto number = next_request_++;
  nodes_[node].reads.emplace(number, reading{truth_.answered(), now()});
  later(node, instant(0), [this, node, number] { step(node, events::read{number}); });
}

void cluster_world::on(std::size_t node, const effects::readable& what) {
  auto& it = nodes_[node];
  const auto found = it.reads.find(what.request);
  if (found == it.reads.end())
    throw violation("I10: a read was answered twice.");
  if (state(node).applied() < found->second.floor)
    throw violation("I3: a read at " + called(node) + " misses what was answered before it began.");
  it.reads.erase(found);
}

std::string cluster_world::unanswered(instant patience) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto late = [&](instant begun) { return std::max(begun, nodes_[i].thawed) + patience < now(); };
    if (!up(i) || !nodes_[i].fatal.empty() || nodes_[i].stopped)
      continue;
    for (const auto& [number, asked] : nodes_[i].open)
      if (late(asked.begun))
        return "I10: a request at " + called(i) + " is never answered.";
    for (const auto& [number, asked] : nodes_[i].reads)
      if (late(asked.begun))
        return "I10: a read at " + called(i) + " is never answered.";
  }
  return {};
}

void cluster_world::stop(std::size_t node) {
  if (!up(node))
    return;
  say(called(node) + " is told to leave");
  nodes_[node].leaving = true;
  later(node, instant(0), [this, node] { step(node, events::stop{}); });
}

// -- what there is to see ----

bool cluster_world::has_lease(std::size_t node) const {
  return plane(node).seat() && plane(node).lease_until() > nodes_[node].clock.local(now());
}

std::optional<std::size_t> cluster_world::leader() const {
  std::optional<std::size_t> best;
  const auto rank = [this](std::size_t i) { return std::pair(plane(i).log().generation(), plane(i).log().term()); };
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (up(i) && plane(i).log().role() == raft::role::kind::leader && (!best || rank(i) > rank(*best)))
      best = i;
  return best;
}

bool cluster_world::all_seated() const {
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (!up(i) || !has_lease(i))
      return false;
  return true;
}

std::vector<std::vector<std::size_t>> cluster_world::electorates() const {
  std::set<std::vector<node_uuid>> known;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    known.insert(nodes_[i].on_disk->mark.voters);
    for (const auto& entry : nodes_[i].on_disk->log)
      if (entry.type == raft::entry::kind::seal)
        known.insert(entry.voters);
    if (up(i))
      known.insert(plane(i).log().voters());
  }
  std::vector<std::vector<std::size_t>> result;
  for (const auto& voters : known) {
    result.emplace_back();
    for (const auto& voter : voters)
      result.back().push_back(node_of(voter));
  }
  return result;
}

std::size_t cluster_world::in_newest_generation() const {
  std::size_t best = 0;
  for (std::size_t i = 1; i < nodes_.size(); ++i)
    if (nodes_[i].on_disk->mark.generation > nodes_[best].on_disk->mark.generation)
      best = i;
  return best;
}

std::uint32_t cluster_world::newest_generation() const {
  return nodes_[in_newest_generation()].on_disk->mark.generation;
}

} // namespace hearth::sim
