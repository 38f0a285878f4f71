#include "node/store/cache_store.hpp"

#include "core/defaults_cache.hpp"
#include "node/store/disk_error.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

namespace hearth::node {

namespace {

std::uint64_t charged_at_most(const cache_entry& entry) {
  return entry.size + entry.producer.size() + entry.holder.size() + entry.inputs.size() * sizeof(digest)
         + defaults::cache_head_bytes + defaults::cache_overhead_bytes;
}

/// How much more would have to be free on that disk; what cannot be asked lacks nothing.
std::uint64_t lacking(const std::filesystem::path& where, double free_share_min) {
  struct statvfs disk {};
  if (::statvfs(where.c_str(), &disk) != 0)
    return 0;
  const auto wanted = static_cast<std::uint64_t>(static_cast<double>(disk.f_blocks) * free_share_min);
  return wanted > disk.f_bavail ? (wanted - disk.f_bavail) * disk.f_frsize : 0;
}

struct at_rest {
  ~at_rest() { txn.rest(); }
  lmdb_transaction& txn;
};

} // namespace

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
  bool is_all = true;                          // none was refused
  std::vector<digest> files;                   // written
  std::vector<change> changes;
  std::vector<difference> differences;
};

// -- on the loop's thread ----

std::optional<shelved> cache_store::find(const cache_key& key, std::uint64_t unix_ms) {
  const entry_name name(key);
  try {
    reader_->renew();
    const at_rest afterwards{*reader_};
    const auto record = reader_->get(name.view());
    if (!record)
      return {};
    const auto stored = stored_in(name.view(), *record);
    if (!stored || !is_whole(*stored)) {
      note_damage(key);
      return {};
    }
    if (stored->key != key || stored->has_expired(unix_ms))
      return {};
    shelved found{entry_of(*stored), stored->is_elsewhere};
    found.entry.content.head = bytes::copy_of(stored->content);
    note_use(key);
    return found;
  } catch (const std::exception& e) {
    const std::lock_guard lock(mutex_);
    notes_.failure = e.what();
    return {};
  }
}

bool cache_store::was_evicted(const cache_key& key) const noexcept {
  const auto hash = std::hash<entry_name>()(entry_name(key));
  return evicted_[hash % evicted_.size()].load(std::memory_order_relaxed) == hash;
}

void cache_store::note_use(const cache_key& key) {
  const std::lock_guard lock(mutex_);
  if (notes_.uses.size() < defaults::cache_uses_noted_max)
    ++notes_.uses[key];
  else if (const auto noted = notes_.uses.find(key); noted != notes_.uses.end())
    ++noted->second;
}

void cache_store::note_damage(const cache_key& key) {
  const std::lock_guard lock(mutex_);
  if (notes_.damaged.size() < defaults::cache_damage_noted_max)
    notes_.damaged.push_back(key);
}

// -- on the writer's thread ----

/// Does what the notes ask for.
void cache_store::settle() {
  notes seen;
  {
    const std::lock_guard lock(mutex_);
    std::swap(seen, notes_);
  }
  if (!seen.failure.empty() && std::exchange(failure_, seen.failure) != seen.failure)
    say("The cache cannot be read, and calls are executed instead. " + seen.failure);
  for (const auto& [key, times] : seen.uses)
    index_.used(key, times);
  std::map<std::string, leaving, std::less<>> damaged; // once each
  {
    const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
    for (const auto& key : seen.damaged) {
      const entry_name name(key);
      const auto record = txn.get(name.view());
      const auto stored = record ? stored_in(name.view(), *record) : std::nullopt;
      if (record && (!stored || !is_whole(*stored))) // and was not replaced meanwhile
        damaged.emplace(name.view(), leaving{name, key.scope});
    }
  }
  if (damaged.empty())
    return;
  std::vector<leaving> which;
  for (const auto& [text, one] : damaged)
    which.push_back(one);
  say(std::to_string(which.size()) + " entries of the cache in " + config_.directory.string()
      + " are damaged and removed; those calls are executed again. Check the disk.");
  remove(which, cause::damaged);
}

