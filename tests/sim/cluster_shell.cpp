#include "tests/sim/cluster_site.hpp"
#include "tests/sim/cluster_world.hpp"

#include <algorithm>
#include <utility>

/// What the shell around each controller does with its effects: links, disk, and the site beside it.
namespace hearth::sim {

using namespace cluster;

void cluster_world::step(std::size_t node, controller_event what) {
  auto& it = nodes_[node];
  const auto life = it.life;
  for (auto& effect : it.plane->step(std::move(what), it.clock.local(now()))) {
    std::visit([&](auto&& one) { on(node, std::forward<decltype(one)>(one)); }, std::move(effect));
    if (it.life != life)
      return;
  }
}

// -- links ----

namespace {

bool is_long(const control_message& what) {
  const auto* message = std::get_if<raft::message>(&what);
  const auto* entries = message == nullptr ? nullptr : std::get_if<raft::append>(&message->body);
  return message != nullptr
         && (std::holds_alternative<raft::snapshot_chunk>(message->body)
             || (entries != nullptr && !entries->entries.empty()));
}

} // namespace

void cluster_world::on(std::size_t node, effects::send what) {
  const auto to = node_of(what.to);
  if (nodes_[to].starved && is_long(what.message))
    return;
  const auto arrivals = network_.send(node, to, now(), random_);
  for (std::size_t i = 0; i < arrivals.count; ++i)
    if (up(to))
      timeline_.plan(
        arrivals.at[i],
        event{to, nodes_[to].life, arrival{node, i + 1 < arrivals.count ? what.message : std::move(what.message)}});
}

// Words go over connections: what is lost there is sent again by the system below, and what cannot arrive ends the link.
void cluster_world::tell(std::size_t from, std::size_t to, word what) {
  if (from == to)
    return timeline_.plan(now(), event{to, nodes_[to].life, said{from, nodes_[from].life, std::move(what)}});
  if (!up(to) || network_.cut(from, to) || network_.cut(to, from))
    return break_link(from, to);
  auto arrivals = network_.send(from, to, now(), random_);
  if (arrivals.count == 0)
    arrivals.at[0] = now() + random_.time(from_ms(200), from_ms(600));
  auto& last = last_word_[{from, to}];
  last = std::max(last, arrivals.at[0]);
  timeline_.plan(last, event{to, nodes_[to].life, said{from, nodes_[from].life, std::move(what)}});
}

void cluster_world::hear(std::size_t node, const said& what) {
  if (what.from != node) {
    if (nodes_[what.from].life != what.life_of_sender)
      return; // with its process ended the connection
    if (network_.cut(what.from, node) || network_.cut(node, what.from))
      return break_link(what.from, node);
  }
  nodes_[node].site->hear(what.from, what.what);
}

void cluster_world::break_link(std::size_t one, std::size_t other) {
  for (const auto& [node, peer] : {std::pair(one, other), std::pair(other, one)})
    if (up(node))
      later(node, random_.time(from_ms(20), from_ms(1500)),
            [this, node = node, peer = peer, when = now()] { nodes_[node].site->link_ended(peer, when); });
}

// -- disk ----

void cluster_world::put(std::size_t node, write what) {
  const auto at = nodes_[node].writes.write(std::move(what), now(), random_);
  timeline_.plan(at, event{node, nodes_[node].life, written{}});
}

void cluster_world::on(std::size_t node, raft::store what) {
  put(node, {what.token, what.hard, what.truncate_from, std::move(what.append), std::nullopt, {}, false, false});
}

void cluster_world::on(std::size_t node, effects::keep_snapshot what) {
  put(node,
      {0, {}, {}, {}, what.mark, std::make_shared<const control_image>(std::move(what.image)), what.sealing, false});
}

void cluster_world::complete(std::size_t node) {
  auto& it = nodes_[node];
  const auto done = it.writes.complete();
  auto& disk = *it.on_disk;
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
    step(node, events::installed{done.mark->generation, done.mark->index, *done.image});
  else if (done.whole)
    step(node, raft::snapshot_stored{done.mark->generation, done.mark->index});
  else if (!late)
    step(node, raft::snapshot_taken{done.mark->index});
}

void cluster_world::on(std::size_t node, const raft::fetch_chunk& what) {
  later(node, from_ms(1), [this, node, what] {
    const auto& disk = *nodes_[node].on_disk;
    if (disk.mark.index != what.index)
      return;
    images_.push_back(disk.image);
    step(node, raft::snapshot_data{what.to, what.index, what.offset, std::to_string(images_.size() - 1), true, "d"});
  });
}

void cluster_world::on(std::size_t node, const raft::keep_chunk& what) {
  auto& arriving = nodes_[node].arriving;
  if (what.offset == 0)
    arriving.clear();
  arriving += what.data;
}

void cluster_world::on(std::size_t node, const raft::install& what) {
  put(node, {0, {}, {}, {}, what.mark, images_.at(std::stoull(nodes_[node].arriving)), true, true});
}

// -- the controller's own ----

void cluster_world::on(std::size_t node, const effects::set_timer& what) {
  auto& it = nodes_[node];
  const auto number = ++it.timers;
  if (what.at != raft::never)
    timeline_.plan(std::max(now(), it.clock.world(what.at)), event{node, it.life, timer{number}});
}

void cluster_world::on(std::size_t node, const effects::fatal& what) {
  say(called(node) + " gives up: " + what.why.message);
  nodes_[node].fatal = what.why.message;
  if (what.why.code != ec::not_a_member && what.why.code != ec::stale_epoch)
    throw violation("I20: " + called(node) + " gives up: " + what.why.message);
  later(node, from_ms(1), [this, node] { crash(node); });
}

void cluster_world::on(std::size_t node, const effects::stopped&) {
  nodes_[node].stopped = true;
  later(node, from_ms(1), [this, node] { crash(node); });
}

void cluster_world::on(std::size_t node, const raft::role& what) {
  auto& last = nodes_[node].role;
  if (what.now == raft::role::kind::leader)
    truth_.leads(node, what.generation, what.term);
  if (telling()) {
    const bool led = last.now == raft::role::kind::leader;
    if (what.generation != last.generation && last.generation != 0)
      say(called(node) + " begins generation " + std::to_string(what.generation));
    if (what.now == raft::role::kind::leader && (!led || what.term != last.term))
      say(called(node) + " leads term " + std::to_string(what.term));
    else if (led && what.now != raft::role::kind::leader)
      say(called(node) + " leads no more");
  }
  last = what;
}

void cluster_world::on(std::size_t node, const effects::seated& what) {
  trace_.mix(what.seat.value);
  if (!what.seat)
    say(called(node) + " sees that it has lost its seat");
  nodes_[node].site->look_at_all();
}

void cluster_world::on(std::size_t node, const effects::replaced&) {
  truth_.compare(state(node));
  say(called(node) + " takes over the state at entry " + std::to_string(state(node).applied()));
  nodes_[node].site->look_at_all();
}

void cluster_world::on(std::size_t node, const effects::applied& what) {
  trace_.mix(what.index << 8 | what.order.index());
  const bool is_news = truth_.applied(now(), what, state(node));
  if (is_news && telling())
    tell_story(node, what);
  for (const auto& fact : what.facts)
    if (const auto* ended = std::get_if<facts::seat_ended>(&fact);
        is_news && ended != nullptr && ended->how == departure::expired) {
      // I6: whoever is thought to be gone has no lease any more.
      const auto gone = node_of(ended->node);
      if (up(gone) && plane(gone).seat() == ended->seat && has_lease(gone))
        throw violation("I6: the seat of " + called(gone) + " expired while its lease ran.");
    }
  nodes_[node].site->take(what);
}

void cluster_world::tell_story(std::size_t node, const effects::applied& what) {
  const auto& now_is = state(node);
  const auto holder = [&](seat_id seat) { return truth_.holder(seat); };
  for (const auto& fact : what.facts) {
    if (const auto* seat = std::get_if<facts::seat_began>(&fact))
      say(called(node_of(seat->node)) + " has seat " + std::to_string(seat->seat.value));
    else if (const auto* gone = std::get_if<facts::seat_ended>(&fact))
      say("the seat of " + called(node_of(gone->node)) + " ends: it "
          + (gone->how == departure::left   ? "left"
             : gone->how == departure::died ? "died"
                                            : "was not heard of"));
    else if (const auto* owner = std::get_if<facts::owner_changed>(&fact))
      say(owner->key
          + (owner->owner
               ? " belongs to " + holder(owner->owner) + " from entry " + std::to_string(owner->epoch.value) + " on"
               : " belongs to nobody"));
    else if (const auto* voters = std::get_if<facts::voters_changed>(&fact))
      say("generation " + std::to_string(voters->generation) + " of the log is decided");
    else if (const auto* member = std::get_if<facts::member_changed>(&fact)) {
      const auto* who = now_is.find_member(member->node);
      say(called(node_of(member->node))
          + (who->removed    ? " is removed"
             : who->draining ? " is being drained"
                             : " is a member"));
    } else if (const auto* begun = std::get_if<facts::run_accepted>(&fact)) {
      const auto* run = now_is.find_run(std::string_view(begun->name));
      say(begun->name + " is accepted" + (run->order.lost == 0 ? ", to start once at most" : "") + "; its home is "
          + holder(run->home));
    } else if (const auto* claimed = std::get_if<facts::run_claimed>(&fact))
      say(claimed->name + " is claimed");
    else if (const auto* orphan = std::get_if<facts::run_orphaned>(&fact))
      say(orphan->name + " has no home");
    else if (const auto* moved = std::get_if<facts::run_rehomed>(&fact)) {
      const auto* run = now_is.find_run(std::string_view(moved->name));
      say(moved->name + " goes on at " + holder(run->home) + " as attempt " + std::to_string(run->attempt));
    } else if (const auto* ended = std::get_if<facts::run_ended>(&fact)) {
      const auto* run = now_is.find_run(std::string_view(ended->name));
      say(ended->name + " has ended: " + std::string(run->end.value.content.view()));
    }
  }
}

} // namespace hearth::sim
