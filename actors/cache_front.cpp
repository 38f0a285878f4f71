#include "actors/cache_front.hpp"

#include "actors/batch.hpp"
#include "actors/cache_audit.hpp"
#include "actors/text_reply.hpp"
#include "core/defaults_cache.hpp"

#include <algorithm>

namespace hearth {

// -- calls ----

void front_state::invoke(std::vector<call>& calls) {
  constexpr const char* unreadable =
    "The key of the call's inputs cannot be read; the program's Hearth is not of this node's version.";
  for (auto& c : calls) {
    if (c.header.task >= c.spec->tasks.size() || task_of(c).caching.version.empty()) {
      passed_.push_back(std::move(c));
      continue;
    }
    auto item = take_key_item(c.arguments); // also when nobody looks at it: an interpreter is to see arguments alone
    if (std::holds_alternative<broken_key_item>(item)) {
      refuse(c, unreadable);
    } else if (std::holds_alternative<cache_key_item>(item) && looks_up_ && !calls_.contains(c.header.id)) {
      admit(c, std::get<cache_key_item>(std::move(item)));
    } else { // whoever executes says what a call is whose id is open
      note(c, action_event::phase_t::queued,
           word_of(std::holds_alternative<cache_key_item>(item) ? cache_status::skipped : cache_status::disabled));
      passed_.push_back(std::move(c));
    }
  }
}

void front_state::admit(call& c, cache_key_item key) {
  auto& h = calls_[c.header.id];
  h.key = std::move(key);
  h.what = std::move(c);
  h.came = now();
  if (h.what.header.deadline.count() > 0)
    deadlines_.emplace(h.came + h.what.header.deadline, h.what.header.id);
  note(h.what, action_event::phase_t::queued);
  ask(h);
}

void front_state::refuse(const call& c, const char* why) {
  batch_for(replies_, c.caller).push_back(text_reply(c.header.id, ec::bad_request, why));
}

void front_state::ask(held& h) {
  queries_.push_back({h.what.header.id, key_of(h), scopes_.of(*h.what.spec, task_of(h.what)), h.key.overwrite,
                      task_of(h.what).caching.serialize});
}

void front_state::found(std::vector<cache_answer>& answers) {
  for (auto& a : answers) {
    const auto at = calls_.find(a.call);
    if (at == calls_.end()
        || at->second.runs) { // cancelled meanwhile, or handed on: leave to execute is of no use to it
      if (a.token != 0)
        releases_.push_back({a.call, a.entry.key});
      continue;
    }
    auto& h = at->second;
    if (a.status != cache_status::hit) {
      h.generation = a.generation;
      h.token = a.token;
      note(h.what, action_event::phase_t::queued, word_of(a.status));
      hand_on(h);
      continue;
    }
    note(h.what, action_event::phase_t::succeeded, word_of(a.status), a.entry.producer);
    if (a.repeats)
      repeat(h, a.entry);
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
  deadlines_.erase({h.came + h.what.header.deadline, h.what.header.id});
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
    if (at == calls_.end()) {
      repeated(reply);
      continue;
    }
    auto& h = at->second;
    // A serialized call that executed without leave did so beside another one, whose result others may have by now.
    const bool has_leave = h.token != 0 || !task_of(h.what).caching.serialize;
    if (reply.code == ec::none && keeps_ && has_leave)
      keep(h, reply);
    else if (h.token != 0)
      releases_.push_back({reply.id, key_of(h)});
    finish(reply.id, std::move(reply));
  }
}

/// For nobody but the audit: it belongs to no run, and what it writes is lost.
void front_state::repeat(const held& h, const cache_entry& kept) {
  if (repetitions_.size() >= defaults::front_repetitions_max)
    return;
  call c = h.what;
  c.caller = caller_actor(front_actor(self_));
  c.output = caller_actor();
  c.in_run = false;
  c.header.root = c.header.id;
  c.header.parent = {};
  repetitions_.insert_or_assign(c.header.id,
                                repetition_of{scopes_.of(*c.spec, task_of(c)), kept.content, kept.producer});
  passed_.push_back(std::move(c));
}

void front_state::repeated(call_reply& reply) {
  const auto at = repetitions_.extract(reply.id);
  if (at.empty())
    return;
  auto& r = at.mapped();
  const auto outcome = reply.code != ec::none         ? repetition::failed
                       : is_same(reply.value, r.kept) ? repetition::same
                                                      : repetition::different;
  repeated_.push_back({std::move(r.scope), outcome, std::move(r.producer)});
}

void front_state::keep(held& h, const call_reply& reply) {
  cache_result r;
  r.call = reply.id;
  r.scope = scopes_.of(*h.what.spec, task_of(h.what));
  r.ttl = task_of(h.what).caching.ttl;
  r.token = h.token;
  r.overwrite = h.key.overwrite;
  r.entry.key = key_of(h);
  r.entry.generation = h.generation;
  r.entry.run = reply.run;
  r.entry.producer = h.what.in_run ? run_name(h.what.header.root) : to_string(reply.id);
  r.entry.inputs = std::move(h.key.each);
  r.entry.content = reply.value;
  results_.push_back(std::move(r));
  if (h.what.in_run)
    storing_.insert_or_assign(reply.id, h.what);
}

/// Told as of something that runs: how the call ends is told by whoever executes it, and it may not have been told yet.
void front_state::done(const std::vector<cache_kept>& all) {
  for (const auto& k : all)
    if (const auto at = storing_.extract(k.call); !at.empty())
      note(at.mapped(), action_event::phase_t::running, word_of(k.status));
}

// -- cancelling ----

void front_state::cancel(std::vector<cancellation>& what) {
  for (auto& c : what) {
    const auto ours = cancelled_by(c);
    for (auto id : ours)
      if (!calls_.at(id).runs)
        give_up(id, c.code, c.reason);
      else if (c.caller)
        cancels_.push_back({caller_actor(front_actor(self_)), id, c.code, c.reason});
    if (!c.caller || !c.id || ours.empty())
      cancels_.push_back(std::move(c)); // also of what went past
  }
}

std::vector<call_id> front_state::cancelled_by(const cancellation& c) const {
  const auto is_meant = [&](const held& h) { return !c.caller || c.caller == h.what.caller; };
  std::vector<call_id> found;
  if (c.id) {
    if (const auto h = calls_.find(c.id); h != calls_.end() && is_meant(h->second))
      found.push_back(c.id);
    return found;
  }
  for (const auto& [id, h] : calls_)
    if (is_meant(h))
      found.push_back(id);
  std::sort(found.begin(), found.end());
  return found;
}

/// It waits for the cache no longer.
void front_state::give_up(call_id id, ec code, const std::string& text) {
  const auto& h = calls_.at(id);
  releases_.push_back({id, key_of(h)});
  note(h.what, code == ec::aborted ? action_event::phase_t::aborted : action_event::phase_t::timed_out);
  finish(id, text_reply(id, code, text));
}

void front_state::give_up_late() {
  wakes_at_.reset();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now())
    give_up(deadlines_.begin()->second, ec::deadline_exceeded, std::string(sentence(ec::deadline_exceeded)));
}

