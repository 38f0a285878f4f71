#include "core/defaults_cache.hpp"
#include "node/store/cache_store.hpp"
#include "node/store/disk_error.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace hearth::node {

/// What a `put` is about to do, and has done.
struct cache_store::batch {
  struct change {
    std::optional<stored_entry> before, after; // their views have ended
    std::uint64_t bytes = 0;                   // of the record
    bool is_damaged = false;                   // before
  };
  struct difference {
    cache_entry kept, other;
  };

  std::vector<const cache_entry*> entries;
  std::map<digest, cache_scope> scopes;        // new ones
  std::map<std::string, std::uint64_t> coming; // bytes, by project
  std::uint64_t bytes = 0;                     // of all projects
  std::size_t looked_at = 0;                   // entries
  std::vector<digest> files;                   // written
  std::vector<change> changes;
  std::vector<difference> differences;
};

bool cache_store::put(std::vector<cache_entry> entries, const std::vector<cache_scope>& scopes, std::uint64_t unix_ms) {
  return as_store_error([&] {
    std::size_t done = 0;
    const auto refused = refused_;
    try {
      settle();
      named_scopes named;
      for (const auto& scope : scopes)
        named.emplace(digest_of(scope), &scope);
      while (done < entries.size())
        done += put_some(std::span(entries).subspan(done), named, unix_ms).looked_at;
    } catch (const std::exception&) {
      for (; done < entries.size(); ++done)
        index_.count({}, cause::refused);
      throw;
    }
    const bool is_all = refused_ == refused;
    tell_refused(unix_ms);
    return is_all;
  });
}

/// Puts the first of them in one commit, as many as there is room for at once.
cache_store::progress cache_store::put_some(std::span<cache_entry> entries, const named_scopes& scopes,
                                            std::uint64_t unix_ms, std::optional<cause> counts_as) {
  auto work = admit(entries, scopes, unix_ms);
  make_room(work.coming);
  try {
    write(work.bytes, [&](lmdb_transaction& txn) {
      for (const auto* entry : work.entries)
        put_one(txn, *entry, work, unix_ms);
      for (const auto& [name, scope] : work.scopes)
        if (!index_.knows(name))
          txn.put(scope_name(name), record_of(name, scope));
    });
  } catch (const std::exception&) {
    for (const auto& file : work.files)
      values_->discard(file);
    throw;
  }
  apply(work, counts_as);
  return {work.looked_at, work.changes.size()};
}

/// Which of the first of them may be kept, in whose account.
cache_store::batch cache_store::admit(std::span<cache_entry> entries, const named_scopes& scopes,
                                      std::uint64_t unix_ms) {
  batch result;
  for (auto& entry : entries) {
    const auto scope = scopes.find(entry.key.scope);
    const bool is_known = index_.knows(entry.key.scope);
    const auto project = is_known                ? index_.project_of(entry.key.scope)
                         : scope != scopes.end() ? scope->second->project
                                                 : std::string();
    const auto bytes = cache_index::charge_at_most(entry);
    const auto room = std::min(index_.limit_of(project), config_.limits.bytes_max);
    auto& coming = result.coming[project];
    const bool fits = coming + bytes <= room && result.bytes + bytes <= config_.limits.bytes_max
                      && result.bytes + bytes <= defaults::cache_commit_bytes_max;
    if (!fits && !result.entries.empty())
      break;
    ++result.looked_at;
    if (entry.expires_unix_ms != 0 && entry.expires_unix_ms <= unix_ms)
      continue;
    if (!is_known && scope == scopes.end()) {
      refuse(project, "Nothing tells what it belongs to.");
      continue;
    }
    if (!is_acceptable(entry, project, room))
      continue;
    coming += bytes;
    result.bytes += bytes;
    result.entries.push_back(&entry);
    if (scope != scopes.end())
      result.scopes.emplace(entry.key.scope, *scope->second); // also when it is known: room may be made of all of it
  }
  return result;
}

