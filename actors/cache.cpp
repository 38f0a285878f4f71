#include "actors/cache.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"

#include <algorithm>

/// What a cache does for the fronts of its node; the rest is in cache_holders.cpp and cache_flights.cpp.
namespace hearth {

namespace {

constexpr auto seat_shift = 32;

} // namespace

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
    else if (!has_stood_ && early_.size() < defaults::cache_waiting_max)
      early_.emplace_back(std::move(q), user);
    else if (!may_act()) // somebody may have invalidated what is here, and this node would not know
      missed(q, user, cache_status::lookup_failure);
    else
      look(q, user);
}

/// What this node has, on its disk or on its way there, and may be served; counts as a use. `was_here`: there is something.
std::optional<shelved> cache_state::here(const cache_key& key, const cache_scope& scope, bool& was_here) {
  if (const auto recent = recent_.find(key); recent != recent_.end() && may_serve(scope, recent->second)) {
    ++recent_uses_[key];
    return shelved{recent->second, false};
  }
  auto found = config_.shelf->find(key, config_.unix_ms());
  was_here = found.has_value();
  if (found && !may_serve(scope, found->entry))
    found.reset();
  return found;
}

void cache_state::look(cache_query& q, const cache_user_actor& user) {
  bool was_here = false;
  auto found = here(q.key, *q.scope, was_here);
  if (!found) {
    if (!look_elsewhere(q, user))
      missed(q, user, was_here ? cache_status::evicted : cache_status::miss);
  } else if (found->is_elsewhere) {
    read_elsewhere(std::move(q), std::move(found->entry), user);
  } else {
    hit({user, q.call}, std::move(found->entry), q.scope.get());
  }
}

/// For the desk: what can be answered now, and has nothing to be done about it afterwards.
std::optional<cache_entry> cache_state::plain_hit(const cache_key& key, const cache_scope& scope) {
  if (!may_act() || audit_.lasts(now()))
    return std::nullopt;
  bool was_here = false;
  auto found = here(key, scope, was_here);
  if (!found || found->is_elsewhere)
    return std::nullopt;
  count_hit(found->entry);
  return std::move(found->entry);
}

void cache_state::read_elsewhere(cache_query q, cache_entry found, const cache_user_actor& user) {
  self_->request(config_.disk, defaults::cache_disk_patience, atom::read::value, q.key)
    .then(
      [this, q, found, user](payload& content) mutable {
        found.content = std::move(content);
        if (may_serve(*q.scope, found)) // it may have been invalidated meanwhile
          hit({user, q.call}, std::move(found), q.scope.get());
        else
          missed(q, user, cache_status::miss);
        flush();
      },
      [this, q, user](const caf::error& error) mutable {
        const bool is_gone = failure_of(error).code == ec::gone;
        if (!is_gone || !look_elsewhere(q, user))
          missed(q, user, is_gone ? cache_status::miss : cache_status::lookup_failure);
        flush();
      });
}

void cache_state::count_hit(const cache_entry& entry) {
  ++counts_.hits;
  counts_.saved_us += static_cast<std::uint64_t>(entry.run.count() / 1000);
}

/// `audited`: the scope of a hit that may have to execute once more.
void cache_state::hit(const asker& who, cache_entry entry, const cache_scope* audited) {
  count_hit(entry);
  const bool repeats = audited && audit_.wants(*audited, entry.size, now());
  batch_for(answers_, who.user).push_back({who.call, cache_status::hit, std::move(entry), 0, 0, repeats});
}

/// It executes, or waits for an equal one that does.
void cache_state::missed(cache_query& q, const cache_user_actor& user, cache_status status) {
  if (status == cache_status::miss && config_.shelf->was_evicted(q.key))
    status = cache_status::evicted;
  if (q.serialize && may_act())
    return serialize(q, user, status);
  executes({user, q.call}, status);
}