bool cache_store::put(const std::vector<cache_entry>& entries, const std::vector<cache_scope>& scopes,
                      std::uint64_t unix_ms) {
  return as_store_error([&] {
    batch work;
    try {
      settle();
      work = admit(entries, scopes, unix_ms);
      make_room(work.coming);
      write(work.bytes, [&](lmdb_transaction& txn) {
        for (const auto* entry : work.entries)
          put_one(txn, *entry, work, unix_ms);
        for (const auto& [name, scope] : work.scopes)
          if (!index_.knows(name))
            txn.put(scope_name(name), record_of(name, scope));
      });
      apply(work);
      return work.is_all;
    } catch (const std::exception&) {
      for (std::size_t i = 0; i < entries.size(); ++i)
        index_.count({}, cause::refused);
      for (const auto& file : work.files)
        values_->discard(file);
      throw;
    }
  });
}

/// Which of them may be kept, in whose account.
cache_store::batch cache_store::admit(const std::vector<cache_entry>& entries, const std::vector<cache_scope>& scopes,
                                      std::uint64_t unix_ms) {
  batch result;
  std::map<digest, const cache_scope*> named;
  for (const auto& scope : scopes)
    named.emplace(digest_of(scope), &scope);
  for (const auto& entry : entries) {
    if (entry.expires_unix_ms != 0 && entry.expires_unix_ms <= unix_ms)
      continue;
    const auto scope = named.find(entry.key.scope);
    const bool is_known = index_.knows(entry.key.scope);
    if (!is_known && scope == named.end()) {
      result.is_all = false;
      index_.count({}, cause::refused);
      say("A result was not cached: nothing tells what it belongs to.");
      continue;
    }
    const auto project = is_known ? index_.project_of(entry.key.scope) : scope->second->project;
    auto& coming = result.coming[project];
    const auto room = std::min(index_.limit_of(project) - coming, config_.limits.bytes_max - result.bytes);
    if (!is_acceptable(entry, project, room)) {
      result.is_all = false;
      index_.count(project, cause::refused);
      continue;
    }
    coming += charged_at_most(entry);
    result.bytes += charged_at_most(entry);
    result.entries.push_back(&entry);
    if (scope != named.end())
      result.scopes.emplace(entry.key.scope, *scope->second); // also when it is known: room may be made of all of it
  }
  return result;
}

bool cache_store::is_acceptable(const cache_entry& entry, const std::string& project, std::uint64_t room) const {
  if (entry.size > defaults::value_bytes_max || charged_at_most(entry) > room) {
    say("A result of " + std::to_string(entry.size) + " bytes was not cached: the project " + project + " may have "
        + std::to_string(index_.limit_of(project) / defaults::mib)
        + " MiB on this node, with what came at the same time.");
    return false;
  }
  if (entry.content.size() == entry.size && digest_of(entry.content) == entry.value)
    return true;
  say("A result from node " + entry.holder
      + " was not cached: its bytes are not what its digest says. Check that node's " + "memory.");
  return false;
}

