#include "actors/cache.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "core/defaults.hpp"

#include <algorithm>

namespace hearth {

const char* word_of(cache_status status) noexcept {
  switch (status) {
    case cache_status::disabled:
      return "DISABLED";
    case cache_status::miss:
      return "MISS";
    case cache_status::hit:
      return "HIT";
    case cache_status::populated:
      return "POPULATED";
    case cache_status::lookup_failure:
      return "LOOKUP_FAILURE";
    case cache_status::put_failure:
      return "PUT_FAILURE";
    case cache_status::skipped:
      return "SKIPPED";
    case cache_status::evicted:
      return "EVICTED";
  }
  return "";
}

// -- lookups ----

void cache_state::find(std::vector<cache_query>& queries, const cache_user_actor& user) {
  for (auto& q : queries)
    if (q.overwrite)
      missed(q, user, cache_status::skipped);
    else if (!standing_.holds) // somebody may have invalidated what is here, and this node would not know
      missed(q, user, cache_status::lookup_failure);
    else
      look(q, user);
}

void cache_state::look(cache_query& q, const cache_user_actor& user) {
  if (const auto recent = recent_.find(q.key); recent != recent_.end() && bounds_.allows(*q.scope, recent->second))
    return hit({user, q.call}, recent->second);
  auto found = config_.shelf->find(q.key, config_.unix_ms());
  if (!found || !bounds_.allows(*q.scope, found->entry))
    return missed(q, user, cache_status::miss);
  if (found->is_elsewhere)
    return read_elsewhere(std::move(q), std::move(found->entry), user);
  hit({user, q.call}, std::move(found->entry));
}

void cache_state::read_elsewhere(cache_query q, cache_entry found, const cache_user_actor& user) {
  self_->request(config_.disk, defaults::cache_disk_patience, atom::read::value, q.key)
    .then(
      [this, q, found, user](payload& content) mutable {
        found.content = std::move(content);
        if (bounds_.allows(*q.scope, found)) // it may have been invalidated meanwhile
          hit({user, q.call}, std::move(found));
        else
          missed(q, user, cache_status::miss);
        flush();
      },
      [this, q, user](const caf::error& error) mutable {
        missed(q, user, failure_of(error).code == ec::gone ? cache_status::miss : cache_status::lookup_failure);
        flush();
      });
}

void cache_state::hit(const asker& who, cache_entry entry) {
  ++counts_.hits;
  counts_.saved_us += static_cast<std::uint64_t>(entry.run.count() / 1000);
  batch_for(answers_, who.user).push_back({who.call, cache_status::hit, std::move(entry), 0, 0});
}

/// It executes, or waits for an equal one that does.
void cache_state::missed(cache_query& q, const cache_user_actor& user, cache_status status) {
  const asker who{user, q.call};
  if (q.serialize && status != cache_status::lookup_failure) {
    auto [at, is_first] = flights_.try_emplace(q.key);
    auto& f = at->second;
    if (!is_first && f.waiting.size() < defaults::cache_waiting_max) {
      ++counts_.waited;
      f.waiting.push_back(who);
      return heed(user);
    }
    if (is_first) {
      f.scope = q.scope;
      heed(user);
      return execute(q.key, f, who, status);
    }
  }
  auto& count = status == cache_status::skipped          ? counts_.skipped
                : status == cache_status::lookup_failure ? counts_.lookup_failures
                                                         : counts_.misses;
  ++count;
  batch_for(answers_, user).push_back({q.call, status, {}, bounds_.newest(), 0});
}

// -- serialized calls ----

void cache_state::execute(const cache_key&, flight& f, asker who, cache_status status) {
  ++(status == cache_status::skipped ? counts_.skipped : counts_.misses);
  f.owner = std::move(who);
  f.token = ++tokens_;
  batch_for(answers_, f.owner.user).push_back({f.owner.call, status, {}, bounds_.newest(), f.token});
}

/// Who executed has failed, or waits no more: the next one executes.
void cache_state::release(const cache_key& key, const asker& who) {
  const auto at = flights_.find(key);
  if (at == flights_.end())
    return;
  auto& f = at->second;
  std::erase(f.waiting, who);
  if (f.owner != who)
    return;
  if (f.waiting.empty()) {
    flights_.erase(at);
    return;
  }
  auto next = std::move(f.waiting.front());
  f.waiting.pop_front();
  execute(key, f, std::move(next), cache_status::miss);
}

void cache_state::leave(const caf::actor_addr& user) {
  users_.erase(user);
  std::vector<std::pair<cache_key, asker>> theirs;
  for (const auto& [key, f] : flights_) {
    for (const auto& who : f.waiting)
      if (who.user.address() == user)
        theirs.emplace_back(key, who);
    if (f.owner.user.address() == user) // last: the next one is not to be one of them
      theirs.emplace_back(key, f.owner);
  }
  for (const auto& [key, who] : theirs)
    release(key, who);
}

void cache_state::heed(const cache_user_actor& user) {
  if (users_.try_emplace(user.address(), 0).second)
    self_->monitor(user);
}

// -- results ----

void cache_state::store(std::vector<cache_result>& results, const cache_user_actor& user) {
  std::vector<cache_entry> entries;
  std::vector<cache_scope> scopes;
  std::vector<cache_key> keys;
  std::vector<call_id> calls;
  for (auto& r : results) {
    if (!take(r, user))
      continue;
    if (std::none_of(scopes.begin(), scopes.end(), [&](const auto& s) { return s == *r.scope; }))
      scopes.push_back(*r.scope);
    keys.push_back(r.entry.key);
    calls.push_back(r.call);
    entries.push_back(std::move(r.entry));
  }
  if (entries.empty())
    return;
  self_
    ->request(config_.disk, defaults::cache_disk_patience, atom::store::value, std::move(entries), std::move(scopes))
    .then([this, keys, calls, user](bool kept) { stored(keys, calls, user, kept), flush(); },
          [this, keys, calls, user](const caf::error&) { stored(keys, calls, user, false), flush(); });
}

/// False: it is not to be kept, and that was answered.
bool cache_state::take(cache_result& r, const cache_user_actor& user) {
  auto& e = r.entry;
  e.created_unix_ms = config_.unix_ms();
  e.expires_unix_ms = r.ttl.count() > 0 ? e.created_unix_ms + static_cast<std::uint64_t>(r.ttl.count()) : 0;
  e.holder = config_.node;
  e.size = e.content.size();
  if (const auto at = flights_.find(e.key); r.token != 0 && (at == flights_.end() || at->second.token != r.token)) {
    ++counts_.put_failures; // somebody else executes by now, or has: this one was given up
    batch_for(kept_, user).push_back({r.call, cache_status::put_failure});
    return false;
  } else if (r.token != 0) {
    for (auto& who : at->second.waiting)
      hit(who, e);
    flights_.erase(at);
  }
  if (recent_bytes_ + e.size <= config_.recent_bytes_max) {
    auto& recent = recent_[e.key];
    recent_bytes_ += e.size - recent.size;
    recent = e;
  }
  return true;
}

void cache_state::stored(const std::vector<cache_key>& keys, const std::vector<call_id>& calls,
                         const cache_user_actor& user, bool kept) {
  for (const auto& key : keys)
    if (const auto recent = recent_.find(key); recent != recent_.end()) {
      recent_bytes_ -= recent->second.size;
      recent_.erase(recent);
    }
  for (auto call : calls) {
    ++(kept ? counts_.populated : counts_.put_failures);
    batch_for(kept_, user).push_back({call, kept ? cache_status::populated : cache_status::put_failure});
  }
}

// -- for operators ----

caf::result<cache_report> cache_state::report() {
  auto promise = self_->make_response_promise<cache_report>();
  self_->request(config_.disk, defaults::cache_disk_patience, atom::status::value)
    .then(
      [this, promise](std::vector<cache_figures>& figures) mutable {
        promise.deliver(cache_report{config_.node, counts_, std::move(figures)});
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

caf::result<bool> cache_state::invalidate(const std::string& scope) {
  auto promise = self_->make_response_promise<bool>();
  self_
    ->request(config_.control, defaults::cluster_request_timeout, atom::propose::value,
              cluster::command(cluster::raise_generation{scope}))
    .then(
      [promise](const cluster::outcome& outcome) mutable {
        if (outcome.code == ec::none)
          promise.deliver(true);
        else
          promise.deliver(error_of({outcome.code, outcome.message}));
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

// -- turns ----

void cache_state::flush() {
  for (auto& [user, answers] : std::exchange(answers_, {}))
    self_->send(user, atom::found::value, std::move(answers));
  for (auto& [user, kept] : std::exchange(kept_, {}))
    self_->send(user, atom::done::value, std::move(kept));
}

cache_actor::behavior_type cache_state::make_behavior(cache_actor::pointer self, cache_config config) {
  self_ = self;
  config_ = std::move(config);
  self->send(config_.control, atom::watch::value, control_watcher(self));
  self->set_down_handler([this](const caf::down_msg& down) { leave(down.source), flush(); });
  return {
    [this](atom::find, std::vector<cache_query>& queries, const cache_user_actor& user) { find(queries, user), flush(); },
    [this](atom::store, std::vector<cache_result>& results, const cache_user_actor& user) {
      store(results, user), flush();
    },
    [this](atom::yield, const std::vector<cache_release>& released, const cache_user_actor& user) {
      for (const auto& r : released)
        release(r.key, {user, r.call});
      flush();
    },
    [this](atom::status) { return report(); },
    [this](atom::list, const cache_filter& filter, std::uint32_t limit) {
      return self_->delegate(config_.disk, atom::list::value, filter, limit);
    },
    [this](atom::read, const cache_key& key) { return self_->delegate(config_.disk, atom::read::value, key); },
    [this](atom::forget, const cache_filter& filter) {
      return self_->delegate(config_.disk, atom::forget::value, filter);
    },
    [this](atom::disown, const std::string& scope) { return invalidate(scope); },
    [this](atom::events, const control::facts& facts) {
      for (const auto& fact : facts)
        if (const auto* generations = std::get_if<control::generations_changed>(&fact))
          bounds_.learn(generations->now);
        else if (const auto* standing = std::get_if<control::standing>(&fact))
          standing_ = *standing;
    },
  };
}

} // namespace hearth
