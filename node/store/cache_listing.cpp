#include "core/defaults_cache.hpp"
#include "node/store/cache_store.hpp"
#include "node/store/disk_error.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace hearth::node {

cache_store::scopes_by_name cache_store::scopes_matching(const cache_filter& filter) const {
  scopes_by_name result;
  const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
  txn.scan(scope_name({}), [&](std::string_view name, std::string_view record) {
    if (auto scope = scope_in(name, record); scope && filter.names(*scope))
      result.emplace(digest::at(name.data() + name.size() - sizeof(digest)), std::move(*scope));
    return true;
  });
  return result;
}

std::vector<cache_store::candidate> cache_store::matching(const cache_filter& filter,
                                                          const scopes_by_name& scopes) const {
  std::unordered_set<entry_name> wanted;
  for (const auto& key : filter.keys)
    wanted.insert(entry_name(key));
  std::vector<candidate> result;
  index_.each([&](const entry_name& name, const cache_index::card& card) {
    const bool is_wanted = (wanted.empty() || wanted.count(name) > 0)
                           && (filter.id.empty() || name.id().starts_with(filter.id));
    if (is_wanted && scopes.count(*card.scope) > 0)
      result.push_back({{name, *card.scope}, card.created_unix_ms});
  });
  return result;
}

/// In the order in which they lie, so that a disk reads them one after the other.
void cache_store::compare(std::vector<candidate>& those, const cache_row& near, const scopes_by_name& scopes) const {
  std::sort(those.begin(), those.end(),
            [](const auto& a, const auto& b) { return a.which.name.view() < b.which.name.view(); });
  const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
  for (auto& one : those) {
    const auto record = txn.get(one.which.name.view());
    if (const auto stored = record ? stored_in(one.which.name.view(), *record) : std::nullopt)
      one.away = distance(scopes.at(one.which.scope), entry_of(*stored), near);
  }
}

std::vector<cache_row> cache_store::list(const cache_listing& what, cache_bounds bounds, std::uint64_t unix_ms) {
  return as_store_error([&] {
    settle();
    const auto scopes = scopes_matching(what.which);
    auto found = matching(what.which, scopes);
    if (what.near)
      compare(found, *what.near, scopes);
    const auto is_later = [](const candidate& a, const candidate& b) {
      return std::forward_as_tuple(a.away, b.created_unix_ms, a.which.name.view())
             > std::forward_as_tuple(b.away, a.created_unix_ms, b.which.name.view());
    };
    std::make_heap(found.begin(), found.end(), is_later); // few are shown of many
    std::vector<cache_row> rows;
    const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
    for (auto end = found.end(); end != found.begin() && rows.size() < what.rows_max; --end) {
      std::pop_heap(found.begin(), end, is_later);
      const auto& [name, scope] = std::prev(end)->which;
      const auto record = txn.get(name.view());
      const auto stored = record ? stored_in(name.view(), *record) : std::nullopt;
      if (!stored)
        continue;
      cache_row row{scopes.at(scope), entry_of(*stored), index_.hits(name, scope)};
      if (bounds.allows(row.scope, row.entry, unix_ms))
        rows.push_back(std::move(row));
    }
    return rows;
  });
}

std::uint64_t cache_store::forget(const cache_filter& filter) {
  return as_store_error([&] {
    settle();
    std::vector<leaving> which;
    for (const auto& one : matching(filter, scopes_matching(filter)))
      which.push_back(one.which);
    remove(which, cause::forgotten);
    return std::uint64_t{which.size()};
  });
}

cache_check cache_store::verify() {
  return as_store_error([&] {
    settle();
    cache_check found;
    std::vector<leaving> all, damaged;
    index_.each([&](const entry_name& name, const cache_index::card& card) { all.push_back({name, *card.scope}); });
    for (const auto& one : all) {
      const lmdb_transaction txn(*env_,
                                 lmdb_transaction::kind::read); // for each: one that lasts keeps pages from being free
      const auto record = txn.get(one.name.view());
      const auto stored = record ? stored_in(one.name.view(), *record) : std::nullopt;
      if (!stored || !is_whole(*stored) || (stored->is_elsewhere && !values_->get(stored->value)))
        damaged.push_back(one);
      else
        found.bytes += stored->size;
    }
    remove(damaged, cause::damaged);
    found.entries = all.size();
    found.damaged = damaged.size();
    return found;
  });
}

std::vector<cache_figures> cache_store::figures() {
  return as_store_error([&] {
    settle();
    return index_.figures();
  });
}

} // namespace hearth::node
