#include "actors/batch.hpp"
#include "actors/supervisor.hpp"

#include <algorithm>

/// What a supervisor does when its pools ask for it, and what it shows.
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
  self_->send(config_.agent, atom::start::value, std::move(order), supervisor_actor(self_));
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
  if (c.in_run) {
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
  a.replica = where.value;
  a.error = code == ec::none ? std::string{} : std::move(error);
  a.supervisor = self_->ctrl();
  actions_.push_back(std::move(a));
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
  if (!actions_.empty() && config_.run_keeper)
    self_->send(config_.run_keeper, atom::actions::value, std::move(actions_));
  actions_.clear();
}

void supervisor_state::list(std::vector<environment_row>& environments, std::vector<replica_row>& replicas) const {
  for (const auto& [version_name, v] : versions_) {
    const auto& spec = v->calls.spec();
    environment_row row;
    row.project = spec.project;
    row.domain = spec.domain;
    row.name = spec.name;
    row.version = version_name;
    row.python = spec.python;
    for (const auto& task : spec.tasks)
      row.tasks.push_back(task.name);
    for (const auto& member : v->calls.view()) {
      auto known = v->replicas.find(member.id);
      replica_row r;
      r.id = member.id.value;
      r.environment = spec.name;
      r.version = version_name;
      r.state = !member.is_ready ? "starting" : member.is_draining ? "draining" : member.running > 0 ? "busy" : "idle";
      r.running = member.running;
      r.parked = member.parked;
      r.ahead = member.ahead;
      r.done = member.done;
      r.age_ms = static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now() - member.since).count());
      if (known != v->replicas.end()) {
        r.pid = known->second.pid;
        r.start_us = static_cast<std::uint64_t>(known->second.start.count() / 1000);
        r.start_mode = !member.is_ready ? "" : known->second.how.forked ? "fork" : "spawn";
      }
      replicas.push_back(std::move(r));
      member.is_ready ? ++row.replicas : ++row.starting;
      row.running += member.running;
      row.parked += member.parked;
    }
    const auto& limits = v->calls.limits();
    row.min_replicas = limits.min_replicas;
    row.max_replicas = limits.max_replicas;
    row.concurrency = limits.concurrency;
    row.queued = v->calls.queued();
    const auto& count = v->calls.count();
    row.done = count.done;
    row.failed = count.failed;
    row.lost = count.lost;
    row.cold_starts = count.cold_starts;
    row.mean_run_us = count.run_samples ? static_cast<std::uint64_t>(count.run_total.count()) / count.run_samples / 1000
                                        : 0;
    row.mean_start_us = v->starts ? static_cast<std::uint64_t>(v->start_total.count()) / v->starts / 1000 : 0;
    row.start_mode = v->starts == 0 ? "" : v->forked ? "fork" : "spawn";
    row.start_reason = v->spawn_reason;
    row.message = v->calls.last_failure().message;
    row.state = row.replicas > 0 ? "warm" : row.starting > 0 ? "starting" : v->calls.is_failing() ? "failed" : "idle";
    environments.push_back(std::move(row));
  }
}

} // namespace hearth
