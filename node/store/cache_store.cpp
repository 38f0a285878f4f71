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

struct at_rest {
  ~at_rest() { txn.rest(); }
  lmdb_transaction& txn;
};

} // namespace

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
    used(key, 1);
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

void cache_store::used(const cache_key& key, std::uint32_t times) noexcept {
  const std::lock_guard lock(mutex_);
  if (notes_.uses.size() < defaults::cache_uses_noted_max)
    notes_.uses[key] += times;
  else if (const auto noted = notes_.uses.find(key); noted != notes_.uses.end())
    noted->second += times;
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

/// How much more would have to be free on the disk; what cannot be asked lacks nothing.
std::uint64_t cache_store::lack() const {
  struct statvfs disk {};
  if (::statvfs(config_.directory.c_str(), &disk) != 0)
    return 0;
  const auto wanted = static_cast<std::uint64_t>(static_cast<double>(disk.f_blocks) * config_.free_share_min);
  return wanted > disk.f_bavail ? (wanted - disk.f_bavail) * disk.f_frsize : 0;
}

void cache_store::make_room(const std::map<std::string, std::uint64_t>& coming) {
  std::uint64_t all = 0;
  for (const auto& [project, bytes] : coming) {
    all += bytes;
    evict(cache_index::among::project, project, [&, n = bytes] { return index_.excess(project, n); });
  }
  evict(cache_index::among::all, {}, [&] { return index_.excess(all); });
  const auto lacks = lack();
  if (lacks == 0)
    return;
  // Only files give room back to the disk: they go first. Without any, what comes takes the place of what is there.
  const auto has = index_.bytes();
  const auto allowed = std::max(defaults::cache_bytes_min, has - std::min(index_.bytes_in_files(), lacks));
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

void cache_store::forget_evicted(const entry_name& name) noexcept {
  auto hash = std::hash<entry_name>()(name);
  evicted_[hash % evicted_.size()].compare_exchange_strong(hash, 0, std::memory_order_relaxed);
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
