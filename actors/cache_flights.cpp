#include "actors/cache.hpp"

#include "actors/batch.hpp"
#include "core/defaults_cache.hpp"

#include <algorithm>
#include <iterator>

/// Serialized calls. On each node the calls of one key wait together; the key's home lets one node at a time execute one of
/// them, and hands the result to all who wait the moment that it comes. Leave to execute is a token: who has lost it, because
/// its seat ended, cannot have its result kept (Kleppmann 2016, "How to do distributed locking": fencing tokens).
namespace hearth {

// -- on the node of the calls ----

void cache_state::serialize(cache_query& q, const cache_user_actor& user, cache_status status) {
  auto [at, is_first] = flights_.try_emplace(q.key);
  auto& f = at->second;
  if (f.waiting.size() >= defaults::cache_waiting_max)
    return executes({user, q.call}, status);
  heed(user);
  f.waiting.push_back({user, q.call, q.overwrite});
  if (!is_first) {
    ++counts_.waited;
    return;
  }
  f.scope = q.scope;
  f.status = status;
  seek_leave(q.key);
}

node_uuid cache_state::home_of(const cache_key& key) const {
  const auto holders = holders_of(key);
  return holders.empty() ? config_.self : holders.front();
}

/// Asks the key's home for the result, or for leave to execute. Who executes already only says so.
void cache_state::seek_leave(const cache_key& key) {
  const auto at = flights_.find(key);
  if (at == flights_.end())
    return;
  auto& f = at->second;
  f.home = home_of(key);
  const auto wants = f.owner ? intent::goes_on : f.status == cache_status::skipped ? intent::executes : intent::looks;
  const auto done = [this, key, home = f.home](verdict what) {
    const auto flight = flights_.find(key);
    if (flight != flights_.end() && flight->second.home == home)
      decided(key, std::move(what));
    else if (what.token != 0) // nobody here wants it any more
      give_back(key, what.token, config_.self, home);
  };
  if (f.home == config_.self)
    return reserve(key, *f.scope, config_.self, wants, done);
  cache_writer question;
  question.key(key).scope(*f.scope).number(static_cast<std::uint64_t>(wants));
  ask(f.home, "reserve", question.take(), milliseconds{0}, [this, done](const payload* answer, ec code) {
    verdict what;
    what.code = code;
    if (answer) {
      cache_reader from(*answer);
      what.token = from.number();
      if (what.token == 0)
        what.entry = from.entry();
      if (!from.is_whole())
        what = {std::nullopt, 0, ec::internal_error};
    }
    done(std::move(what));
    flush();
  });
}

void cache_state::decided(const cache_key& key, verdict what) {
  const auto at = flights_.find(key);
  auto& f = at->second;
  if (what.entry && may_serve(*f.scope, *what.entry)) {
    answer_waiting(f, *what.entry);
    f.token = 0;
    if (f.owner) // it executes all the same, and the home has a result already
      return;
    f.waiting.empty() ? void(flights_.erase(at)) : seek_leave(key);
  } else if (what.entry || (what.code == ec::node_lost && standing_.holds)) { // or the home knows less than this node
    self_->delayed_send(self_, defaults::cache_home_retry, atom::retry::value, key);
  } else if (what.code != ec::none) { // in nobody's way: they execute
    for (auto& who : std::exchange(f.waiting, {}))
      executes(who, cache_status::lookup_failure);
    f.token = 0; // what executes may not be kept: somebody else has leave
    if (!f.owner)
      flights_.erase(at);
  } else {
    f.token = what.token;
    if (!f.owner)
      execute_next(key, f);
  }
}

void cache_state::execute_next(const cache_key& key, flight& f) {
  if (f.waiting.empty()) {
    give_back(key, f.token, config_.self, f.home);
    flights_.erase(key);
    return;
  }
  f.owner = std::move(f.waiting.front());
  f.waiting.pop_front();
  executes(*f.owner, f.owner->overwrites ? cache_status::skipped : f.status, f.token, key);
  f.status = cache_status::miss;
}

/// All who wait but those who are to replace what is kept: they want leave of their own.
void cache_state::answer_waiting(flight& f, const cache_entry& entry) {
  std::deque<asker> left;
  for (auto& who : std::exchange(f.waiting, {}))
    if (who.overwrites)
      left.push_back(std::move(who));
    else
      hit(who, entry);
  f.waiting = std::move(left);
  f.status = cache_status::skipped;
}

/// What executes, or executed, has leave no more: those who wait ask for it anew.
void cache_state::lose_leave(const cache_key& key, flight& f) {
  f.owner.reset();
  f.token = 0;
  if (f.waiting.empty())
    flights_.erase(key);
  else
    seek_leave(key);
}

/// Who executed has failed, or waits no more: the next one executes, here first.
void cache_state::release(const cache_key& key, const asker& who) {
  const auto at = flights_.find(key);
  if (at == flights_.end())
    return;
  auto& f = at->second;
  std::erase(f.waiting, who);
  if (!f.owner || *f.owner != who)
    return;
  if (f.token == 0)
    return lose_leave(key, f);
  f.owner.reset();
  execute_next(key, f);
}

void cache_state::leave(const caf::actor_addr& user) {
  users_.erase(user);
  std::vector<std::pair<cache_key, asker>> theirs;
  for (const auto& [key, f] : flights_) {
    for (const auto& who : f.waiting)
      if (who.user.address() == user)
        theirs.emplace_back(key, who);
    if (f.owner && f.owner->user.address() == user) // last: the next one is not to be one of them
      theirs.emplace_back(key, *f.owner);
  }
  for (const auto& [key, who] : theirs)
    release(key, who);
}

/// The result of a call that had leave to execute.
void cache_state::publish(cache_result& r, const cache_user_actor& user) {
  const auto at = flights_.find(r.entry.key);
  const bool is_owner = at != flights_.end() && at->second.owner == asker{user, r.call};
  const auto token = is_owner && may_act() ? at->second.token : 0;
  if (token == 0) { // somebody else executes by now, or has: this one was given up
    told(r.call, user, false);
    if (is_owner)
      lose_leave(r.entry.key, at->second);
    return;
  }
  if (!may_serve(*r.scope, r.entry)) { // invalidated while it ran: those who came later want a newer one
    told(r.call, user, false);
    at->second.owner.reset();
    return execute_next(r.entry.key, at->second);
  }
  auto& f = at->second;
  answer_waiting(f, r.entry);
  f.owner.reset();
  f.token = 0;
  const auto home = f.home;
  const bool is_over = f.waiting.empty();
  if (is_over)
    flights_.erase(at);
  const auto go_on = [this, is_over, key = r.entry.key] {
    if (!is_over)
      seek_leave(key); // behind what was just told
  };
  if (home == config_.self) {
    told(r.call, user, accept(token, r.entry, r.scope));
    return go_on();
  }
  remember(r.entry);
  cache_writer question;
  question.number(token).scope(*r.scope).entry(r.entry);
  ask(home, "publish", question.take(), defaults::cache_disk_patience,
      [this, call = r.call, key = r.entry.key, user](const payload* answer, ec) {
        stored({key});
        told(call, user, answer != nullptr);
        flush();
      });
  go_on();
}

/// With the seat goes what it had leave for: who executes may not have its result kept, and those who wait are looked up anew
/// when the node has a seat again, or has waited long enough for one.
void cache_state::seat_lost() {
  for (auto& [key, f] : std::exchange(flights_, {}))
    for (auto& who : f.waiting)
      early_.emplace_back(cache_query{who.call, key, f.scope, who.overwrites, true}, who.user);
  if (has_stood_)
    wait_for_a_seat();
}

/// Nodes came or went: what waits at a home that is none any more is asked at the present one.
void cache_state::home_moved() {
  std::vector<reservation> left;
  std::erase_if(reservations_, [&](auto& entry) {
    const bool is_elsewhere = home_of(entry.first) != config_.self;
    if (is_elsewhere)
      left.push_back(std::move(entry.second));
    return is_elsewhere;
  });
  for (auto& r : left)
    for (auto& [node, done] : r.waiting)
      done({std::nullopt, 0, ec::node_lost});
  std::vector<cache_key> moved;
  for (const auto& [key, f] : flights_)
    if (f.home != home_of(key))
      moved.push_back(key);
  for (const auto& key : moved)
    seek_leave(key);
}

// -- at the key's home ----

void cache_state::reserve(const cache_key& key, const cache_scope& scope, node_uuid node, intent wants,
                          verdict_handler done) {
  if (home_of(key) != config_.self || !may_act())
    return done({std::nullopt, 0, ec::node_lost});
  auto [at, is_new] = reservations_.try_emplace(key);
  auto& r = at->second;
  if (wants == intent::goes_on) { // for a home that is gone
    if (r.token == 0) {
      r.token = ++tokens_;
      r.node = node;
    }
    done({std::nullopt, r.node == node ? r.token : 0, r.node == node ? ec::none : ec::stale_epoch});
    return;
  }
  if (is_new && wants == intent::looks) { // it may have come since it was looked for
    if (const auto recent = recent_.find(key); recent != recent_.end() && may_serve(scope, recent->second)) {
      reservations_.erase(at);
      return done({recent->second, 0, ec::none});
    }
    if (auto found = config_.shelf->find(key, config_.unix_ms());
        found && !found->is_elsewhere && may_serve(scope, found->entry)) {
      reservations_.erase(at);
      return done({std::move(found->entry), 0, ec::none});
    }
  }
  r.waiting.emplace_back(node, std::move(done));
  if (!std::exchange(watches_leave_, true))
    self_->delayed_send(self_, defaults::cache_leave_interval, atom::watch::value);
  if (r.token == 0)
    grant(key, r);
}

/// To the first who waits. Not right after a node has gone: who executes for the home that it was says so first.
void cache_state::grant(const cache_key& key, reservation& r) {
  if (now() < quiet_until_) {
    self_->delayed_send(self_, quiet_until_ - now(), atom::promote::value, key);
    return;
  }
  if (r.waiting.empty()) {
    reservations_.erase(key);
    return;
  }
  auto [node, done] = std::move(r.waiting.front());
  r.waiting.pop_front();
  r.token = ++tokens_;
  r.node = node;
  done({std::nullopt, r.token, ec::none});
}

/// Official is what comes with the token of who executes now; it goes to all who wait before any disk has it.
bool cache_state::accept(std::uint64_t token, cache_entry& entry, const cache_scope_ptr& scope) {
  const auto at = reservations_.find(entry.key);
  if (at == reservations_.end() || at->second.token != token || !may_act())
    return false;
  if (!may_serve(*scope, entry)) {
    at->second.token = 0;
    grant(entry.key, at->second);
    return false;
  }
  auto waiting = std::move(at->second.waiting);
  reservations_.erase(at);
  remember(entry);
  for (auto& [node, done] : waiting)
    done({entry, 0, ec::none});
  keep({entry}, {scope}, {}, {});
  return true;
}

/// Whoever has leave while others wait is asked whether it executes: what it was told, or gave back, may have been lost on the
/// way, and neither side would know. An answer to that overtakes nothing that was said before it.
void cache_state::watch_leave() {
  std::map<node_uuid, std::vector<std::pair<cache_key, std::uint64_t>>> held;
  watches_leave_ = false;
  for (const auto& [key, r] : reservations_) {
    watches_leave_ = watches_leave_ || !r.waiting.empty();
    if (!r.waiting.empty() && r.token != 0)
      held[r.node].emplace_back(key, r.token);
  }
  if (watches_leave_)
    self_->delayed_send(self_, defaults::cache_leave_interval, atom::watch::value);
  for (auto& [node, leaves] : held)
    if (node == config_.self) {
      for (const auto& [key, token] : leaves)
        if (!executes_by(key, token))
          give_back(key, token, node, config_.self);
    } else {
      cache_writer question;
      for (const auto& [key, token] : leaves)
        question.key(key).number(token);
      ask(node, "executes", question.take(), defaults::cache_lookup_patience,
          [this, node = node](const payload* answer, ec) {
            if (answer)
              for (cache_reader from(*answer); !from.is_at_end() && from.is_whole();) {
                const auto key = from.key();
                give_back(key, from.number(), node, config_.self);
              }
            flush();
          });
    }
}

/// Whether a call of this node executes by this leave.
bool cache_state::executes_by(const cache_key& key, std::uint64_t token) const {
  const auto at = flights_.find(key);
  return at != flights_.end() && at->second.token == token;
}

/// To the home that gave it.
void cache_state::give_back(const cache_key& key, std::uint64_t token, node_uuid node, node_uuid home) {
  if (home != config_.self) {
    cache_writer what;
    what.key(key).number(token);
    return ask(home, "yield", what.take(), defaults::cache_lookup_patience, [](const payload*, ec) {
      // A home that is gone knows nothing of it any more.
    });
  }
  const auto at = reservations_.find(key);
  if (at == reservations_.end() || at->second.token != token || at->second.node != node)
    return;
  at->second.token = 0;
  grant(key, at->second);
}

void cache_state::node_gone(node_uuid node) {
  std::vector<cache_key> freed;
  std::vector<verdict_handler> told; // the node may have asked by a seat of which this one hears only now
  for (auto& [key, r] : reservations_) {
    std::erase_if(r.waiting, [&](auto& w) {
      if (w.first == node)
        told.push_back(std::move(w.second));
      return w.first == node;
    });
    if (r.token != 0 && r.node == node) {
      r.token = 0;
      freed.push_back(key);
    }
  }
  // These were granted here, by this home: nobody else knows of them, and nobody has to be waited for.
  quiet_until_ = {};
  for (const auto& key : freed)
    grant(key, reservations_.at(key));
  quiet_until_ = now() + defaults::cache_claim_grace;
  for (const auto& done : told)
    done({std::nullopt, 0, ec::node_lost});
}

} // namespace hearth