/// Tells that it is to execute; of a serialized call with the token for its result, and the key that it goes back with.
void cache_state::executes(const asker& who, cache_status status, std::uint64_t token, const cache_key& key) {
  ++(status == cache_status::skipped          ? counts_.skipped
     : status == cache_status::lookup_failure ? counts_.lookup_failures
                                              : counts_.misses);
  cache_answer answer{who.call, status, {}, bounds_.newest(), token, false};
  answer.entry.key = key;
  batch_for(answers_, who.user).push_back(std::move(answer));
}

/// Until the node has its place in the cluster, and the lease that comes with it.
void cache_state::wait_for_a_seat() {
  has_stood_ = false;
  stands_by_ = now() + defaults::cache_start_patience;
  self_->delayed_send(self_, defaults::cache_home_retry, atom::tick::value);
}

void cache_state::look_for_a_seat() {
  if (has_stood_)
    return;
  if (may_act() || now() >= stands_by_)
    take_early();
  else
    self_->delayed_send(self_, defaults::cache_home_retry, atom::tick::value);
}

void cache_state::take_early() {
  has_stood_ = true;
  for (auto& [q, user] : std::exchange(early_, {})) {
    std::vector<cache_query> one;
    one.push_back(std::move(q));
    find(one, user);
  }
}

// -- results ----

void cache_state::store(std::vector<cache_result>& results, const cache_user_actor& user) {
  std::vector<cache_entry> entries;
  std::vector<cache_scope_ptr> scopes;
  std::vector<call_id> calls;
  for (auto& r : results) {
    complete(r);
    if (r.token != 0) {
      publish(r, user);
      continue;
    }
    remember(r.entry);
    scopes.push_back(r.scope);
    calls.push_back(r.call);
    entries.push_back(std::move(r.entry));
  }
  if (!entries.empty())
    keep(std::move(entries), scopes, std::move(calls), user);
}

void cache_state::complete(cache_result& r) const {
  auto& e = r.entry;
  e.created_unix_ms = config_.unix_ms();
  e.expires_unix_ms = r.ttl.count() > 0 ? e.created_unix_ms + static_cast<std::uint64_t>(r.ttl.count()) : 0;
  e.holder = config_.node;
  e.size = e.content.size();
  e.overwrite = r.overwrite ? e.created_unix_ms : 0;
}

/// Until it is on a disk it is found here.
void cache_state::remember(const cache_entry& entry) {
  if (recent_bytes_ + entry.size > config_.recent_bytes_max)
    return;
  auto& recent = recent_[entry.key];
  recent_bytes_ += entry.size - recent.size;
  recent = entry;
}

void cache_state::stored(const std::vector<cache_key>& keys) {
  for (const auto& key : keys)
    if (const auto recent = recent_.find(key); recent != recent_.end()) {
      recent_bytes_ -= recent->second.size;
      recent_.erase(recent);
      if (const auto uses = recent_uses_.extract(key); !uses.empty())
        config_.shelf->used(key, uses.mapped());
    }
}

void cache_state::told(call_id call, const cache_user_actor& user, bool kept) {
  ++(kept ? counts_.populated : counts_.put_failures);
  if (user)
    batch_for(kept_, user).push_back({call, kept ? cache_status::populated : cache_status::put_failure});
}

// -- turns ----

void cache_state::heed(const cache_user_actor& user) {
  if (users_.insert(user.address()).second)
    self_->monitor(user);
}

