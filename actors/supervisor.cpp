#include "actors/supervisor.hpp"

#include "actors/batch.hpp"
#include "actors/spec_difference.hpp"
#include "actors/text_reply.hpp"
#include "core/defaults_http.hpp"

#include <algorithm>
#include <unordered_set>

namespace hearth {

pool_limits limits_of(const environment_spec& spec, std::uint32_t cores, milliseconds zygote_ttl) {
  pool_limits limits;
  limits.zygote_ttl = spec.reuse.is_of_run() ? milliseconds{0} : zygote_ttl; // nobody comes back to a run's pool
  if (!spec.reuse.enabled) {
    limits.max_replicas = defaults::fresh_replicas_per_core * cores;
    limits.fresh = true;
    return limits;
  }
  limits.min_replicas = spec.reuse.min_replicas;
  limits.max_replicas = std::max(spec.reuse.max_replicas, 1u);
  limits.concurrency = std::max(spec.reuse.concurrency, 1u);
  limits.fresh = spec.reuse.forks_per_call();
  limits.idle_ttl = spec.reuse.idle_ttl;
  if (spec.is_app() && spec.reuse.idle_ttl.count() == 0) // what it keeps it keeps without requests, too
    limits.idle_ttl = defaults::app_idle_ttl;
  limits.scaledown_ttl = spec.reuse.scaledown_ttl;
  limits.prewarm = spec.reuse.prewarm;
  limits.recycle_calls = spec.reuse.recycle_calls;
  limits.recycle_age = spec.reuse.recycle_age;
  limits.recycle_growth = spec.reuse.recycle_growth_bytes;
  if (!limits.fresh) {
    limits.metric = scaling::metric_of(spec.app.metric);
    limits.target = spec.app.target;
  }
  return limits;
}

// -- calls ----

void supervisor_state::invoke(std::vector<call>& calls) {
  auto at = now();
  std::vector<version*> served; // of most batches one
  for (auto& c : calls) {
    if (disowned_until_) {
      refuse(c, {ec::stale_epoch, std::string(sentence(ec::stale_epoch))});
      continue;
    }
    if (aborted_ || (stop_at_ && c.header.depth == 0)) {
      refuse(c, {ec::shutting_down, "The node is stopping; environment " + c.spec->name + " takes no new calls."});
      continue;
    }
    auto& v = pool_of(c.spec, c.header.root);
    auto verdict = v.calls.admit({c.header.root, c.header.depth, c.header.task, c.arguments.size(), c.header.deadline},
                                 at);
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
    if (std::find(served.begin(), served.end(), &v) == served.end())
      served.push_back(&v);
  }
  for (auto* v : served) {
    v->calls.serve(at, effects_);
    apply(*v);
  }
}

void supervisor_state::cancel(const std::vector<cancellation>& what) {
  // One pass over the open calls for the whole batch: a client that leaves cancels thousands at once.
  std::unordered_map<call_id, const cancellation*> wanted;
  std::vector<const cancellation*> of_callers; // all that they have open
  for (const auto& c : what)
    if (c.id)
      wanted.emplace(c.id, &c);
    else
      of_callers.push_back(&c);
  const auto match = [&](const call& c) -> const cancellation* {
    const auto one = wanted.find(c.header.id);
    if (one != wanted.end() && (!one->second->caller || one->second->caller == c.caller))
      return one->second;
    const auto all = std::find_if(of_callers.begin(), of_callers.end(), [&](auto* w) { return w->caller == c.caller; });
    return all == of_callers.end() ? nullptr : *all;
  };
  auto at = now();
  for (auto& [key, v] : versions_) {
    std::vector<std::pair<ticket, failure>> found;
    for (const auto& open : v->calls.open_tickets())
      if (const auto* why = match(v->kept[static_cast<std::uint32_t>(open.value)]))
        found.push_back({open, {why->code, why->reason}});
    for (const auto& [id, why] : found)
      v->calls.cancel(id, why, at, effects_);
    apply(*v);
  }
}

std::vector<call_id> supervisor_state::open_of(const caller_actor& caller, const std::vector<call_id>& asked) const {
  const std::unordered_set<call_id> wanted(asked.begin(), asked.end());
  std::vector<call_id> found;
  for (const auto& [key, v] : versions_)
    for (const auto& open : v->calls.open_tickets()) {
      const auto& c = v->kept[static_cast<std::uint32_t>(open.value)];
      if (c.caller == caller && wanted.contains(c.header.id))
        found.push_back(c.header.id);
    }
  return found;
}

void supervisor_state::refuse(call& c, failure why) { reply(c.caller, text_reply(c.header.id, why.code, why.message)); }

void supervisor_state::reply(const caller_actor& to, call_reply answer) {
  batch_for(replies_, to).push_back(std::move(answer));
}

// -- versions ----

bool supervisor_state::open(const spec_ptr& spec, bool deploy) {
  const auto at = now();
  const auto limits = limits_of(*spec, *config_.cores, config_.zygote_ttl);
  const auto is_new = !knows(spec->version);
  if (!newest_ || newest_->version != spec->version)
    before_ = std::exchange(newest_, spec);
  if (!spec->reuse.is_of_run())
    pool_of(spec, {}); // a run's pool begins with its first call
  for (auto& [name, v] : versions_) {
    if (v->calls.spec().version == spec->version) {
      if (const auto what = policy_difference(*v->latest, *spec); !what.empty())
        note(*v, journal_entry::kind_t::policy, {}, what);
      v->latest = spec;
      v->calls.set_limits(limits, at, effects_);
      v->calls.opened(at);
      if (deploy && name == spec->version)
        spec->app.inactive ? v->calls.supersede(at, effects_) : v->calls.deploy(at, effects_);
    } else if (deploy) {
      v->calls.supersede(at, effects_);
    } else {
      v->calls.outdate(at, effects_);
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
  const bool of_run = spec->reuse.is_of_run();
  auto& v = versions_[of_run ? spec->version + '@' + run_name(root) : spec->version];
  if (v)
    return *v;
  v = std::make_unique<version>(pool(spec, limits_of(*spec, *config_.cores, config_.zygote_ttl),
                                     [numbers = config_.replica_numbers] { return replica_id{++*numbers}; }));
  v->latest = spec;
  if (of_run)
    v->reason = "run " + run_name(root) + " has pools of its own (scope=\"run\")";
  else if (const auto what = before_ && newest_->version == spec->version ? difference(*before_, *spec) : std::string{};
           !what.empty())
    v->reason = what;
  else
    v->reason = "first use since the node started, or since the last pool was forgotten";
  note(*v, journal_entry::kind_t::pool_made, {}, v->reason);
  if (adopting_until_ && !of_run)
    v->calls.hold_starts(*adopting_until_);
  claim_for(*v);
  return *v;
}

supervisor_state::version* supervisor_state::version_with(replica_id id) {
  auto found = replica_index_.find(id);
  return found == replica_index_.end() ? nullptr : found->second;
}

// -- time and end ----

void supervisor_state::tick() {
  armed_.reset();
  auto at = now();
  for (auto& [key, v] : versions_) {
    v->calls.tick(at, effects_);
    apply(*v);
  }
  end_unclaimed();
}

void supervisor_state::forget_expired() {
  std::erase_if(versions_, [this](const auto& entry) {
    const auto& calls = entry.second->calls;
    if (calls.is_expired())
      keep_totals(calls.count());
    return calls.is_expired();
  });
}

void supervisor_state::stop(milliseconds grace) {
  auto at = now() + grace;
  stop_at_ = stop_at_ ? std::min(*stop_at_, at) : at;
}

void supervisor_state::settle_turn() {
  if (disowned_until_)
    return settle_disowned();
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
  for (const auto& u : unclaimed_)
    self_->send(caf::actor_cast<replica_actor>(u.what.self), atom::retire::value, true,
                std::string("the node is stopping"));
  self_->quit();
}

void supervisor_state::arm() {
  auto next = aborted_ ? std::nullopt : stop_at_;
  if (disowned_until_ && *disowned_until_ > now())
    next = disowned_until_;
  for (const auto& u : unclaimed_)
    next = next ? std::min(*next, u.until) : u.until;
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
  if (config_.epoch) {
    adopting_until_ = now() + defaults::adopt_patience;
    self->send(config_.agent, atom::adopt::value, config_.key, config_.epoch, supervisor_actor(self));
  }
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
    [this](atom::has, const caller_actor& caller, const std::vector<call_id>& calls) { return open_of(caller, calls); },
    [this](atom::open, const spec_ptr& spec, bool deploy) {
      auto is_new = open(spec, deploy);
      settle_turn();
      return is_new;
    },
    [this](atom::events, replica::events& events) {
      take(events);
      settle_turn();
    },
    [this](atom::yield) {
      for (auto& [name, v] : versions_) {
        v->calls.yield_idle(now(), effects_);
        apply(*v);
      }
      settle_turn();
    },
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
    [this](atom::disown) { disown(); },
    [this](atom::adopt, std::vector<adoptable>& found, bool are_all) {
      adopt(found, are_all);
      settle_turn();
    },
    [this](atom::drain, const std::vector<replica_id>& replicas) {
      drain(replicas);
      settle_turn();
    },
    [this](atom::tick) {
      tick();
      settle_turn();
    },
  };
}

} // namespace hearth
