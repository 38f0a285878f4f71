#include "actors/switchboard.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "actors/link_callers.hpp"
#include "actors/remote_caller.hpp"

#include <algorithm>

/// Links, callers and what the control log says; what other nodes say is in switchboard_served.cpp, questions are in
/// switchboard_questions.cpp.
namespace hearth {

// -- links ----

void switchboard_state::node_up(node_uuid node, std::uint64_t incarnation, const peer_actor& door) {
  if (links_.contains(node))
    node_down(node, "another link to it began");
  self_->monitor(door);
  links_[node] = {door, incarnation, {}};
  if (parts_.replicas)
    self_->send(parts_.replicas, atom::up::value, node);
  for (const auto& [key, gate] : gates_)
    self_->send(gate, atom::up::value, node);
}

void switchboard_state::node_down(node_uuid node, const std::string& why) {
  auto gone = links_.extract(node);
  if (gone.empty())
    return;
  self_->demonitor(gone.mapped().door.address());
  for (const auto& message : gone.mapped().said)
    undelivered(message);
  std::vector<std::uint64_t> unanswered;
  for (const auto& [request, q] : questions_)
    if (q.node == node)
      unanswered.push_back(request);
  for (auto request : unanswered)
    settle(request, {request, {ec::node_lost, "Node " + name_of(node) + " cannot be reached: " + why + "."}, {}});
  std::vector<cancellation> given_up; // nobody waits for these any more: whoever does will ask again
  for (const auto& caller : imports_.of(node))
    given_up.push_back(
      {caf::actor_cast<caller_actor>(caller), {}, ec::aborted, "The node of the caller cannot be reached."});
  for (auto& [key, s] : served_)
    if (s.users.erase(node) > 0 && !given_up.empty())
      self_->send(s.supervisor, atom::cancel::value, given_up);
  imports_.let_go(node);
  if (parts_.replicas)
    self_->send(parts_.replicas, atom::down::value, node, why);
  for (const auto& [key, gate] : gates_)
    self_->send(gate, atom::down::value, node, why);
}

void switchboard_state::down(const caf::down_msg& which) {
  exports_.forget(which.source);
  if (imports_.forget(which.source))
    return;
  const auto link = std::find_if(links_.begin(), links_.end(),
                                 [&](const auto& l) { return l.second.door.address() == which.source; });
  if (link != links_.end())
    return node_down(link->first, "the link ended (" + caf::to_string(which.reason) + ")");
  std::erase_if(gates_, [&](const auto& g) { return g.second.address() == which.source; });
  std::vector<std::string> failed;
  for (const auto& [key, s] : served_)
    if (s.supervisor.address() == which.source)
      failed.push_back(key);
  for (const auto& key : failed)
    stop_serving(key, "the supervisor of its environment ended on node " + name_of(config_.node));
}

/// Those who called there are to know that nothing of theirs is open any more.
void switchboard_state::stop_serving(const std::string& key, const std::string& why) {
  const auto s = served_.extract(key);
  for (auto user : s.mapped().users)
    say(user, link::strays{key, s.mapped().epoch, {}, why});
}

void switchboard_state::say(node_uuid node, link::message what) {
  const auto link = links_.find(node);
  if (link == links_.end())
    return undelivered(what);
  link::for_each_caller(what, [this](link::caller_ref& whom) { number(whom); });
  link->second.said.push_back(std::move(what));
  if (!std::exchange(flush_is_coming_, true))
    self_->send(self_, atom::tick::value);
}

void switchboard_state::undelivered(const link::message& what) {
  if (const auto* calls = std::get_if<link::invoke>(&what))
    undelivered(*calls);
  else if (const auto* question = std::get_if<link::sought>(&what))
    answer_not_there(*question);
}

/// What has not left certainly did not begin elsewhere.
void switchboard_state::undelivered(const link::invoke& what) {
  std::vector<std::pair<caf::strong_actor_ptr, std::vector<call_reply>>> back;
  for (const auto& c : what.calls) {
    call_reply reply;
    reply.id = c.header.id;
    reply.code = ec::stale_epoch;
    batch_for(back, c.caller.here).push_back(std::move(reply));
  }
  for (auto& [to, replies] : back)
    if (to)
      self_->send(caf::actor_cast<caller_actor>(to), atom::replies::value, std::move(replies));
}

void switchboard_state::flush() {
  flush_is_coming_ = false;
  for (auto& [node, link] : links_)
    if (!link.said.empty())
      self_->send(link.door, atom::send::value, std::exchange(link.said, {}));
}

// -- callers ----

void switchboard_state::number(link::caller_ref& whom) {
  whom.node = {};
  whom.number = 0;
  if (!whom.here)
    return;
  const auto address = caf::actor_cast<caf::actor_addr>(whom.here);
  if (const auto* name = imports_.name_of(address)) { // it lives elsewhere itself
    std::tie(whom.node, whom.number) = *name;
    return;
  }
  const auto numbered = exports_.number_of(address);
  if (numbered.is_new)
    self_->monitor(whom.here);
  whom.node = config_.node;
  whom.number = numbered.number;
}

void switchboard_state::resolve(link::caller_ref& whom) {
  whom.here = nullptr;
  if (whom.number == 0 || !whom.node)
    return;
  if (whom.node == config_.node) {
    whom.here = exports_.find(whom.number);
    return;
  }
  whom.here = imports_.find(whom);
  if (whom.here)
    return;
  const auto made = self_->spawn<caf::monitored>(remote_caller, link::caller_ref{nullptr, whom.node, whom.number},
                                                 switchboard_actor(self_));
  whom.here = caf::actor_cast<caf::strong_actor_ptr>(made);
  imports_.add(whom, whom.here);
}

// -- what the control log says ----

void switchboard_state::learn(control::facts& facts) {
  for (auto& fact : facts)
    std::visit([this](auto& f) { take(f); }, fact);
}

void switchboard_state::take(control::member_changed& fact) { members_[fact.now.node] = fact.now; }

void switchboard_state::take(control::owner_changed& fact) {
  auto& known = owners_[fact.key];
  if (fact.now.node && fact.now.epoch < known.epoch)
    return;
  const bool was_ours = known.node == config_.node;
  const bool is_same = known.node == fact.now.node && known.epoch == fact.now.epoch;
  known = fact.now;
  if (was_ours && !is_same)
    disown(fact.key);
  if (const auto gate = gates_.find(fact.key); gate != gates_.end())
    self_->send(gate->second, atom::own::value, known);
  if (!known.node)
    owners_.erase(fact.key);
}

/// Without its seat or its lease the node acts for nobody: others may own by now what it owned.
void switchboard_state::take(control::standing& fact) {
  if (std::exchange(holds_, fact.holds) == fact.holds || fact.holds)
    return;
  for (const auto& [key, owner] : owners_) {
    if (owner.node != config_.node)
      continue;
    disown(key);
    if (const auto gate = gates_.find(key); gate != gates_.end())
      self_->send(gate->second, atom::own::value, ownership{});
  }
}

bool switchboard_state::owns(const std::string& key, hearth::epoch epoch) const {
  const auto owner = owners_.find(key);
  return holds_ && owner != owners_.end() && owner->second.node == config_.node && owner->second.epoch == epoch;
}

/// The supervisor gives back what has not begun; what runs is its until it ends, so it can still be asked after.
void switchboard_state::disown(const std::string& key) {
  if (parts_.agent)
    self_->send(parts_.agent, atom::disown::value, key);
}

std::string switchboard_state::name_of(node_uuid node) const {
  const auto member = members_.find(node);
  return member == members_.end() || member->second.name.empty() ? to_string(node) : member->second.name;
}

switchboard_actor::behavior_type switchboard_state::make_behavior(switchboard_actor::pointer self,
                                                                  switchboard_config config) {
  self_ = self;
  config_ = std::move(config);
  self->send(config_.control, atom::watch::value, control_watcher(switchboard_actor(self)));
  self->set_down_handler([this](caf::down_msg& message) { down(message); });
  return {
    [this](atom::attach, const node_parts& parts) { parts_ = parts; },
    [this](atom::events, node_uuid from, link::messages& what) { hear(from, what); },
    [this](atom::up, node_uuid node, std::uint64_t incarnation, const peer_actor& door) {
      node_up(node, incarnation, door);
    },
    [this](atom::down, node_uuid node, const std::string& why) { node_down(node, why); },
    [this](atom::events, control::facts& facts) { learn(facts); },
    [this](atom::send, node_uuid node, link::messages& what) {
      for (auto& message : what)
        say(node, std::move(message));
    },
    [this](atom::open, node_uuid node, link::open_environment& what) { return open_at(node, what); },
    [this](atom::ask, node_uuid node, link::ask& what, milliseconds patience) {
      auto promise = self_->make_response_promise<link::answer>();
      ask(node, std::move(what), patience, [promise](link::answer found) mutable {
        if (found.error.code == ec::none)
          promise.deliver(std::move(found));
        else
          promise.deliver(error_of(found.error));
      });
      return promise;
    },
    [this](atom::ping, node_uuid node, std::uint32_t count) -> caf::result<std::vector<std::uint64_t>> {
      const auto link = links_.find(node);
      if (link == links_.end())
        return error_of(obstacle_to(node));
      return self_->delegate(link->second.door, atom::ping::value, count);
    },
    [this](atom::ask, const link::ask& what, milliseconds patience) {
      auto promise = self_->make_response_promise<link::member_answers>();
      ask_all(what, patience, [promise](link::member_answers all) mutable { promise.deliver(std::move(all)); });
      return promise;
    },
    [this](atom::watch, const std::string& key, const gate_actor& gate) {
      self_->monitor(gate);
      gates_[key] = gate;
      for (const auto& [node, link] : links_)
        self_->send(gate, atom::up::value, node);
      if (const auto owner = owners_.find(key);
          owner != owners_.end() && (owner->second.node != config_.node || holds_))
        self_->send(gate, atom::own::value, owner->second);
    },
    [this](atom::tick) { flush(); },
    [this](atom::retry, std::uint64_t request) {
      settle(request, {request, {ec::node_lost, "The node did not answer in time."}, {}});
    },
  };
}

} // namespace hearth
