#include "cluster/control_plane.hpp"

#include <algorithm>
#include <utility>

/// What the leader does for all: new places for what lost its own, and what happens once in the life of a cluster.
namespace hearth::cluster {

bool control_plane::may_ask(const std::string& duty) {
  auto& at = duties_[duty];
  if (at > now_) {
    wake_at(at);
    return false;
  }
  at = now_ + defaults::duty_retry;
  return true;
}

void control_plane::look_after_orphans() {
  if (!in_charge() || lost_)
    return;
  std::erase_if(duties_, [this](const auto& duty) { return duty.second + defaults::duty_retry < now_; });
  found();
  raise_level_if_all_can();
  if (mutated(controller_mutation::ignore_orphans))
    return;
  const auto grace = state_.image().members.size() <= 1 ? instant{} : instant(defaults::return_grace);
  if (elected_ + grace > now_)
    return wake_at(elected_ + grace);
  if (!orphans_due_)
    return;
  orphans_due_ = false;
  place_environments();
  place_runs();
  drain();
}

std::vector<candidate> control_plane::candidates() const {
  std::map<seat_id, std::uint32_t> loads;
  for (const auto& [key, environment] : state_.image().environments)
    if (environment.owner)
      ++loads[environment.owner];
  std::vector<candidate> result;
  for (const auto& [id, seat] : state_.image().seats)
    result.push_back(
      {id, seat.node, state_.draining(id) && !mutated(controller_mutation::ignore_draining), loads[id]});
  // Rather a node that is being drained than nobody.
  if (std::all_of(result.begin(), result.end(), [](const candidate& who) { return who.draining; }))
    for (auto& who : result)
      who.draining = false;
  return result;
}

void control_plane::place_environments() {
  auto places = candidates();
  std::size_t placed = 0;
  for (const auto& key : state_.orphaned_environments()) {
    if (placed == defaults::duty_batch || places.empty()) {
      orphans_due_ = true;
      return wake_at(now_ + defaults::submission_pause);
    }
    if (!may_ask("environment " + key)) {
      orphans_due_ = true;
      continue;
    }
    ++placed;
    orphans_due_ = true; // until it is done
    wake_at(now_ + defaults::duty_retry);
    const auto chosen = place(key, {}, places);
    if (!chosen)
      continue;
    for (auto& who : places)
      if (who.seat == *chosen)
        ++who.load;
    propose_own(grant{key, *chosen});
  }
}

void control_plane::place_runs() {
  auto places = candidates();
  for (auto& who : places)
    who.load = static_cast<std::uint32_t>(state_.runs_at(who.seat).size());
  std::map<seat_id, std::vector<std::string>> batches;
  for (const auto* run : state_.orphaned_runs(4 * defaults::duty_batch)) {
    orphans_due_ = true; // until it is done
    if (!may_ask("run " + run->order.name))
      continue;
    wake_at(now_ + defaults::duty_retry);
    const auto* owner = state_.find_seat(state_.owner_of(run->order.key).first);
    const auto chosen = place(run->order.name, owner == nullptr ? node_uuid{} : owner->node, places);
    if (!chosen)
      continue;
    for (auto& who : places)
      if (who.seat == *chosen)
        ++who.load;
    batches[*chosen].push_back(run->order.name);
  }
  for (auto& [seat, names] : batches)
    for (std::size_t from = 0; from < names.size(); from += defaults::duty_batch) {
      const auto to = std::min(names.size(), from + defaults::duty_batch);
      propose_own(rehome_runs{{names.begin() + static_cast<std::ptrdiff_t>(from),
                               names.begin() + static_cast<std::ptrdiff_t>(to)},
                              seat,
                              unix_ms()});
    }
}

// Leaders of a new log let the first nodes in. One that is lost meanwhile may have let in some of them only.
void control_plane::found() {
  const auto is_out = [this](const admit_node& founder) { return state_.find_member(founder.node) == nullptr; };
  if (std::none_of(how_.founders.begin(), how_.founders.end(), is_out) || !may_ask("founders"))
    return;
  for (const auto& founder : how_.founders)
    if (is_out(founder))
      propose_own(founder);
}

void control_plane::raise_level_if_all_can() {
  const auto& seats = state_.image().seats;
  if (seats.empty())
    return;
  auto level = how_.level;
  for (const auto& [id, seat] : seats)
    level = std::min(level, seat.level);
  // Who is away may understand less, and could not come back.
  for (const auto& [id, node] : state_.image().members)
    if (!node.removed && !node.seat)
      return;
  if (level > state_.image().level && may_ask("level"))
    propose_own(raise_level{level});
}

} // namespace hearth::cluster
