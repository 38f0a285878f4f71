#include "actors/remote_supervisor.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "actors/text_reply.hpp"

#include <unordered_set>

/// What a gate does for its users; the other half is in remote_owner.cpp and remote_calls.cpp.
namespace hearth {

// -- calls ----

void gate_state::invoke(std::vector<call>& calls) {
  for (auto& c : calls) {
    const auto id = c.header.id;
    if (auto why = refusal_of(c); why.code != ec::none) {
      batch_for(replies_, c.caller).push_back(text_reply(id, why.code, why.message));
      continue;
    }
    ++waiting_;
    waiting_bytes_ += c.arguments.size();
    (c.header.depth > 0 ? waiting_children_ : waiting_roots_).push_back(id);
    calls_.emplace(id, held{std::move(c), now(), now(), {}, 0, {}, 0, false, false, false});
  }
}

failure gate_state::refusal_of(const call& c) const {
  if (calls_.contains(c.header.id))
    return {ec::bad_request, "A call with this id is open already."};
  if (aborted_ || (stop_at_ && c.header.depth == 0))
    return {ec::shutting_down, "The node is stopping; environment " + c.spec->name + " takes no new calls."};
  const bool is_full = waiting_ >= defaults::gate_waiting_calls
                       || (waiting_ > 0 && waiting_bytes_ + c.arguments.size() > defaults::gate_waiting_bytes);
  if (is_full && c.header.depth == 0)
    return {ec::overloaded, std::to_string(waiting_) + " calls of environment " + c.spec->name
                              + " wait on this node for the one that owns it; try again in "
                              + std::to_string(defaults::queue_full_retry.count()) + " ms."};
  return {};
}

void gate_state::cancel(std::vector<cancellation>& what) {
  std::vector<cancellation> each;
  for (auto& c : what) {
    if (c.id) {
      const auto found = calls_.find(c.id);
      if (found != calls_.end() && (!c.caller || c.caller == found->second.what.caller))
        each.push_back(std::move(c));
      continue;
    }
    for (const auto& [id, h] : calls_)
      if (h.what.caller == c.caller)
        each.push_back({c.caller, id, c.code, c.reason});
  }
  for (auto& c : each) {
    const auto found = calls_.find(c.id);
    if (found == calls_.end())
      continue; // cancelled twice in one batch, and answered by the first
    const auto& h = found->second;
    if (h.at && is_reachable(h.at->node))
      cancels_.push_back(std::move(c)); // the reply comes from there
    else
      answer(c.id, c.code, c.reason);
  }
}

std::vector<call_id> gate_state::open_of(const caller_actor& caller, const std::vector<call_id>& asked) const {
  std::vector<call_id> found;
  for (auto id : asked)
    if (const auto h = calls_.find(id); h != calls_.end() && h->second.what.caller == caller)
      found.push_back(id);
  return found;
}

void gate_state::answer(call_id id, ec code, const std::string& text) { finish(id, text_reply(id, code, text)); }

void gate_state::finish(call_id id, call_reply reply) {
  const auto which = calls_.find(id);
  if (which == calls_.end())
    return; // an answer before this one was faster
  const auto& h = which->second;
  const auto size = h.what.arguments.size();
  if (!h.at) {
    --waiting_;
    waiting_bytes_ -= size;
  } else if (h.at->node != config_.node) {
    open_bytes_ -= size;
  }
  batch_for(replies_, h.what.caller).push_back(std::move(reply));
  calls_.erase(which);
}

// -- versions ----

gate_state::version& gate_state::version_of(const spec_ptr& spec) {
  const auto found = versions_.find(spec->version);
  if (found != versions_.end())
    return found->second;
  if (versions_.size() >= defaults::served_versions_max)
    std::erase_if(versions_, [](const auto& v) { return v.second.waiting.empty() && !v.second.is_asked; });
  auto& v = versions_[spec->version];
  v.spec = spec;
  return v;
}

caf::result<bool> gate_state::open(const spec_ptr& spec, bool deploy) {
  auto& v = version_of(spec);
  v.spec = spec;
  v.is_news = true;
  if (deploy)
    for (auto& [name, other] : versions_)
      other.deploy = &other == &v;
  if (v.waiting.empty())
    v.since = now();
  auto promise = self_->make_response_promise<bool>();
  v.waiting.push_back(promise);
  return promise;
}

// -- end ----

void gate_state::stop(milliseconds grace) {
  const auto at = now() + grace;
  stop_at_ = stop_at_ ? std::min(*stop_at_, at) : at;
}

void gate_state::abort_all() {
  aborted_ = true;
  std::vector<call_id> all;
  for (const auto& [id, h] : calls_)
    all.push_back(id);
  std::sort(all.begin(), all.end());
  const std::string why = "The node stopped before the call was done.";
  for (auto id : all) {
    if (const auto& h = calls_.at(id); h.at && is_reachable(h.at->node))
      cancels_.push_back({h.what.caller, id, ec::aborted, why});
  }
  flush();
  for (auto id : all)
    answer(id, ec::shutting_down, why);
  flush();
}

void gate_state::tell_drained() {
  if (!aborted_ && now() >= *stop_at_)
    abort_all();
  const bool drained = calls_.empty();
  if (drained != drained_)
    self_->send(config_.agent, atom::drained::value, self_->address(), drained);
  drained_ = drained;
}

// -- turns ----

void gate_state::flush() {
  for (auto& [to, batch] : replies_)
    if (to)
      self_->send(to, atom::replies::value, std::move(batch));
  replies_.clear();
  std::map<std::pair<node_uuid, hearth::epoch>, std::vector<cancellation>> by_place;
  for (auto& c : cancels_)
    if (const auto h = calls_.find(c.id); h != calls_.end() && h->second.at)
      by_place[{h->second.at->node, h->second.at->epoch}].push_back(std::move(c));
  cancels_.clear();
  for (auto& [at, items] : by_place) {
    if (at.first == config_.node) {
      for (auto& c : items)
        c.caller = caller_actor(gate_actor(self_));
      if (const auto to = supervisor_of(at.second))
        self_->send(to, atom::cancel::value, std::move(items));
      continue;
    }
    link::cancel there{config_.key, {}};
    for (auto& c : items)
      there.items.push_back({{self_->ctrl(), {}, 0}, c.id, c.code, std::move(c.reason)});
    link::messages said;
    said.emplace_back(std::move(there));
    self_->send(config_.switchboard, atom::send::value, at.first, std::move(said));
  }
}

void gate_state::settle() {
  look_for_owner();
  open_versions();
  hand_on();
  flush();
  if (stop_at_)
    tell_drained();
  arm();
}

void gate_state::arm() {
  auto next = aborted_ ? std::nullopt : stop_at_;
  const auto also = [&](std::optional<instant> at) {
    if (at && (!next || *at < *next))
      next = at;
  };
  also(retry_at_);
  also(probe_at_);
  also(doubt_at_);
  if (unreachable_since_)
    also(*unreachable_since_ + defaults::owner_wait);
  if (has_work() && !has_owner())
    also(now() + defaults::probe_interval); // somebody's patience may end
  if (!next || (armed_ && *armed_ <= *next))
    return;
  armed_ = next;
  self_->delayed_send(self_, std::max(*next - now(), instant::duration::zero()), atom::tick::value);
}

gate_actor::behavior_type gate_state::make_behavior(gate_actor::pointer self, gate_config config) {
  self_ = self;
  config_ = std::move(config);
  self->monitor(config_.agent);
  self->send(config_.switchboard, atom::watch::value, config_.key, gate_actor(self));
  self->set_down_handler([this](caf::down_msg& message) { down(message), settle(); });
  return {
    [this](atom::invoke, std::vector<call>& calls) { invoke(calls), settle(); },
    [this](atom::cancel, std::vector<cancellation>& what) { cancel(what), settle(); },
    [this](atom::has, const caller_actor& caller, const std::vector<call_id>& calls) { return open_of(caller, calls); },
    [this](atom::open, const spec_ptr& spec, bool deploy) {
      auto answer = open(spec, deploy);
      settle();
      return answer;
    },
    [](atom::events, const replica::events&) { /* a gate has no replicas */ },
    [](atom::yield) { /* nor any that could yield */ },
    [](atom::list) -> caf::result<std::vector<environment_row>, std::vector<replica_row>> {
      return {std::vector<environment_row>{}, std::vector<replica_row>{}}; // its owner lists them
    },
    [this](atom::stop, milliseconds grace) { stop(grace), settle(); },
    [this](atom::halt) { self_->quit(); },
    [](atom::disown) { /* a gate owns nothing */ },
    [](atom::adopt, const std::vector<adoptable>&, bool) { /* nor will it */ },
    [](atom::drain, const std::vector<replica_id>&) { /* its owner drains them */ },
    [this](atom::tick) {
      armed_.reset();
      if (retry_at_ && now() >= *retry_at_)
        retry_at_.reset();
      if (doubt_at_ && now() >= *doubt_at_)
        doubt();
      if (probe_at_ && now() >= *probe_at_)
        probe();
      give_up_waiting();
      settle();
    },
    [this](atom::replies, std::vector<call_reply>& replies) { replied(replies), settle(); },
    [](atom::logged, const std::vector<log_text>&) { /* goes to `call::output` */ },
    [this](atom::own, const ownership& now) { owned(now), settle(); },
    [this](atom::up, node_uuid node) { node_up(node), settle(); },
    [this](atom::down, node_uuid node, const std::string& why) { node_down(node, why), settle(); },
    [this](atom::lost, hearth::epoch epoch, const std::vector<call_id>& calls, const std::string& why) {
      missing(epoch, calls, why), settle();
    },
  };
}

} // namespace hearth
