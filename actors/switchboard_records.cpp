#include "actors/switchboard.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

/// What goes to the recorder of a run, which is an actor of the run's home, and what comes back from it.
namespace hearth {

/// On a node there is one. A number that another start of this node has given may be anybody's by now.
recorder_actor switchboard_state::recorder(std::uint64_t number) const {
  const auto found = exports_.find(number);
  const auto& keeper = parts_.run_keeper;
  return found && keeper && found == caf::actor_cast<caf::strong_actor_ptr>(keeper) ? recorder_actor(keeper)
                                                                                    : recorder_actor();
}

void switchboard_state::take(node_uuid, link::recorded& what) {
  if (const auto to = recorder(what.number))
    self_->send(to, atom::record::value, std::move(what.items));
  else
    late_ += what.items.size();
}

/// A recorder that has ended is no reason to wait: whoever asks runs what it asked for.
void switchboard_state::take(node_uuid, link::sought& what) {
  if (!what.seeker.here)
    return; // nobody waits for it
  if (const auto to = recorder(what.number))
    self_->send(to, atom::seek::value, what.root, std::move(what.ids), caf::actor_cast<seeker_actor>(what.seeker.here));
  else
    answer_not_there(what);
}

void switchboard_state::answer_not_there(const link::sought& what) {
  if (!what.seeker.here)
    return;
  std::vector<found_child> nothing;
  nothing.reserve(what.ids.size());
  for (auto id : what.ids)
    nothing.push_back({id, std::nullopt});
  self_->send(caf::actor_cast<seeker_actor>(what.seeker.here), atom::found::value, std::move(nothing));
}

void switchboard_state::take(node_uuid, link::found& what) {
  if (const auto to = exports_.find(what.number))
    self_->send(caf::actor_cast<seeker_actor>(to), atom::found::value, std::move(what.items));
  else
    late_ += what.items.size();
}

/// Neighbours are often of one task: they share its name.
void switchboard_state::take(node_uuid from, link::acted& what) {
  const auto to = recorder(what.number);
  if (!to) {
    late_ += what.items.size();
    return;
  }
  std::shared_ptr<const far_action> last;
  std::vector<action_event> events;
  events.reserve(what.items.size());
  for (auto& item : what.items) {
    if (!last || last->task != item.task || last->key != item.key)
      last = std::make_shared<const far_action>(far_action{from, std::move(item.key), std::move(item.task)});
    auto& e = events.emplace_back();
    e.root = item.root;
    e.id = item.id;
    e.parent = item.parent;
    e.depth = item.depth;
    e.task = last->task;
    e.far = last;
    e.phase = item.phase;
    e.attempt = item.attempt;
    e.cold = item.cold;
    e.queued = item.queued;
    e.start = item.start;
    e.fork = item.fork;
    e.import = item.import;
    e.run = item.run;
    e.replica = item.replica;
    e.error = std::move(item.error);
    e.cache = std::move(item.cache);
    e.producer = std::move(item.producer);
    e.supervisor = self_->ctrl();
  }
  self_->send(to, atom::actions::value, std::move(events));
}

} // namespace hearth
