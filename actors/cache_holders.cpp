#include "actors/cache.hpp"

#include "actors/batch.hpp"
#include "actors/cache_asking.hpp"
#include "actors/cache_buckets.hpp"

#include <algorithm>

/// Entries on other nodes (besides what the MENDER does): which of them hold what, looking for it there, copies, invalidation,
/// and what others ask.
namespace hearth {

std::vector<node_uuid> cache_state::holders_of(const cache_key& key) const {
  std::vector<node_uuid> all;
  for (const auto& [node, seat] : nodes_)
    all.push_back(node);
  return holders_of_bucket(bucket_of(key), all);
}

void cache_state::ask(node_uuid node, const char* verb, payload value, milliseconds patience,
                      cache_answer_handler then) {
  ask_cache(self_, config_.switchboard, node, {verb}, std::move(value), patience, std::move(then));
}

// -- looking for an entry ----

/// False: no other node could have it.
bool cache_state::look_elsewhere(cache_query& q, const cache_user_actor& user) {
  auto holders = holders_of(q.key);
  std::erase(holders, config_.self);
  if (!in_cluster() || holders.empty())
    return false;
  auto [at, is_new] = searches_.try_emplace(q.key);
  auto& s = at->second;
  s.waiting.emplace_back(q, user);
  if (!is_new)
    return true;
  s.missing = holders.size();
  for (const auto& node : holders)
    batch_for(sought_, node).push_back(q.key);
  return true;
}

void cache_state::send_searches() {
  for (auto& [node, keys] : std::exchange(sought_, {}))
    for (std::size_t from = 0; from < keys.size(); from += defaults::cache_search_batch) {
      const std::vector<cache_key> some(
        keys.begin() + static_cast<std::ptrdiff_t>(from),
        keys.begin() + static_cast<std::ptrdiff_t>(std::min(keys.size(), from + defaults::cache_search_batch)));
      cache_writer question;
      question.number(some.size());
      for (const auto& key : some)
        question.key(key);
      ask(node, "find", question.take(), defaults::cache_lookup_patience,
          [this, node = node, some](const payload* found, ec) { searched(node, some, found), flush(); });
    }
}

void cache_state::searched(node_uuid node, const std::vector<cache_key>& keys, const payload* found) {
  std::unordered_map<cache_key, cache_entry> there;
  if (found) {
    cache_reader from(*found);
    while (!from.is_at_end() && from.is_whole())
      if (auto entry = from.entry(); from.is_whole())
        there.insert_or_assign(entry.key, std::move(entry));
  }
  for (const auto& key : keys) {
    const auto at = searches_.find(key);
    if (at == searches_.end())
      continue; // another holder was faster
    auto& s = at->second;
    --s.missing;
    s.answered = s.answered || found;
    const auto entry = there.find(key);
    if (entry != there.end() && may_serve(*s.waiting.front().first.scope, entry->second)) {
      end_search(key, std::move(entry->second));
      continue;
    }
    if (found)
      s.lacking.push_back(node);
    if (s.missing == 0)
      end_search(key, std::nullopt);
  }
}

/// What was found is kept by those who should have had it, and here: for a while if this node is none of them, because nobody
/// tells it when it is replaced while it is away.
void cache_state::end_search(const cache_key& key, std::optional<cache_entry> found) {
  auto s = std::move(searches_.extract(key).mapped());
  if (!found) {
    for (auto& [q, user] : s.waiting)
      if (!s.answered && q.serialize
          && ++q.tries < defaults::cache_lookup_tries) // a node that comes back has no links yet
        self_->delayed_send(self_, defaults::cache_home_retry, atom::find::value, std::vector{q}, user);
      else
        missed(q, user, s.answered ? cache_status::miss : cache_status::lookup_failure);
    return;
  }
  for (auto& [q, user] : s.waiting)
    hit({user, q.call}, *found);
  const auto& scope = s.waiting.front().first.scope;
  auto own = *found;
  if (const auto holders = holders_of(key); std::find(holders.begin(), holders.end(), config_.self) == holders.end()) {
    const auto near = static_cast<std::uint64_t>(milliseconds(defaults::cache_near_time).count());
    own.expires_unix_ms = expiry_of(config_.unix_ms(), own.expires_unix_ms, near);
  }
  remember(own);
  const auto what = std::make_shared<keeping>();
  what->keys = {key};
  what->missing = 1 + s.lacking.size();
  keep_at(config_.self, {std::move(own)}, {*scope}, what);
  for (const auto& node : s.lacking)
    keep_at(node, {*found}, {*scope}, what);
}

// -- keeping ----

/// On all holders of each; the calls are told when one of them has it on its disk. What replaces a good result goes to all nodes:
/// others may have a copy of that.
void cache_state::keep(std::vector<cache_entry> entries, const std::vector<cache_scope_ptr>& scopes,
                       std::vector<call_id> calls, const cache_user_actor& user) {
  const auto what = std::make_shared<keeping>();
  what->calls = std::move(calls);
  what->user = user;
  std::map<node_uuid, std::pair<std::vector<cache_entry>, std::vector<cache_scope>>> by_node;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    what->keys.push_back(entries[i].key);
    auto holders = holders_of(entries[i].key);
    if (entries[i].overwrite != 0 && !nodes_.empty()) {
      holders.clear();
      for (const auto& [node, seat] : nodes_)
        holders.push_back(node);
    }
    if (holders.empty())
      holders = {config_.self};
    for (const auto& node : holders) {
      auto& [theirs, names] = by_node[node];
      theirs.push_back(entries[i]);
      if (std::none_of(names.begin(), names.end(), [&](const auto& s) { return s == *scopes[i]; }))
        names.push_back(*scopes[i]);
    }
  }
  what->missing = by_node.size();
  for (auto& [node, those] : by_node)
    keep_at(node, std::move(those.first), std::move(those.second), what);
}