void front_state::finish(call_id id, call_reply reply) {
  const auto at = calls_.find(id);
  const auto& c = at->second.what;
  deadlines_.erase({at->second.came + c.header.deadline, id});
  batch_for(replies_, c.caller).push_back(std::move(reply));
  calls_.erase(at);
}

/// Nothing is looked up any more: what waits executes.
void front_state::pass_all(cache_status status) {
  looks_up_ = false;
  std::vector<call_id> waiting;
  for (const auto& [id, h] : calls_)
    if (!h.runs)
      waiting.push_back(id);
  std::sort(waiting.begin(), waiting.end());
  for (auto id : waiting) {
    auto& h = calls_.at(id);
    releases_.push_back({id, key_of(h)});
    note(h.what, action_event::phase_t::queued, word_of(status));
    hand_on(h);
  }
}

void front_state::lose_cache() {
  keeps_ = false;
  pass_all(cache_status::lookup_failure);
  std::vector<cache_kept> none;
  for (const auto& [id, c] : storing_)
    none.push_back({id, cache_status::put_failure});
  done(none);
}

caf::result<std::vector<call_id>> front_state::open_of(const caller_actor& caller, const std::vector<call_id>& asked) {
  std::vector<call_id> ours;
  for (auto id : asked)
    if (const auto h = calls_.find(id); h != calls_.end() && h->second.what.caller == caller)
      ours.push_back(id);
  auto promise = self_->make_response_promise<std::vector<call_id>>();
  self_->request(config_.behind, defaults::inner_request_timeout, atom::has::value, caller, asked)
    .then(
      [promise, ours](std::vector<call_id>& past) mutable {
        past.insert(past.end(), ours.begin(), ours.end());
        promise.deliver(std::move(past));
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

// -- the record of a run ----

void front_state::note(const call& c, action_event::phase_t phase, const std::string& status,
                       const std::string& producer) {
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
  e.cache = status;
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
  if (!repeated_.empty())
    self_->send(config_.cache, atom::record::value, std::exchange(repeated_, {}));
  if (!passed_.empty())
    self_->send(config_.behind, atom::invoke::value, std::exchange(passed_, {}));
  if (!cancels_.empty())
    self_->send(config_.behind, atom::cancel::value, std::exchange(cancels_, {}));
  for (auto& [to, batch] : std::exchange(replies_, {}))
    if (to)
      self_->send(to, atom::replies::value, std::move(batch));
  if (!deadlines_.empty() && (!wakes_at_ || deadlines_.begin()->first < *wakes_at_)) {
    wakes_at_ = deadlines_.begin()->first;
    self_->delayed_send(self_, *wakes_at_ - now(), atom::tick::value);
  }
}

front_actor::behavior_type front_state::make_behavior(front_actor::pointer self, front_config config) {
  self_ = self;
  config_ = std::move(config);
  self->monitor(config_.behind);
  self->monitor(config_.cache);
  self->set_down_handler([this](const caf::down_msg& down) {
    if (down.source == config_.behind.address())
      return self_->quit(); // our users hear of it by our end
    lose_cache();
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
    [this](atom::stop, milliseconds) { pass_all(cache_status::skipped), flush(); },
    [this](atom::halt) { self_->quit(); },
    [](atom::disown) { /* a front owns nothing */ },
    [](atom::adopt, const std::vector<adoptable>&, bool) { /* nor will it */ },
    [](atom::drain, const std::vector<replica_id>&) { /* the supervisor behind it drains them */ },
    [this](atom::tick) { give_up_late(), flush(); },
    [this](atom::replies, std::vector<call_reply>& replies) { replied(replies), flush(); },
    [](atom::logged, const std::vector<log_text>&) { /* output goes to whoever called */ },
    [this](atom::found, std::vector<cache_answer>& answers) { found(answers), flush(); },
    [this](atom::done, const std::vector<cache_kept>& kept) { done(kept), flush(); },
  };
}

} // namespace hearth