void cache_state::heard(const control::facts& facts) {
  std::vector<node_uuid> gone;
  bool moved = false;
  for (const auto& fact : facts)
    if (const auto* generations = std::get_if<control::generations_changed>(&fact)) {
      bounds_.learn(generations->now);
    } else if (const auto* limits = std::get_if<control::cache_limits_changed>(&fact)) {
      limit(limits->now);
    } else if (const auto* standing = std::get_if<control::standing>(&fact)) {
      const bool is_another = standing->seat != standing_.seat;
      standing_ = *standing;
      if (is_another)
        seat_lost();
      tokens_ = std::max(tokens_, standing->seat.value << seat_shift); // no two homes give the same one
      if (!has_stood_ && may_act())
        take_early();
    } else if (const auto* member = std::get_if<control::member_changed>(&fact); member != nullptr && in_cluster()) {
      const auto& now = member->now;
      const auto known = nodes_.find(now.node);
      if (known != nodes_.end() && known->second != now.seat)
        gone.push_back(now.node); // its seat has ended, whether or not it has another one
      moved = moved || !gone.empty() || (known == nodes_.end() && now.seat);
      if (now.seat)
        nodes_.insert_or_assign(now.node, now.seat);
      else
        nodes_.erase(now.node);
    }
  for (const auto& node : gone)
    node_gone(node);
  if (moved)
    home_moved();
  for (auto& [index, done] : std::exchange(to_hear_, {}))
    respond_when_heard(index, done);
}

void cache_state::flush() {
  for (auto& [user, answers] : std::exchange(answers_, {}))
    self_->send(user, atom::found::value, std::move(answers));
  for (auto& [user, kept] : std::exchange(kept_, {}))
    self_->send(user, atom::done::value, std::move(kept));
  send_searches();
}

cache_state::~cache_state() {
  if (config_.desk)
    config_.desk->close();
}

cache_actor::behavior_type cache_state::make_behavior(cache_actor::pointer self, cache_config config) {
  self_ = self;
  config_ = std::move(config);
  if (in_cluster())
    mender_ = self->spawn<caf::linked>(
      [mender = cache_mender_config{config_.self, config_.shelf, config_.disk, config_.control, config_.switchboard,
                                    config_.unix_ms, config_.holds_lease}](
        cache_mender_actor::stateful_pointer<cache_mender_state> its) {
        return its->state.make_behavior(its, mender);
      });
  self->send(config_.control, atom::watch::value, control_watcher(self));
  wait_for_a_seat();
  config_.desk->open([this](const cache_key& key, const cache_scope& scope) { return plain_hit(key, scope); });
  self->set_down_handler([this](const caf::down_msg& down) { leave(down.source), flush(); });
  return {
    [this](atom::find, std::vector<cache_query>& queries, const cache_user_actor& user) {
      find(queries, user), flush();
    },
    [this](atom::store, std::vector<cache_result>& results, const cache_user_actor& user) {
      store(results, user), flush();
    },
    [this](atom::yield, const std::vector<cache_release>& released, const cache_user_actor& user) {
      for (const auto& r : released)
        release(r.key, {user, r.call});
      flush();
    },
    [this](atom::record, const std::vector<cache_repeated>& repeated) {
      for (const auto& r : repeated)
        audit_.note(*r.scope, r.outcome, r.producer);
    },
    [this](atom::report) { return report_here(); },
    [this](atom::status) { return report(); },
    [this](atom::list, const cache_listing& what) { return list(what); },
    [this](atom::read, const cache_key& key) { return read(key); },
    [this](atom::forget, const cache_filter& filter) { return forget(filter); },
    [this](atom::check) { return check(); },
    [this](atom::rerun, const cache_audit_order& order) { return audit(order); },
    [this](atom::save, const std::string& file) { return move(file, false); },
    [this](atom::load, const std::string& file) { return move(file, true); },
    [this](atom::disown, const std::string& scope) { return invalidate(scope); },
    [this](atom::limit) { return limits_; },
    [this](atom::limit, const cluster::limit_cache& order) { return limit(order); },
    [this](atom::ask, link::ask& what) {
      auto answer = respond(what);
      flush();
      return answer;
    },
    [this](atom::events, const control::facts& facts) { heard(facts), flush(); },
    [this](atom::tick) { look_for_a_seat(), flush(); },
    [this](atom::retry, const cache_key& key) { seek_leave(key), flush(); },
    [this](atom::promote, const cache_key& key) {
      if (const auto r = reservations_.find(key); r != reservations_.end() && r->second.token == 0)
        grant(key, r->second);
      flush();
    },
    [this](atom::watch) { watch_leave(), flush(); },
  };
}

} // namespace hearth
