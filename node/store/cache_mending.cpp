#include "core/defaults_cache.hpp"
#include "node/store/cache_store.hpp"
#include "node/store/disk_error.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <utility>

/// What keeps the stores of several nodes alike, and each as it was written.
namespace hearth::node {

// -- comparing ----

cache_sums cache_store::sums() {
  return as_store_error([&] {
    settle();
    return cache_sums{index_.bucket_digests(), lack() == 0 && index_.fits(defaults::cache_mend_share, {}, 0, 0)};
  });
}

std::vector<cache_mark> cache_store::marks(const std::vector<std::uint32_t>& buckets, std::uint64_t unix_ms) const {
  return as_store_error([&] {
    std::vector<cache_mark> result;
    const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
    for (const auto bucket : buckets) {
      if (result.size() >= defaults::cache_marks_max)
        break;
      each_of_bucket(txn, bucket, [&](std::string_view name, std::string_view record) {
        if (const auto stored = stored_in(name, record); stored && !stored->has_expired(unix_ms))
          result.push_back(mark_of(*stored));
      });
    }
    return result;
  });
}

cache_parcel cache_store::parcel(const std::vector<cache_key>& keys, std::uint64_t unix_ms) {
  return as_store_error([&] {
    cache_parcel result;
    std::map<digest, std::optional<cache_scope>> scopes;
    std::uint64_t bytes = 0;
    const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
    for (const auto& key : keys) {
      if (bytes >= defaults::cache_mend_bytes)
        break;
      ++result.looked_up;
      const entry_name name(key);
      const auto record = txn.get(name.view());
      const auto stored = record ? stored_in(name.view(), *record) : std::nullopt;
      if (!stored || stored->key != key || !is_whole(*stored) || stored->has_expired(unix_ms))
        continue;
      auto [scope, is_new] = scopes.try_emplace(key.scope);
      if (const auto called = scope_name(key.scope); is_new)
        if (const auto text = txn.get(called))
          scope->second = scope_in(called, *text);
      auto value = stored->is_elsewhere ? values_->get(stored->value)
                                        : std::optional(payload{bytes::copy_of(stored->content), {}});
      if (!value || !scope->second)
        continue;
      bytes += stored->size;
      result.rows.push_back({*scope->second, entry_of(*stored)});
      result.rows.back().entry.content = std::move(*value);
    }
    return result;
  });
}

std::uint64_t cache_store::mend(std::vector<cache_row> rows, std::uint64_t unix_ms) {
  return as_store_error([&] {
    settle();
    std::vector<cache_entry> entries;
    named_scopes scopes;
    std::map<std::string, std::uint64_t> coming;
    std::uint64_t all = 0;
    const bool is_full = lack() > 0;
    for (auto& row : rows) {
      const auto bytes = cache_index::charge_at_most(row.entry);
      auto& of_project = coming[row.scope.project];
      if (is_full || !index_.fits(defaults::cache_mend_share, row.scope.project, of_project + bytes, all + bytes)) {
        remember_evicted(entry_name(row.entry.key)); // it is not asked for again
        continue;
      }
      of_project += bytes;
      all += bytes;
      scopes.emplace(digest_of(row.scope), &row.scope);
      entries.push_back(std::move(row.entry));
    }
    std::uint64_t mended = 0;
    for (std::size_t done = 0; done < entries.size();) {
      const auto some = put_some(std::span(entries).subspan(done), scopes, unix_ms, cause::mended);
      done += some.looked_at;
      mended += some.changed;
    }
    return mended;
  });
}

// -- looking through ----

/// What a look at a bucket has found.
struct cache_store::finding {
  std::vector<leaving> damaged, outdated;
  struct file {
    leaving of;
    digest value;
    std::uint64_t size = 0;
  };
  std::vector<file> in_files; // to be read yet
  std::uint64_t entries = 0, bytes = 0;
};

cache_store::finding cache_store::look_at(std::uint32_t bucket, cache_bounds& bounds) const {
  finding found;
  std::map<digest, std::optional<cache_scope>> scopes;
  const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
  each_of_bucket(txn, bucket, [&](std::string_view text, std::string_view record) {
    ++found.entries;
    found.bytes += record.size();
    const auto name = *entry_name::parse(text);
    const auto stored = stored_in(text, record);
    if (!stored || !is_whole(*stored)) {
      if (const auto* scope = index_.scope_of(name)) // else it is not known, and nobody finds it
        found.damaged.push_back({name, *scope});
      return;
    }
    auto [scope, is_new] = scopes.try_emplace(stored->key.scope);
    if (const auto called = scope_name(stored->key.scope); is_new)
      if (const auto of = txn.get(called))
        scope->second = scope_in(called, *of);
    cache_entry entry;
    entry.key = stored->key;
    entry.generation = stored->generation; // its age is another matter (tidy)
    if (scope->second && !bounds.allows(*scope->second, entry, 0))
      found.outdated.push_back({name, stored->key.scope});
    else if (stored->is_elsewhere)
      found.in_files.push_back({{name, stored->key.scope}, stored->value, stored->size}), found.bytes += stored->size;
  });
  return found;
}

std::uint32_t cache_store::look_through(const cache_look& where) {
  return as_store_error([&] {
    settle();
    cache_bounds bounds;
    if (where.bounds)
      bounds.learn(where.bounds);
    std::uint64_t entries = 0, bytes = 0;
    auto bucket = where.bucket;
    for (; bucket < defaults::cache_buckets && entries < defaults::cache_look_entries
           && bytes < defaults::cache_look_bytes;
         ++bucket) {
      auto found = look_at(bucket, bounds);
      for (const auto& [one, value, size] : found.in_files)
        if (size > defaults::cache_look_value_bytes_max ? !values_->has(value, size) : !values_->get(value))
          found.damaged.push_back(one);
      if (!found.damaged.empty())
        say(std::to_string(found.damaged.size()) + " entries of the cache in " + config_.directory.string()
            + " are damaged or gone, and removed; other nodes are asked for them. Check the disk.");
      remove(found.damaged, cause::damaged);
      remove(found.outdated, cause::outdated);
      entries += found.entries;
      bytes += found.bytes;
    }
    return bucket < defaults::cache_buckets ? bucket : 0;
  });
}

} // namespace hearth::node
