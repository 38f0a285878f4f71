#include "core/defaults_cache.hpp"
#include "node/store/cache_store.hpp"
#include "node/store/disk_error.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace hearth::node {

namespace {

bool matches(const cache_filter& filter, const cache_scope& scope) {
  const auto fits = [](const std::string& wanted, const std::string& is) { return wanted.empty() || wanted == is; };
  return fits(filter.project, scope.project) && fits(filter.domain, scope.domain) && fits(filter.task, scope.task)
         && fits(filter.version, scope.version);
}

} // namespace

cache_store::scopes_by_name cache_store::scopes_matching(const cache_filter& filter) const {
  scopes_by_name result;
  const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
  txn.scan(scope_name({}), [&](std::string_view name, std::string_view record) {
    if (auto scope = scope_in(name, record); scope && matches(filter, *scope))
      result.emplace(digest::at(name.data() + name.size() - sizeof(digest)), std::move(*scope));
    return true;
  });
  return result;
}

/// With the times at which they were made.
std::vector<std::pair<std::uint64_t, cache_store::leaving>> cache_store::matching(const cache_filter& filter,
                                                                                  const scopes_by_name& scopes) const {
  std::unordered_set<entry_name> wanted;
  for (const auto& key : filter.keys)
    wanted.insert(entry_name(key));
  std::vector<std::pair<std::uint64_t, leaving>> result;
  index_.each([&](const entry_name& name, const cache_index::card& card) {
    const bool is_wanted = (wanted.empty() || wanted.count(name) > 0)
                           && (filter.id.empty() || name.id().starts_with(filter.id));
    if (is_wanted && scopes.count(*card.scope) > 0)
      result.emplace_back(card.created_unix_ms, leaving{name, *card.scope});
  });
  return result;
}

std::vector<cache_row> cache_store::list(const cache_filter& filter, std::uint32_t rows_max) {
  return as_store_error([&] {
    settle();
    const auto scopes = scopes_matching(filter);
    auto found = matching(filter, scopes);
    const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(found.size(), rows_max));
    std::partial_sort(found.begin(), end, found.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second.name.view() < b.second.name.view();
    });
    std::vector<cache_row> rows;
    const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
    for (auto one = found.begin(); one != end; ++one) {
      const auto& [name, scope] = one->second;
      const auto record = txn.get(name.view());
      if (const auto stored = record ? stored_in(name.view(), *record) : std::nullopt)
        rows.push_back({scopes.at(scope), entry_of(*stored), index_.hits(name, scope)});
    }
    return rows;
  });
}

std::uint64_t cache_store::forget(const cache_filter& filter) {
  return as_store_error([&] {
    settle();
    std::vector<leaving> which;
    for (auto& [created, one] : matching(filter, scopes_matching(filter)))
      which.push_back(one);
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
