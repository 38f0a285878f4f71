#include "actors/supervisor.hpp"

#include "actors/batch.hpp"

#include <algorithm>
#include <string_view>

namespace hearth {

namespace {

constexpr std::string_view run_scope = "run";

} // namespace

pool_limits limits_of(const environment_spec& spec, std::uint32_t cores) {
  if (!spec.reuse.enabled)
    return {0, defaults::fresh_replicas_per_core * cores, 1, true, milliseconds{30'000}};
  return {spec.reuse.min_replicas,
          std::max(spec.reuse.max_replicas, 1u),
          std::max(spec.reuse.concurrency, 1u),
          false,
          spec.reuse.idle_ttl,
          spec.reuse.scaledown_ttl};
}

// -- calls ----

void supervisor_state::invoke(std::vector<call>& calls) {
  auto at = now();
  for (auto& c : calls) {
    if (aborted_ || (stop_at_ && c.header.depth == 0)) {
      refuse(c, {ec::shutting_down, "The node is stopping; environment " + c.spec->name + " takes no new calls."});
      continue;
    }
    auto& v = pool_of(c.spec, c.header.root);
    // What admission makes the pool do concerns the call, so it is kept under its ticket before the effects run.
    auto verdict = v.calls.admit({c.header.root, c.header.depth, c.header.task, c.arguments.size(), c.header.deadline},
                                 at, effects_);
    if (auto* no = std::get_if<pool::refusal>(&verdict)) {
      refuse(c, std::move(no->why));
      continue;
    }
    auto id = std::get<ticket>(verdict);
    auto index = static_cast<std::uint32_t>(id.value);
    if (index >= v.kept.size())
      v.kept.resize(index + 1);
    v.kept[index] = std::move(c);
    if (v.kept[index].in_run)
      record(v, id, v.kept[index], action_event::phase_t::queued, ec::none, {}, {}, {});
    apply(v);
  }
}

void supervisor_state::cancel(const std::vector<cancellation>& what) {
  // One pass over the open calls for the whole batch: a client that leaves cancels thousands at once.
  std::unordered_map<call_id, const cancellation*> wanted;
  for (const auto& c : what)
    wanted.emplace(c.id, &c);
  auto at = now();
  for (auto& [key, v] : versions_) {
    std::vector<std::pair<ticket, failure>> found;
    for (const auto& open : v->calls.open_tickets()) {
      const auto& c = v->kept[static_cast<std::uint32_t>(open.value)];
      auto match = wanted.find(c.header.id);
      if (match != wanted.end() && (!match->second->caller || match->second->caller == c.caller))
        found.push_back({open, {match->second->code, match->second->reason}});
    }
    for (const auto& [id, why] : found)
      v->calls.cancel(id, why, at, effects_);
    apply(*v);
  }
}

void supervisor_state::refuse(call& c, failure why) {
  call_reply answer;
  answer.id = c.header.id;
  answer.code = why.code;
  answer.is_text = true;
  answer.value = payload::text(why.message);
  reply(c.caller, std::move(answer));
}

void supervisor_state::reply(const caller_actor& to, call_reply answer) {
  batch_for(replies_, to).push_back(std::move(answer));
}

// -- versions ----

bool supervisor_state::open(const spec_ptr& spec, bool deploy) {
  const auto at = now();
  const auto limits = limits_of(*spec, config_.cores);
  const auto is_new = !knows(spec->version);
  if (spec->reuse.scope != run_scope)
    pool_of(spec, {}); // a run's pool begins with its first call
  for (auto& [name, v] : versions_) {
    if (v->calls.spec().version == spec->version) {
      v->calls.set_limits(limits, at, effects_);
      v->calls.opened(at);
      if (deploy && name == spec->version)
        v->calls.deploy(at, effects_);
    } else if (deploy) {
      v->calls.supersede(at, effects_);
    }
    apply(*v);
  }
  return is_new;
}

bool supervisor_state::knows(const std::string& version_name) const {
  return std::any_of(versions_.begin(), versions_.end(),
                     [&](const auto& v) { return v.second->calls.spec().version == version_name; });
}

supervisor_state::version& supervisor_state::pool_of(const spec_ptr& spec, call_id root) {
  auto& v = versions_[spec->reuse.scope == run_scope ? spec->version + '@' + run_name(root) : spec->version];
  if (!v)
    v = std::make_unique<version>(pool(spec, limits_of(*spec, config_.cores),
                                       [numbers = config_.replica_numbers] { return replica_id{++*numbers}; }));
  return *v;
}

supervisor_state::version* supervisor_state::version_with(replica_id id) {
  auto found = replica_index_.find(id);
  return found == replica_index_.end() ? nullptr : found->second;
}

// -- what replicas say ----

void supervisor_state::take(replica::events& events) {
  for (auto& event : events)
    std::visit(
      [&](auto& e) {
        if (auto* v = version_with(e.id)) {
          take(*v, e);
          apply(*v);
        }
      },
      event);
}

void supervisor_state::take(version& v, replica::ready& e) {
  auto& known = v.replicas[e.id];
  known.handle = caf::actor_cast<replica_actor>(e.self);
  known.how = e.how;
  known.pid = e.pid;
  known.start = e.start;
  ++v.starts;
  v.start_total += e.start;
  v.forked = e.how.forked;
  v.spawn_reason = e.how.spawn_reason;
  self_->monitor(known.handle);
  if (known.retire_when_ready) {
    self_->send(known.handle, atom::retire::value, false, std::string("not needed any more"));
    return;
  }
  v.calls.replica_ready(e.id, e.how.can_hold_ahead, now(), effects_);
}

void supervisor_state::take(version& v, replica::start_failed& e) {
  v.replicas.erase(e.id);
  replica_index_.erase(e.id);
  v.calls.replica_unmade(e.id, e.why, now(), effects_);
}

void supervisor_state::take(version& v, replica::done& e) {
  if (e.code == ec::none && v.calls.is_awaited(e.call)) {
    const auto& c = v.kept[static_cast<std::uint32_t>(e.call.value)];
    if (c.in_run)
      record(v, e.call, c, action_event::phase_t::succeeded, e.code, e.run, e.id, {});
  }
  failed_ = &e.failed;
  v.calls.done(e.id, e.call, e.code, e.unstarted, e.run, now(), effects_);
  apply(v);
  failed_ = nullptr;
}

void supervisor_state::take(version& v, replica::parked& e) { v.calls.parked(e.id, e.call, now(), effects_); }

void supervisor_state::take(version& v, replica::resumed& e) { v.calls.resumed(e.id, e.call, now(), effects_); }

void supervisor_state::take(version& v, replica::recalled& e) { v.calls.recalled(e.id, e.calls, now(), effects_); }

void supervisor_state::take(version& v, replica::lost& e) {
  if (auto known = v.replicas.find(e.id); known != v.replicas.end()) {
    if (known->second.handle)
      self_->demonitor(known->second.handle.address());
    v.replicas.erase(known);
  }
  replica_index_.erase(e.id);
  v.calls.replica_lost(e.id, e.why, e.begun, now(), effects_);
}

void supervisor_state::take(version&, replica::waiting&) { /* it starts later; nothing to decide */
}

void supervisor_state::take(version&, replica::overcommitted&) { /* it starts now; nothing to decide */
}

void supervisor_state::take(version&, replica::memory&) { /* its limit is watched elsewhere */
}

void supervisor_state::replica_down(const caf::down_msg& down) {
  for (auto& [key, v] : versions_)
    for (auto& [id, known] : v->replicas)
      if (known.handle && known.handle.address() == down.source) {
        // An actor of ours failed: what it had sent is unknown, so all of it counts as begun.
        replica::lost e{
          id,
          {ec::interpreter_lost, "Its replica failed inside the node (" + caf::to_string(down.reason) + ")."},
          v->calls.sent_to(id),
          {}};
        auto& at = *v;
        take(at, e);
        apply(at);
        return;
      }
}

// -- time and end ----

void supervisor_state::tick() {
  armed_.reset();
  auto at = now();
  for (auto& [key, v] : versions_) {
    v->calls.tick(at, effects_);
    apply(*v);
  }
}

void supervisor_state::forget_expired() {
  for (auto v = versions_.begin(); v != versions_.end();) {
    if (!v->second->calls.is_expired()) {
      ++v;
      continue;
    }
    const auto spec = v->second->calls.shared_spec();
    v = versions_.erase(v);
    if (!knows(spec->version)) // pools of other runs fork from the same zygote
      self_->send(config_.agent, atom::forget::value, config_.key, spec->version);
  }
}

void supervisor_state::stop(milliseconds grace) {
  auto at = now() + grace;
  stop_at_ = stop_at_ ? std::min(*stop_at_, at) : at;
}

void supervisor_state::settle_turn() {
  flush();
  forget_expired();
  if (stop_at_)
    settle_stop();
  arm();
}

/// Ends the grace of a stop, and tells the agent whether anything is open: a task that runs in another environment may
/// still call one of ours.
void supervisor_state::settle_stop() {
  if (!aborted_ && now() >= *stop_at_) {
    aborted_ = true;
    for (auto& [key, v] : versions_) {
      v->calls.abort_all({ec::shutting_down, "The node stopped before the call was done."}, now(), effects_);
      apply(*v);
    }
    flush();
  }
  const auto drained = aborted_ || std::all_of(versions_.begin(), versions_.end(), [](auto& v) {
                         return v.second->calls.open() == 0;
                       });
  if (drained != drained_)
    self_->send(config_.agent, atom::drained::value, self_->address(), drained);
  drained_ = drained;
}

void supervisor_state::halt() {
  for (auto& [key, v] : versions_)
    for (auto& [id, known] : v->replicas)
      if (known.handle) {
        self_->demonitor(known.handle.address());
        self_->send(known.handle, atom::retire::value, true, std::string("the node is stopping"));
      }
  self_->quit();
}

void supervisor_state::arm() {
  auto next = aborted_ ? std::nullopt : stop_at_;
  for (const auto& [key, v] : versions_)
    if (auto wake = v->calls.next_wake())
      next = next ? std::min(*next, *wake) : *wake;
  if (!next || (armed_ && *armed_ <= *next))
    return;
  armed_ = next;
  self_->delayed_send(self_, std::max(*next - now(), instant::duration::zero()), atom::tick::value);
}

supervisor_actor::behavior_type supervisor_state::make_behavior(supervisor_actor::pointer self,
                                                                supervisor_config config) {
  self_ = self;
  config_ = std::move(config);
  self->monitor(config_.agent);
  self->set_down_handler([this](caf::down_msg& down) {
    if (down.source == config_.agent.address()) { // nobody makes replicas any more
      stop(milliseconds{0});
      settle_turn();
      return halt();
    }
    replica_down(down);
    settle_turn();
  });
  return {
    [this](atom::invoke, std::vector<call>& calls) {
      invoke(calls);
      settle_turn();
    },
    [this](atom::cancel, const std::vector<cancellation>& what) {
      cancel(what);
      settle_turn();
    },
    [this](atom::open, const spec_ptr& spec, bool deploy) {
      auto is_new = open(spec, deploy);
      settle_turn();
      return is_new;
    },
    [this](atom::events, replica::events& events) {
      take(events);
      settle_turn();
    },
    [](atom::yield) { /* idle replicas end by their own clocks */ },
    [this](atom::list) -> caf::result<std::vector<environment_row>, std::vector<replica_row>> {
      std::vector<environment_row> environments;
      std::vector<replica_row> replicas;
      list(environments, replicas);
      return {std::move(environments), std::move(replicas)};
    },
    [this](atom::stop, milliseconds grace) {
      stop(grace);
      settle_turn();
    },
    [this](atom::halt) { halt(); },
    [this](atom::tick) {
      tick();
      settle_turn();
    },
  };
}

} // namespace hearth