void cache_state::keep_at(node_uuid node, std::vector<cache_entry> entries, std::vector<cache_scope> scopes,
                          const std::shared_ptr<keeping>& what) {
  if (node == config_.self) {
    self_
      ->request(config_.disk, defaults::cache_disk_patience, atom::store::value, std::move(entries), std::move(scopes))
      .then([this, what](bool kept) { kept_at(what, kept); },
            [this, what](const caf::error&) { kept_at(what, false); });
    return;
  }
  cache_writer question;
  question.number(scopes.size());
  for (const auto& scope : scopes)
    question.scope(scope);
  for (const auto& entry : entries)
    question.entry(entry);
  ask(node, "keep", question.take(), defaults::cache_disk_patience,
      [this, what](const payload* answer, ec) { kept_at(what, answer != nullptr); });
}

void cache_state::kept_at(const std::shared_ptr<keeping>& what, bool kept) {
  what->kept = what->kept || kept;
  --what->missing;
  if (what->kept || what->missing == 0)
    for (auto call : std::exchange(what->calls, {}))
      told(call, what->user, what->kept);
  if (what->missing == 0) // until then it is found here by whoever looks for it
    stored(what->keys);
  flush();
}

// -- invalidation ----

/// Decided by the control log, and then known to every node that may answer from its cache: those that have a seat.
caf::result<bool> cache_state::invalidate(const std::string& scope) {
  auto promise = self_->make_response_promise<bool>();
  self_
    ->request(config_.control, defaults::cluster_request_timeout, atom::propose::value,
              cluster::command(cluster::raise_generation{scope}))
    .then(
      [this, promise](const cluster::outcome& outcome) mutable -> void {
        if (outcome.code != ec::none) {
          promise.deliver(error_of({outcome.code, outcome.message}));
          return;
        }
        const auto missing = std::make_shared<std::size_t>(1);
        for (const auto& [node, seat] : nodes_)
          if (node != config_.self) {
            ++*missing;
            confirm(outcome.index, node, seat, now() + defaults::cluster_request_timeout, missing, promise);
          }
        if (--*missing == 0)
          promise.deliver(true);
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

/// That the node knows the index, or that it has lost the seat that it had: with it goes its right to answer.
void cache_state::confirm(cluster::log_index index, node_uuid node, seat_id seat, instant until,
                          const std::shared_ptr<std::size_t>& missing, caf::typed_response_promise<bool> promise) {
  cache_writer question;
  question.number(index);
  ask(node, "heard", question.take(), defaults::cache_confirm_interval, [=, this](const payload* answer, ec) mutable {
    const auto known = nodes_.find(node);
    if (answer != nullptr || known == nodes_.end() || known->second != seat) {
      if (--*missing == 0 && promise.pending())
        promise.deliver(true);
    } else if (now() < until) {
      confirm(index, node, seat, until, missing, promise);
    } else if (promise.pending()) {
      promise.deliver(
        error_of({ec::undecided, "It is decided that these results are not served any more, but a node has "
                                 "not confirmed it in time; `hearth cluster status` shows who is slow."}));
    }
  });
}

// -- what other nodes ask ----

caf::result<link::answer> cache_state::respond(link::ask& what) {
  const auto verb = what.words.empty() ? std::string() : what.words.front();
  if (verb == "mend" && mender_)
    return self_->delegate(mender_, atom::ask::value, std::move(what));
  auto promise = self_->make_response_promise<link::answer>();
  const std::function<void(link::answer)> done = [promise](link::answer answer) mutable {
    promise.deliver(std::move(answer));
  };
  cache_reader from(what.value);
  if (verb == "find") {
    respond_with_entries(from, done);
  } else if (verb == "heard") {
    respond_when_heard(from.number(), done);
  } else if (verb == "keep") {
    std::vector<cache_scope> scopes;
    std::vector<cache_entry> entries;
    for (auto count = from.number(); count > 0 && from.is_whole(); --count)
      scopes.push_back(from.scope());
    while (!from.is_at_end() && from.is_whole())
      entries.push_back(from.entry());
    if (!from.is_whole())
      done(refusal(ec::bad_request));
    else
      self_
        ->request(config_.disk, defaults::cache_disk_patience, atom::store::value, std::move(entries),
                  std::move(scopes))
        .then([done](bool kept) { done(kept ? answer_with({}) : refusal(ec::storage_failed)); },
              [done](const caf::error& error) {
                done({0, failure_of(error), {}});
              });
  } else if (verb == "reserve") {
    const auto key = from.key();
    const auto scope = from.scope();
    const auto wants = static_cast<intent>(std::min<std::uint64_t>(from.number(), 2));
    reserve(key, scope, what.caller.node, wants, [done](verdict v) {
      if (v.code != ec::none)
        return done(refusal(v.code));
      cache_writer answer;
      answer.number(v.token);
      if (v.entry)
        answer.entry(*v.entry);
      done(answer_with(answer.take()));
    });
  } else if (verb == "publish") {
    const auto token = from.number();
    const auto scope = std::make_shared<const cache_scope>(from.scope());
    auto entry = from.entry();
    const bool kept = from.is_whole() && accept(token, entry, scope);
    done(kept ? answer_with({}) : refusal(ec::stale_epoch));
  } else if (verb == "yield") {
    const auto key = from.key();
    give_back(key, from.number(), what.caller.node, config_.self);
    done(answer_with({}));
  } else if (verb == "executes") { // which of these it does not
    cache_writer answer;
    while (!from.is_at_end() && from.is_whole()) {
      const auto key = from.key();
      const auto token = from.number();
      if (!executes_by(key, token))
        answer.key(key).number(token);
    }
    done(answer_with(answer.take()));
  } else {
    respond_to_person(verb, std::move(from), done);
  }
  return promise;
}

/// Those that are here and may be served; large ones are read from the disk first.
void cache_state::respond_with_entries(cache_reader from, const std::function<void(link::answer)>& done) {
  struct gathering {
    cache_writer answer;
    std::size_t missing = 1;
  };
  const auto all = std::make_shared<gathering>();
  const auto settle = [all, done] {
    if (--all->missing == 0)
      done(answer_with(all->answer.take()));
  };
  for (auto count = from.number(); count > 0 && from.is_whole(); --count) {
    const auto key = from.key();
    if (const auto recent = recent_.find(key); recent != recent_.end()) {
      all->answer.entry(recent->second);
      continue;
    }
    auto found = config_.shelf->find(key, config_.unix_ms());
    if (found && found->is_elsewhere) {
      ++all->missing;
      self_->request(config_.disk, defaults::cache_disk_patience, atom::read::value, key)
        .then(
          [all, settle, entry = std::move(found->entry)](payload& content) mutable {
            entry.content = std::move(content);
            all->answer.entry(entry);
            settle();
          },
          [settle](const caf::error&) { settle(); });
    } else if (found) {
      all->answer.entry(found->entry);
    }
  }
  settle();
}

void cache_state::respond_when_heard(cluster::log_index index, const std::function<void(link::answer)>& done) {
  if (bounds_.newest() >= index)
    done(answer_with({}));
  else if (to_hear_.size() < defaults::questions_max)
    to_hear_.emplace_back(index, done);
  else
    done(refusal(ec::overloaded));
}

} // namespace hearth
