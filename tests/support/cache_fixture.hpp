#pragma once

#include "core/defaults_cache.hpp"
#include "node/store/cache_record.hpp"
#include "node/store/cache_store.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::test {

/// Some moment, in milliseconds of the calendar.
inline constexpr std::uint64_t cache_now = 1'700'000'000'000;

inline cache_scope scope_of(std::string project, std::string task, std::string version = "1") {
  return {std::move(project), "development", std::move(task), std::move(version), "(n: int) -> int", "", {"n"}};
}

/// The key of a call with this argument.
inline cache_key key_of(const cache_scope& scope, std::uint64_t argument) {
  return {node::digest_of(scope), node::digest_of(payload::text("argument " + std::to_string(argument)))};
}

inline cache_entry entry_of(const cache_key& key, std::string_view content) {
  cache_entry e;
  e.key = key;
  e.generation = 5;
  e.created_unix_ms = cache_now;
  e.run = std::chrono::milliseconds(100);
  e.producer = "a call";
  e.holder = "node-1";
  e.inputs = {key.inputs};
  e.content = payload::text(content);
  e.value = node::digest_of(e.content);
  e.size = content.size();
  return e;
}

inline std::string text_of(const payload& value) {
  std::string all(value.head.view());
  for (const auto& part : value.rest)
    all += part.view();
  return all;
}

/// A store, and what it says.
struct cache_fixture {
  scratch home;
  std::filesystem::path directory = home / "cache";
  node::cache_limits limits{64 * defaults::mib, 64 * defaults::mib, {}};
  double free_share_min = 0;
  std::vector<std::string> reports;
  std::vector<std::pair<cache_entry, cache_entry>> differences;
  std::optional<node::cache_store> store;
  const cache_scope square = scope_of("default", "square");

  cache_fixture() { restart(); }

  void restart() {
    store.reset();
    store.emplace(node::cache_store_config{
      directory, limits, free_share_min, [this](const std::string& what) { reports.push_back(what); },
      [this](const cache_entry& kept, const cache_entry& other) { differences.emplace_back(kept, other); }});
  }

  cache_entry entry(std::uint64_t argument, std::string_view content) const {
    return entry_of(key_of(square, argument), content);
  }

  bool put(const cache_entry& entry, std::uint64_t now = cache_now) { return store->put({entry}, {square}, now); }

  /// The content of what is found, wherever it is; "-" when nothing is.
  std::string look(const cache_key& key, std::uint64_t now = cache_now) {
    const auto found = store->find(key, now);
    if (!found)
      return "-";
    if (!found->is_elsewhere)
      return text_of(found->entry.content);
    try {
      return text_of(store->read(key));
    } catch (const node::store_error& e) {
      BOOST_CHECK(e.code == ec::gone);
      return "-";
    }
  }
  std::string look(std::uint64_t argument, std::uint64_t now = cache_now) {
    return look(key_of(square, argument), now);
  }

  cache_figures all() { return store->figures().front(); }
};

} // namespace hearth::test
