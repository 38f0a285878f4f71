#include "tests/sim/cluster_world.hpp"

#include <algorithm>
#include <utility>

namespace hearth::sim {

using namespace cluster;

namespace {

// Entries and states are written down here, and travel as their number.
std::vector<submission>& entries() {
  static std::vector<submission> all;
  return all;
}

std::vector<control_image>& images() {
  static std::vector<control_image> all;
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
  images().clear();
  std::vector<node_uuid> voters;
  for (std::size_t i = 0; i < how_.voters; ++i)
    voters.push_back(id_of(i));
  for (auto& node : nodes_) {
    node.on_disk.mark = {0, 0, 1, voters};
    node.on_disk.image = control_state(voters).image();
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    restart(i);
}

void cluster_world::violated(const std::string& what) {
  if (broken_.empty())
    broken_ = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now()).count()) + " ms: " + what;
}

void cluster_world::plan(std::size_t node, instant at, std::function<void()> what) {
  timeline_.plan(at, event{node, nodes_[node].life, std::move(what)});
}

void cluster_world::run_until(instant end) {
  run_until(end, [] { return false; });
}

bool cluster_world::run_until(instant end, const std::function<bool()>& done) {
  while (!done()) {
    if (timeline_.empty() || timeline_.next() > end || !broken_.empty()) {
      timeline_.pass(end);
      return done();
    }
    auto next = timeline_.take();
    auto& node = nodes_[next.node];
    if (next.life != 0 && next.life != node.life)
      continue;
    if (next.life != 0 && node.frozen_until > now())
      timeline_.plan(node.frozen_until, std::move(next));
    else
      next.run();
  }
  return true;
}

void cluster_world::restart(std::size_t node) {
  auto& it = nodes_[node];
  if (it.plane)
    return;
  ++it.life;
  it.clock = local_clock(1 + random_.real(-how_.clock_error, how_.clock_error), random_.time(from_ms(0), from_ms(1e6)));
  it.fatal.clear();
  it.stopped = false;
  controller_config config;
  config.self = id_of(node);
  config.name = "n" + std::to_string(node);
  config.incarnation = ++it.on_disk.incarnation;
  config.nonce = random_.bits();
  config.snapshot_entries = how_.snapshot_entries;
  config.mutations = how_.mutations;
  config.state_mutations = how_.state_mutations;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    config.founders.push_back({id_of(i), "n" + std::to_string(i)});
  config.encode = encode;
  config.decode = decode;
  controller_start disk;
  disk.log = {it.on_disk.hard, it.on_disk.mark, {it.on_disk.log.begin(), it.on_disk.log.end()}};
  disk.image = it.on_disk.image;
  it.plane.emplace(std::move(config), std::move(disk), it.clock.local(now()));
  step(node, events::tick{1'700'000'000'000});
  work_loop(node);
}

void cluster_world::crash(std::size_t node) {
  auto& it = nodes_[node];
  if (!it.plane)
    return;
  ++it.life;
  it.plane.reset();
  for (auto& survived : it.writes.crash(random_)) {
    it.writes.write(std::move(survived), now(), random_);
    complete(node);
  }
  it.executing.clear();
  it.reads.clear();
  it.arriving.clear();
  it.frozen_until = instant(0);
  auto open = std::exchange(it.open, {});
  for (auto& [request, done] : open) // the connection breaks; the client does not know
    done(refused(ec::no_quorum, "the node is gone"));
}

void cluster_world::report_death(std::size_t node) {
  const auto incarnation = nodes_[node].on_disk.incarnation;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (i != node && up(i))
      plan(i, now() + from_ms(20), [this, i, node, incarnation] {
        step(i, events::link_down{id_of(node), true, incarnation});
      });
}

void cluster_world::work_loop(std::size_t node) {
  plan(node, now() + from_ms(100), [this, node] {
    if (nodes_[node].work_blocked_until <= now())
      step(node, events::work_loop_turned{});
    work_loop(node);
  });
}

void cluster_world::step(std::size_t node, controller_event what) {
  auto& it = nodes_[node];
  if (!it.plane)
    return;
  if (it.frozen_until > now())
    return plan(node, it.frozen_until, [this, node, what = std::move(what)]() mutable { step(node, std::move(what)); });
  const auto life = it.life;
  for (auto& effect : it.plane->step(std::move(what), it.clock.local(now())))
    if (it.plane && it.life == life)
      perform(node, std::move(effect));
}

void cluster_world::perform(std::size_t node, controller_effect what) {
  std::visit([&](auto&& one) { on(node, std::forward<decltype(one)>(one)); }, std::move(what));
}

void cluster_world::on(std::size_t node, effects::send what) {
  const auto to = static_cast<std::size_t>(what.to.lo - 1);
  const auto arrivals = network_.send(node, to, now(), random_);
  for (std::size_t i = 0; i < arrivals.count; ++i)
    if (up(to))
      plan(to, arrivals.at[i], [this, to, node, message = what.message] {
        step(to, events::received{id_of(node), message});
      });
}

void cluster_world::on(std::size_t node, const effects::set_timer& what) {
  auto& it = nodes_[node];
  const auto number = ++it.timers;
  if (what.at == raft::never)
    return;
  plan(node, std::max(now(), it.clock.world(what.at)), [this, node, number] {
    if (nodes_[node].timers == number)
      step(node, events::tick{1'700'000'000'000 + static_cast<std::uint64_t>(now().count() / 1'000'000)});
  });
}

// -- disk ----

void cluster_world::put(std::size_t node, write what) {
  const auto at = nodes_[node].writes.write(std::move(what), now(), random_);
  plan(node, at, [this, node] { complete(node); });
}

void cluster_world::on(std::size_t node, raft::store what) {
  put(node, {what.token, what.hard, what.truncate_from, std::move(what.append), std::nullopt, {}, false, false});
}

void cluster_world::on(std::size_t node, effects::keep_snapshot what) {
  put(node, {0, {}, {}, {}, what.mark, std::move(what.image), what.sealing, false});
}

void cluster_world::complete(std::size_t node) {
  auto& it = nodes_[node];
  const auto done = it.writes.complete();
  auto& disk = it.on_disk;
  if (done.hard)
    disk.hard = *done.hard;
  if (done.truncate_from)
    while (!disk.log.empty() && disk.log.back().index >= *done.truncate_from)
      disk.log.pop_back();
  disk.log.insert(disk.log.end(), done.append.begin(), done.append.end());
  const bool late = done.mark
                    && (done.mark->generation < disk.mark.generation
                        || (!done.whole && done.mark->index <= disk.mark.index));
  if (done.mark && !late) {
    disk.mark = *done.mark;
    disk.image = done.image;
    while (!disk.log.empty() && (done.whole || disk.log.front().index <= done.mark->index))
      disk.log.pop_front();
  }
  if (!it.plane)
    return;
  if (!done.mark)
    step(node, raft::stored{done.token});
  else if (done.installs)
    step(node, events::installed{done.mark->generation, done.mark->index, done.image});
  else if (done.whole)
    step(node, raft::snapshot_stored{done.mark->generation, done.mark->index});
  else if (!late)
    step(node, raft::snapshot_taken{done.mark->index});
}

void cluster_world::on(std::size_t node, const raft::fetch_chunk& what) {
  plan(node, now() + from_ms(1), [this, node, what] {
    const auto& disk = nodes_[node].on_disk;
    if (disk.mark.index != what.index || !disk.image)
      return;
    images().push_back(*disk.image);
    step(node, raft::snapshot_data{what.to, what.index, what.offset, std::to_string(images().size() - 1), true, "d"});
  });
}

void cluster_world::on(std::size_t node, const raft::keep_chunk& what) {
  auto& arriving = nodes_[node].arriving;
  if (what.offset == 0)
    arriving.clear();
  arriving += what.data;
}

void cluster_world::on(std::size_t node, const raft::install& what) {
  put(node, {0, {}, {}, {}, what.mark, images().at(std::stoull(nodes_[node].arriving)), true, true});
}

// -- what there is to see ----

std::optional<std::size_t> cluster_world::leader() const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (up(i) && plane(i).log().role() == raft::role::kind::leader
        && (!best || plane(i).log().term() > plane(*best).log().term()))
      best = i;
  return best;
}

bool cluster_world::all_seated() const {
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (!up(i) || !plane(i).seat() || plane(i).lease_until() <= nodes_[i].clock.local(now()))
      return false;
  return true;
}

std::uint32_t cluster_world::starts(const std::string& run) const {
  const auto found = starts_.find(run);
  return found == starts_.end() ? 0 : found->second;
}

} // namespace hearth::sim
