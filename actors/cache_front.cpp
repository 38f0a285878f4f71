#include "actors/cache_front.hpp"

#include "actors/batch.hpp"
#include "core/defaults.hpp"

#include <algorithm>

namespace hearth {

// -- calls ----

void front_state::invoke(std::vector<call>& calls) {
  for (auto& c : calls)
    if (has_cache_ && c.header.task < c.spec->tasks.size() && !task_of(c).caching.version.empty())
      admit(c);
    else
      passed_.push_back(std::move(c));
}

void front_state::admit(call& c) {
  auto item = take_key_item(c.arguments);
  if (std::holds_alternative<std::monostate>(item)) // its run, or whoever calls, wants no lookup
    return passed_.push_back(std::move(c));
  const auto id = c.header.id;
  const auto fail = [&](const char* why) {
    call_reply no;
    no.id = id;
    no.code = ec::bad_request;
    no.is_text = true;
    no.value = payload::text(why);
    batch_for(replies_, c.caller).push_back(std::move(no));
  };
  if (std::holds_alternative<broken_key_item>(item))
    return fail("The key of the call's inputs cannot be read; the program's Hearth is not of this node's version.");
  auto [at, is_new] = calls_.try_emplace(id);
  if (!is_new)
    return fail("A call with this id is open already.");
  auto& h = at->second;
  h.key = std::get<cache_key_item>(std::move(item));
  h.what = std::move(c);
  h.came = now();
  ask(h);
}

void front_state::ask(held& h) {
  const auto& caching = task_of(h.what).caching;
  queries_.push_back(
    {h.what.header.id, {caching.scope, h.key.inputs}, scope_of(h.what), h.key.overwrite, caching.serialize});
}

cache_scope_ptr front_state::scope_of(const call& c) {
  const auto& task = task_of(c);
  if (scopes_.size() >= defaults::front_scopes_max)
    scopes_.clear();
  auto& scope = scopes_[task.caching.scope];
  if (!scope)
    scope = std::make_shared<const cache_scope>(hearth::scope_of(*c.spec, task));
  return scope;
}

void front_state::found(std::vector<cache_answer>& answers) {
  for (auto& a : answers) {
    const auto at = calls_.find(a.call);
    if (at == calls_.end() || at->second.runs)
      continue; // cancelled meanwhile: whoever cancels releases it
    auto& h = at->second;
    if (a.status != cache_status::hit) {
      h.generation = a.generation;
      h.token = a.token;
      note(h.what, action_event::phase_t::queued, a.status);
      hand_on(h);
      continue;
    }
    note(h.what, action_event::phase_t::queued, a.status, a.entry.producer);
    note(h.what, action_event::phase_t::succeeded, a.status, a.entry.producer);
    call_reply reply;
    reply.id = a.call;
    reply.is_hit = true;
    reply.queued = now() - h.came;
    reply.value = std::move(a.entry.content);
    finish(a.call, std::move(reply));
  }
}

/// To whoever executes, with ourselves as its caller.
void front_state::hand_on(held& h) {
  h.runs = true;
  call c = h.what;
  h.what.arguments = {};
  c.caller = caller_actor(front_actor(self_));
  if (c.header.deadline.count() > 0) {
    const auto waited = std::chrono::duration_cast<milliseconds>(now() - h.came);
    c.header.deadline = std::max(c.header.deadline - waited, milliseconds{1});
  }
  passed_.push_back(std::move(c));
}

void front_state::replied(std::vector<call_reply>& replies) {
  for (auto& reply : replies) {
    const auto at = calls_.find(reply.id);
    if (at == calls_.end())
      continue;
    auto& h = at->second;
    if (reply.code == ec::none)
      keep(h, reply);
    else if (h.token != 0)
      releases_.push_back({reply.id, {task_of(h.what).caching.scope, h.key.inputs}});
    finish(reply.id, std::move(reply));
  }
}

void front_state::keep(held& h, const call_reply& reply) {
  const auto& task = task_of(h.what);
  cache_result r;
  r.call = reply.id;
  r.scope = scope_of(h.what);
  r.ttl = task.caching.ttl;
  r.token = h.token;
  r.overwrite = h.key.overwrite;
  r.entry.key = {task.caching.scope, h.key.inputs};
  r.entry.generation = h.generation;
  r.entry.run = reply.run;
  r.entry.producer = h.what.in_run ? run_name(h.what.header.root) : to_string(reply.id);
  r.entry.inputs = std::move(h.key.each);
  r.entry.content = reply.value;
  results_.push_back(std::move(r));
  if (h.what.in_run)
    storing_.insert_or_assign(reply.id, kept{h.what});
}

void front_state::done(const std::vector<cache_kept>& all) {
  for (const auto& k : all)
    if (const auto at = storing_.extract(k.call); !at.empty())
      note(at.mapped().what, action_event::phase_t::succeeded, k.status);
}

// -- cancelling ----

void front_state::cancel(std::vector<cancellation>& what) {
  for (auto& c : what) {
    std::vector<call_id> ours;
    for (const auto& [id, h] : calls_)
      if ((!c.id || c.id == id) && (!c.caller || c.caller == h.what.caller))
        ours.push_back(id);
    std::sort(ours.begin(), ours.end());
    for (auto id : ours) {
      const auto& h = calls_.at(id);
      if (h.runs) {
        cancels_.push_back({caller_actor(front_actor(self_)), id, c.code, c.reason});
        continue;
      }
      releases_.push_back({id, {task_of(h.what).caching.scope, h.key.inputs}});
      answer(id, c.code, c.reason);
    }
    if (ours.empty() || !c.id)
      cancels_.push_back(std::move(c)); // of what went past
  }
}

void front_state::answer(call_id id, ec code, const std::string& text) {
  note(calls_.at(id).what, action_event::phase_t::aborted, cache_status::miss);
  call_reply reply;
  reply.id = id;
  reply.code = code;
  reply.is_text = true;
  reply.value = payload::text(text);
  finish(id, std::move(reply));
}

void front_state::finish(call_id id, call_reply reply) {
  const auto at = calls_.find(id);
  batch_for(replies_, at->second.what.caller).push_back(std::move(reply));
  calls_.erase(at);
}

/// There is no cache any more, or the node stops: what waits executes.
void front_state::pass_all() {
  has_cache_ = false;
  std::vector<call_id> waiting;
  for (const auto& [id, h] : calls_)
    if (!h.runs)
      waiting.push_back(id);
  std::sort(waiting.begin(), waiting.end());
  for (auto id : waiting) {
    auto& h = calls_.at(id);
    releases_.push_back({id, {task_of(h.what).caching.scope, h.key.inputs}});
    hand_on(h);
  }
}

std::vector<call_id> front_state::open_of(const caller_actor& caller, const std::vector<call_id>& asked) const {
  std::vector<call_id> found;
  for (auto id : asked)
    if (const auto h = calls_.find(id); h != calls_.end() && h->second.what.caller == caller)
      found.push_back(id);
  return found;
}

// -- the record of a run ----

void front_state::note(const call& c, action_event::phase_t phase, cache_status status, const std::string& producer) {
  if (!c.in_run || !c.output)
    return;
  action_event e;
  e.root = c.header.root;
  e.id = c.header.id;
  e.parent = c.header.parent;
  e.depth = c.header.depth;
  e.task = task_of(c).name;
  e.keep = c.spec;
  e.phase = phase;
  e.cache = word_of(status);
  e.producer = producer;
  e.supervisor = caf::actor_cast<caf::strong_actor_ptr>(front_actor(self_));
  batch_for(notes_, c.output).push_back(std::move(e));
}

// -- turns ----

void front_state::flush() {
  for (auto& [to, notes] : std::exchange(notes_, {}))
    self_->send(caf::actor_cast<recorder_actor>(to), atom::actions::value, std::move(notes));
  if (!queries_.empty())
    self_->send(config_.cache, atom::find::value, std::exchange(queries_, {}), cache_user_actor(front_actor(self_)));
  if (!results_.empty())
    self_->send(config_.cache, atom::store::value, std::exchange(results_, {}), cache_user_actor(front_actor(self_)));
  if (!releases_.empty())
    self_->send(config_.cache, atom::yield::value, std::exchange(releases_, {}), cache_user_actor(front_actor(self_)));
  if (!passed_.empty())
    self_->send(config_.behind, atom::invoke::value, std::exchange(passed_, {}));
  if (!cancels_.empty())
    self_->send(config_.behind, atom::cancel::value, std::exchange(cancels_, {}));
  for (auto& [to, batch] : std::exchange(replies_, {}))
    if (to)
      self_->send(to, atom::replies::value, std::move(batch));
}

front_actor::behavior_type front_state::make_behavior(front_actor::pointer self, front_config config) {
  self_ = self;
  config_ = std::move(config);
  self->monitor(config_.behind);
  self->monitor(config_.cache);
  self->set_down_handler([this](const caf::down_msg& down) {
    if (down.source == config_.behind.address())
      return self_->quit(); // our users hear of it by our end
    pass_all();
    flush();
  });
  return {
    [this](atom::invoke, std::vector<call>& calls) { invoke(calls), flush(); },
    [this](atom::cancel, std::vector<cancellation>& what) { cancel(what), flush(); },
    [this](atom::has, const caller_actor& caller, const std::vector<call_id>& calls) { return open_of(caller, calls); },
    [this](atom::open, const spec_ptr& spec, bool deploy) {
      return self_->delegate(config_.behind, atom::open::value, spec, deploy);
    },
    [](atom::events, const replica::events&) { /* a front has no replicas */ },
    [](atom::yield) { /* nor any that could yield */ },
    [](atom::list) -> caf::result<std::vector<environment_row>, std::vector<replica_row>> {
      return {std::vector<environment_row>{}, std::vector<replica_row>{}}; // the supervisor behind it lists them
    },
    [this](atom::stop, milliseconds) { pass_all(), flush(); },
    [this](atom::halt) { self_->quit(); },
    [](atom::disown) { /* a front owns nothing */ },
    [](atom::adopt, const std::vector<adoptable>&, bool) { /* nor will it */ },
    [](atom::drain, const std::vector<replica_id>&) { /* the supervisor behind it drains them */ },
    [](atom::tick) { /* no clock */ },
    [this](atom::replies, std::vector<call_reply>& replies) { replied(replies), flush(); },
    [](atom::logged, const std::vector<log_text>&) { /* output goes to whoever called */ },
    [this](atom::found, std::vector<cache_answer>& answers) { found(answers), flush(); },
    [this](atom::done, const std::vector<cache_kept>& kept) { done(kept), flush(); },
  };
}

} // namespace hearth
