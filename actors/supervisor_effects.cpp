#include "actors/batch.hpp"
#include "actors/supervisor.hpp"

#include <algorithm>

/// What a supervisor does when its pools ask for it.
namespace hearth {

void supervisor_state::apply(version& v) {
  // Performing an effect never adds one: pools are only called with events.
  for (auto& effect : effects_)
    std::visit([&](auto& e) { perform(v, e); }, effect);
  effects_.clear();
}

void supervisor_state::perform(version& v, const pool_effect::start& e) {
  replica_index_[e.replica] = &v;
  v.replicas[e.replica];
  const auto& limits = v.calls.limits();
  replica_order order;
  order.spec = v.calls.shared_spec();
  order.id = e.replica;
  order.concurrency = limits.concurrency;
  order.slots = limits.concurrency + defaults::prefetch_max + defaults::slots_spare;
  order.fresh = limits.fresh;
  order.for_nested = e.for_nested;
  order.rehearses = e.rehearses;
  self_->send(config_.agent, atom::start::value, std::move(order), supervisor_actor(self_));
}

void supervisor_state::perform(version&, const pool_effect::promote& e) {
  self_->send(config_.agent, atom::promote::value, e.replica);
}

void supervisor_state::perform(version& v, const pool_effect::withdraw& e) {
  v.replicas.erase(e.replica);
  replica_index_.erase(e.replica);
  self_->send(config_.agent, atom::withdraw::value, e.replica);
}

void supervisor_state::perform(version& v, const pool_effect::decided& e) {
  if (!config_.journal || disowned_until_)
    return;
  note(v, journal_entry::kind_t::decided, {}, e.detail);
  journal_.back().in = e.in;
  journal_.back().what = e.what;
}

/// Pools of other runs of the same version fork from the same zygote.
void supervisor_state::perform(version& v, const pool_effect::cool&) {
  const auto& name = v.calls.spec().version;
  const bool is_shared = std::any_of(versions_.begin(), versions_.end(), [&](const auto& other) {
    return other.second.get() != &v && other.second->calls.spec().version == name && !other.second->calls.is_cool();
  });
  if (is_shared)
    return;
  note(v, journal_entry::kind_t::cooled, {}, {});
  self_->send(config_.agent, atom::forget::value, config_.key, name);
}

void supervisor_state::perform(version& v, const pool_effect::dispatch& e) {
  auto to = reach(v, e.replica);
  if (!to)
    return;
  const auto& c = v.kept[static_cast<std::uint32_t>(e.call.value)];
  auto waits = v.calls.waits_of(e.call);
  dispatched_call d;
  d.id = e.call;
  d.attempt = e.attempt;
  d.cold = waits.cold;
  d.queued = waits.queued;
  d.header = c.header;
  d.arguments = c.arguments;
  d.in_run = c.in_run;
  d.replays = c.replays;
  d.streams = c.streams;
  d.has_input = c.has_input;
  d.caller = caf::actor_cast<caf::strong_actor_ptr>(c.caller);
  d.output = caf::actor_cast<caf::strong_actor_ptr>(c.output);
  batch_for(dispatches_, to).push_back(std::move(d));
  if (c.in_run)
    record(v, e.call, c, action_event::phase_t::running, ec::none, {}, e.replica, {});
}

void supervisor_state::perform(version& v, const pool_effect::recall& e) {
  if (auto to = reach(v, e.replica)) {
    flush();
    self_->send(to, atom::recall::value, e.calls);
  }
}

void supervisor_state::perform(version& v, const pool_effect::stop& e) {
  if (auto to = reach(v, e.replica)) {
    flush();
    self_->send(to, atom::cancel::value, e.call);
  }
}

void supervisor_state::perform(version& v, const pool_effect::retire& e) {
  auto known = v.replicas.find(e.replica);
  if (known == v.replicas.end())
    return;
  if (!known->second.handle) {
    known->second.retire_when_ready = true;
    return;
  }
  flush();
  self_->send(known->second.handle, atom::retire::value, !e.at_once.empty(),
              e.at_once.empty() ? std::string("not needed any more") : e.at_once);
}

void supervisor_state::perform(version& v, const pool_effect::fail& e) {
  const auto& c = v.kept[static_cast<std::uint32_t>(e.call.value)];
  call_reply answer;
  auto error = e.why.message;
  if (e.with_reply && failed_) {
    answer = *failed_;
    if (answer.is_text)
      error = std::string(answer.value.head.view());
  } else {
    auto waits = v.calls.waits_of(e.call);
    answer.code = e.why.code;
    answer.is_text = true;
    answer.value = payload::text(e.why.message);
    answer.queued = waits.queued;
    answer.cold = waits.cold;
  }
  answer.id = c.header.id;
  answer.attempt = e.attempt;
  if (c.in_run && answer.code != ec::stale_epoch) { // then it has not ended, another owner has it
    auto phase = action_event::phase_t::failed;
    if (answer.code == ec::aborted)
      phase = action_event::phase_t::aborted;
    else if (answer.code == ec::timeout_runtime || answer.code == ec::timeout_queued
             || answer.code == ec::deadline_exceeded)
      phase = action_event::phase_t::timed_out;
    record(v, e.call, c, phase, answer.code, answer.run, {}, std::move(error));
  }
  reply(c.caller, std::move(answer));
}

void supervisor_state::perform(version& v, const pool_effect::release& e) {
  v.kept[static_cast<std::uint32_t>(e.call.value)] = call{};
}

replica_actor supervisor_state::reach(version& v, replica_id id) {
  auto known = v.replicas.find(id);
  return known == v.replicas.end() ? replica_actor{} : known->second.handle;
}

void supervisor_state::record(const version& v, ticket id, const call& c, action_event::phase_t phase, ec code,
                              nanoseconds run, replica_id where, std::string error) {
  auto waits = v.calls.waits_of(id);
  action_event a;
  a.root = c.header.root;
  a.id = c.header.id;
  a.parent = c.header.parent;
  a.depth = c.header.depth;
  a.task = v.calls.spec().tasks[c.header.task].name;
  a.keep = v.calls.shared_spec();
  a.phase = phase;
  a.attempt = v.calls.attempt_of(id);
  a.cold = waits.cold;
  a.queued = waits.queued;
  a.start = waits.start;
  a.run = run;
  if (const auto known = v.replicas.find(where); a.cold && known != v.replicas.end()) {
    a.fork = known->second.how.fork;
    a.import = known->second.how.import;
  }
  a.replica = where.value;
  a.error = code == ec::none ? std::string{} : std::move(error);
  a.supervisor = self_->ctrl();
  batch_for(actions_, c.output).push_back(std::move(a));
}

/// Sends what the turn has gathered: one message per actor.
void supervisor_state::flush() {
  for (auto& [to, batch] : dispatches_)
    self_->send(to, atom::dispatch::value, std::move(batch));
  dispatches_.clear();
  for (auto& [to, batch] : replies_)
    if (to)
      self_->send(to, atom::replies::value, std::move(batch));
  replies_.clear();
  for (auto& [to, batch] : actions_)
    if (to)
      self_->send(caf::actor_cast<recorder_actor>(to), atom::actions::value, std::move(batch));
  actions_.clear();
  if (!journal_.empty())
    self_->send(config_.journal, atom::append::value, std::exchange(journal_, {}));
}

} // namespace hearth