void cache_store::put_one(lmdb_transaction& txn, const cache_entry& entry, batch& into, std::uint64_t unix_ms) {
  const entry_name name(entry.key);
  const auto record = txn.get(name.view());
  batch::change change;
  change.before = record ? stored_in(name.view(), *record) : std::nullopt;
  change.is_damaged = record && (!change.before || !is_whole(*change.before));
  const bool is_elsewhere = entry.size > defaults::cache_inline_bytes_max;
  if (change.before && !change.is_damaged && change.before->key == entry.key && !change.before->has_expired(unix_ms)) {
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
void cache_store::apply(const batch& done) {
  for (const auto& [name, scope] : done.scopes)
    index_.add_scope(name, scope.project);
  for (const auto& change : done.changes) {
    const auto& after = *change.after;
    if (change.is_damaged)
      index_.count(index_.project_of(after.key.scope), cause::damaged);
    if (change.before && change.before->key.scope != after.key.scope)
      index_.remove(entry_name(after.key), change.before->key.scope, cause::forgotten);
    index_.add(after, change.bytes);
    if (after.is_elsewhere)
      values_->hold(after.value);
    if (change.before && change.before->is_elsewhere)
      values_->release(change.before->value);
  }
  if (config_.diverged)
    for (const auto& [kept, other] : done.differences)
      config_.diverged(kept, other);
}

payload cache_store::read(const cache_key& key) {
  return as_store_error([&] {
    const entry_name name(key);
    bool is_there = false;
    {
      const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
      const auto record = txn.get(name.view());
      is_there = record.has_value();
      const auto stored = record ? stored_in(name.view(), *record) : std::nullopt;
      if (stored && stored->key != key)
        is_there = false;
      else if (stored && is_whole(*stored) && !stored->is_elsewhere)
        return payload{bytes::copy_of(stored->content), {}};
      else if (stored && is_whole(*stored))
        if (auto value = values_->get(stored->value))
          return std::move(*value);
    }
    if (is_there) {
      say("The cached result in " + config_.directory.string()
          + " was missing or not what was stored, and is removed; that call is executed again. Check the disk.");
      remove({{name, key.scope}}, cause::damaged);
    }
    throw store_error(ec::gone, "The cached result is not there any more; the call has to be executed.");
  });
}

void cache_store::tidy(std::uint64_t unix_ms) {
  as_store_error([&] {
    settle();
    remove(index_.expired(unix_ms, defaults::cache_expiry_looks), cause::expired);
    std::map<std::string, std::uint64_t> nothing_comes;
    for (const auto& figures : index_.figures())
      if (!figures.project.empty())
        nothing_comes.emplace(figures.project, 0);
    make_room(nothing_comes);
  });
}

void cache_store::make_room(const std::map<std::string, std::uint64_t>& coming) {
  std::uint64_t all = 0;
  for (const auto& [project, bytes] : coming) {
    all += bytes;
    evict(cache_index::among::project, project, [&, n = bytes] { return index_.excess(project, n); });
  }
  evict(cache_index::among::all, {}, [&] { return index_.excess(all); });
  const auto lack = lacking(config_.directory, config_.free_share_min);
  if (lack == 0)
    return;
  // Only files give room back to the disk: they go first. Without any, what comes takes the place of what is there.
  const auto has = index_.bytes();
  const auto allowed = std::max(defaults::cache_bytes_min, has - std::min(index_.bytes_in_files(), lack));
  const auto excess = [&] { return index_.bytes() + all > allowed ? index_.bytes() + all - allowed : 0; };
  evict(cache_index::among::files, {}, excess);
  evict(cache_index::among::all, {}, excess);
}

void cache_store::evict(cache_index::among which, const std::string& project,
                        const std::function<std::uint64_t()>& excess) {
  while (const auto too_much = excess()) {
    const auto going = index_.worth_least(which, project, too_much, defaults::cache_removed_at_once);
    if (going.empty())
      return;
    remove(going, cause::evicted);
    for (const auto& one : going)
      remember_evicted(one.name);
  }
}

void cache_store::remember_evicted(const entry_name& name) noexcept {
  const auto hash = std::hash<entry_name>()(name);
  evicted_[hash % evicted_.size()].store(hash, std::memory_order_relaxed);
}

void cache_store::remove(const std::vector<leaving>& which, cause why) {
  for (std::size_t first = 0; first < which.size(); first += defaults::cache_removed_at_once) {
    const auto end = std::min(which.size(), first + defaults::cache_removed_at_once);
    std::vector<digest> files, scopes;
    write(0, [&](lmdb_transaction& txn) {
      for (auto i = first; i < end; ++i) {
        const auto name = which[i].name.view();
        const auto record = txn.get(name);
        const auto stored = record ? stored_in(name, *record) : std::nullopt;
        if (stored && stored->is_elsewhere)
          files.push_back(stored->value);
        txn.remove(name);
      }
    });
    for (const auto& file : files)
      values_->release(file);
    for (auto i = first; i < end; ++i)
      if (index_.remove(which[i].name, which[i].scope, why))
        scopes.push_back(which[i].scope);
    if (!scopes.empty())
      write(0, [&](lmdb_transaction& txn) {
        for (const auto& scope : scopes)
          txn.remove(scope_name(scope));
      });
  }
}

void cache_store::write(std::uint64_t bytes, const std::function<void(lmdb_transaction&)>& work) {
  env_->reserve(2 * bytes + defaults::cache_reserve_bytes, defaults::cache_reserve_bytes);
  lmdb_transaction txn(*env_, lmdb_transaction::kind::write);
  work(txn);
  txn.commit();
}

} // namespace hearth::node
