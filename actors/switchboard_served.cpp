#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "actors/link_callers.hpp"
#include "actors/switchboard.hpp"

#include <algorithm>

/// What other nodes say, and the environments of this node that they use.
namespace hearth {

void switchboard_state::hear(node_uuid from, link::messages& what) {
  if (!links_.contains(from))
    return; // its link has ended, and whoever depended on it knows
  for (auto& message : what) {
    link::for_each_caller(message, [this](link::caller_ref& whom) { resolve(whom); });
    std::visit([&](auto& m) { take(from, m); }, message);
  }
  if (!of_replicas_.empty() && parts_.replicas)
    self_->send(parts_.replicas, atom::events::value, from, std::move(of_replicas_));
  of_replicas_.clear();
}

// -- users of an environment of this node ----

void switchboard_state::take(node_uuid from, link::open_environment& what) {
  const auto request = what.request;
  if (!what.spec || !owns(what.spec->key(), what.epoch) || !parts_.agent)
    return say(
      from, link::opened{
              request, false, {ec::stale_epoch, "Node " + name_of(config_.node) + " does not own the environment."}});
  self_->request(parts_.agent, defaults::inner_request_timeout, atom::own::value, what.spec, what.deploy, what.epoch)
    .then(
      [this, from, what](const opened_environment& found) {
        if (!owns(what.spec->key(), what.epoch))
          return say(from,
                     link::opened{what.request, false, {ec::stale_epoch, std::string(sentence(ec::stale_epoch))}});
        serve(from, what, found);
        say(from, link::opened{what.request, found.is_new, {}});
      },
      [this, from, request](const caf::error& error) {
        say(from, link::opened{request, false, failure_of(error)});
      });
}

void switchboard_state::serve(node_uuid user, const link::open_environment& what, const opened_environment& found) {
  const auto key = what.spec->key();
  auto& s = served_[key];
  if (s.supervisor != found.supervisor || s.epoch != what.epoch) {
    self_->monitor(found.supervisor);
    s = {found.supervisor, what.epoch, {}, {}, {}};
  }
  const auto& version = what.spec->version;
  if (s.versions.insert_or_assign(version, what.spec).second)
    s.order.push_back(version);
  if (s.order.size() > defaults::served_versions_max) {
    s.versions.erase(s.order.front());
    s.order.pop_front();
  }
  if (links_.contains(user))
    s.users.insert(user);
}

void switchboard_state::take(node_uuid from, link::invoke& what) {
  const auto s = served_.find(what.key);
  const bool is_ours = s != served_.end() && s->second.epoch == what.epoch && owns(what.key, what.epoch);
  std::vector<call> taken;
  std::vector<std::pair<caf::strong_actor_ptr, std::vector<call_reply>>> refused;
  for (auto& c : what.calls) {
    if (!c.caller.here)
      continue; // nobody waits for it
    const auto spec = is_ours ? s->second.versions.find(c.version) : std::map<std::string, spec_ptr>::iterator{};
    if (!is_ours || spec == s->second.versions.end()) {
      call_reply no;
      no.id = c.header.id;
      no.code = ec::stale_epoch;
      batch_for(refused, c.caller.here).push_back(std::move(no));
      continue;
    }
    auto& call = taken.emplace_back();
    call.header = c.header;
    call.arguments = std::move(c.arguments);
    call.spec = spec->second;
    call.caller = caf::actor_cast<caller_actor>(c.caller.here);
    call.output = caf::actor_cast<caller_actor>(c.output.here);
    call.in_run = c.in_run;
    call.replays = c.replays;
    call.streams = c.streams;
    call.has_input = c.has_input;
  }
  if (!taken.empty()) {
    s->second.users.insert(from);
    self_->send(s->second.supervisor, atom::invoke::value, std::move(taken));
  }
  for (auto& [to, replies] : refused)
    self_->send(caf::actor_cast<caller_actor>(to), atom::replies::value, std::move(replies));
}

void switchboard_state::take(node_uuid, link::cancel& what) {
  const auto s = served_.find(what.key);
  const auto gate = gates_.find(what.key); // through which this node calls itself
  std::vector<cancellation> stopped;
  for (auto& item : what.items)
    if (item.caller.here || item.caller.number == 0)
      stopped.push_back({caf::actor_cast<caller_actor>(item.caller.here), item.id, item.code, std::move(item.reason)});
  if (s != served_.end())
    self_->send(s->second.supervisor, atom::cancel::value, std::move(stopped));
  else if (gate != gates_.end())
    self_->send(gate->second, atom::cancel::value, std::move(stopped));
}

void switchboard_state::take(node_uuid from, link::probe& what) {
  const std::string why = "node " + name_of(config_.node) + " does not have it any more";
  const auto s = served_.find(what.key);
  if (s == served_.end() || s->second.epoch != what.epoch || !what.caller.here)
    return say(from, link::strays{what.key, what.epoch, std::move(what.calls), why});
  if (what.calls.empty())
    return;
  self_
    ->request(s->second.supervisor, defaults::inner_request_timeout, atom::has::value,
              caf::actor_cast<caller_actor>(what.caller.here), what.calls)
    .then(
      [this, from, why, asked = what](std::vector<call_id>& open) {
        std::sort(open.begin(), open.end());
        link::strays gone{asked.key, asked.epoch, {}, why};
        for (auto id : asked.calls)
          if (!std::binary_search(open.begin(), open.end(), id))
            gone.calls.push_back(id);
        if (!gone.calls.empty())
          say(from, std::move(gone));
      },
      [](const caf::error&) { /* it has ended, and its users are told */ });
}

// -- this node uses one of another ----

void switchboard_state::take(node_uuid from, link::opened& what) {
  const auto q = questions_.find(what.request);
  if (q != questions_.end() && q->second.node == from && q->second.opened)
    settle(what.request, {what.request, std::move(what.error), {}}, what.is_new);
}

void switchboard_state::take(node_uuid, link::strays& what) {
  if (const auto gate = gates_.find(what.key); gate != gates_.end())
    self_->send(gate->second, atom::lost::value, what.epoch, std::move(what.calls), std::move(what.reason));
}

void switchboard_state::take(node_uuid, link::replies& what) {
  if (const auto to = exports_.find(what.number))
    self_->send(caf::actor_cast<caller_actor>(to), atom::replies::value, std::move(what.items));
  else
    late_ += what.items.size();
}

void switchboard_state::take(node_uuid, link::parts& what) {
  if (const auto to = exports_.find(what.number); to && what.replica.here)
    caf::send_as(caf::actor_cast<caf::actor>(what.replica.here), caf::actor_cast<stream_caller_actor>(to),
                 atom::parts::value, std::move(what.items));
}

void switchboard_state::take(node_uuid, link::more& what) {
  if (const auto to = exports_.find(what.number); to && what.sender.here)
    caf::send_as(caf::actor_cast<caf::actor>(what.sender.here), caf::actor_cast<stream_caller_actor>(to),
                 atom::more::value, what.id, what.size);
}

void switchboard_state::take(node_uuid, link::input& what) {
  if (const auto to = exports_.find(what.number))
    self_->send(caf::actor_cast<replica_actor>(to), atom::input::value, std::move(what.item));
}

void switchboard_state::take(node_uuid, link::logged& what) {
  if (const auto to = exports_.find(what.number))
    self_->send(caf::actor_cast<caller_actor>(to), atom::logged::value, std::move(what.items));
  else
    late_ += what.items.size();
}

} // namespace hearth