/// Names its value, if nobody has done that.
bool cache_store::is_acceptable(cache_entry& entry, const std::string& project, std::uint64_t room) {
  if (entry.size > defaults::value_bytes_max || cache_index::charge_at_most(entry) > room) {
    refuse(project, "It has " + std::to_string(entry.size) + " bytes, and all results of the project " + project
                      + " together may have " + std::to_string(room) + " on this node.");
    return false;
  }
  const auto value = digest_of(entry.content);
  if (entry.value == digest{})
    entry.value = value;
  if (entry.content.size() == entry.size && entry.value == value)
    return true;
  refuse(project, "It came from node " + entry.holder + " and is not what its digest says; check that node's memory.");
  return false;
}

void cache_store::refuse(const std::string& project, const std::string& why) {
  index_.count(project, cause::refused);
  ++refused_;
  refusal_ = why;
}

void cache_store::tell_refused(std::uint64_t unix_ms) {
  const auto interval = std::chrono::milliseconds(defaults::cache_refusal_interval).count();
  if (refused_ == 0 || unix_ms - refusal_told_unix_ms_ < static_cast<std::uint64_t>(interval))
    return;
  say((refused_ == 1 ? "A result was not cached. "
                     : std::to_string(refused_) + " results were not cached; of the last one: ")
      + refusal_);
  refused_ = 0;
  refusal_told_unix_ms_ = unix_ms;
}

void cache_store::put_one(lmdb_transaction& txn, const cache_entry& entry, batch& into, std::uint64_t unix_ms) {
  const entry_name name(entry.key);
  const auto record = txn.get(name.view());
  batch::change change;
  change.before = record ? stored_in(name.view(), *record) : std::nullopt;
  change.is_damaged = record && (!change.before || !is_whole(*change.before));
  const bool is_elsewhere = entry.size > defaults::cache_inline_bytes_max;
  if (change.before && !change.is_damaged && change.before->key == entry.key
      && !index_.is_over(*change.before, unix_ms)) {
    const auto order = precedence(entry, *change.before);
    if (entry.value != change.before->value && entry.overwrite == 0 && change.before->overwrite == 0) {
      auto without = entry;
      without.content = {};
      auto known = entry_of(*change.before);
      into.differences.push_back(order < 0 ? batch::difference{std::move(without), std::move(known)}
                                           : batch::difference{std::move(known), std::move(without)});
    }
    if (order > 0 || (order == 0 && !is_elsewhere))
      return;
    if (order == 0) { // its file may be damaged
      values_->put(entry.value, entry.content);
      return;
    }
  }
  if (is_elsewhere) {
    into.files.push_back(entry.value);
    values_->put(entry.value, entry.content);
  }
  const auto fresh = record_of(entry, is_elsewhere);
  txn.put(name.view(), fresh);
  change.after = stored_in(name.view(), fresh);
  change.bytes = fresh.size();
  into.changes.push_back(std::move(change));
}

/// The index follows what was committed.
void cache_store::apply(const batch& done, std::optional<cause> counts_as) {
  for (const auto& [name, scope] : done.scopes)
    index_.add_scope(name, scope.project);
  for (const auto& change : done.changes) {
    const auto& after = *change.after;
    if (change.is_damaged)
      index_.count(index_.project_of(after.key.scope), cause::damaged);
    if (change.before && change.before->key.scope != after.key.scope)
      index_.remove(entry_name(after.key), change.before->key.scope, cause::forgotten);
    index_.add(after, change.bytes);
    if (counts_as)
      index_.count(index_.project_of(after.key.scope), *counts_as);
    forget_evicted(entry_name(after.key));
    if (after.is_elsewhere)
      values_->hold(after.value);
    if (change.before && change.before->is_elsewhere)
      values_->release(change.before->value);
  }
  if (config_.diverged)
    for (const auto& [kept, other] : done.differences)
      config_.diverged(kept, other);
}

} // namespace hearth::node
