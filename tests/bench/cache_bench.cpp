// What the store of the cache costs: a find among a thousand and among a million entries beside a bare LMDB get and checksum
// of the same, opening a store of a million, and the longest find while another thread writes ten times what is allowed.
// Prints one line per figure; asserts nothing.
#include "core/defaults_cache.hpp"
#include "node/store/cache_record.hpp"
#include "node/store/cache_store.hpp"
#include "tests/support/scratch.hpp"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace hearth;
using steady = std::chrono::steady_clock;

namespace {

constexpr std::uint64_t now_ms = 1'700'000'000'000;
constexpr std::size_t value_bytes = 100;
constexpr std::size_t samples = 300'000;
constexpr std::size_t entries_at_once = 1000;

const cache_scope scope{"default", "development", "square", "1", "(n: int) -> int", "", {"n"}};

/// Keys as good as digests, without the time that digests take.
std::vector<cache_key> make_keys(std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<cache_key> keys(count, cache_key{node::digest_of(scope), {}});
  for (auto& key : keys)
    for (auto& byte : key.inputs.value)
      byte = static_cast<unsigned char>(random());
  return keys;
}

cache_entry entry_of(const cache_key& key, const std::string& content) {
  cache_entry e;
  e.key = key;
  e.generation = 1;
  e.created_unix_ms = now_ms;
  e.run = std::chrono::milliseconds(10);
  e.producer = "0192f0c1-2a3b-7c4d-8e5f-001122334455";
  e.holder = "node-1";
  e.inputs = {key.inputs};
  e.content = payload::text(content);
  e.value = node::digest_of(e.content);
  e.size = content.size();
  return e;
}

node::cache_store_config config_of(const std::filesystem::path& directory, std::uint64_t bytes_max) {
  return {directory,
          {bytes_max, bytes_max, {}},
          0,
          [](const std::string& what) { std::printf("%s\n", what.c_str()); },
          nullptr};
}

void fill(node::cache_store& store, const std::vector<cache_key>& keys, std::size_t size) {
  for (std::size_t first = 0; first < keys.size(); first += entries_at_once) {
    std::vector<cache_entry> batch;
    for (auto i = first; i < std::min(keys.size(), first + entries_at_once); ++i)
      batch.push_back(entry_of(keys[i], std::to_string(i) + std::string(size, 'v')));
    store.put(batch, {scope}, now_ms);
  }
}

double at(std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

/// Times `look` for keys drawn at random.
template <class Look>
double measure(const char* what, const std::vector<cache_key>& keys, Look look) {
  std::mt19937_64 random(2);
  std::vector<double> ns;
  std::size_t found = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const auto& key = keys[random() % keys.size()];
    const auto begin = steady::now();
    found += look(key) ? 1 : 0;
    ns.push_back(std::chrono::duration<double, std::nano>(steady::now() - begin).count());
  }
  std::sort(ns.begin(), ns.end());
  const auto p50 = at(ns, 0.5);
  std::printf("%-28s %9zu entries  p50 %6.0f ns  p99 %6.0f ns  (%zu found)\n", what, keys.size(), p50, at(ns, 0.99),
              found);
  std::fflush(stdout);
  return p50;
}

/// p50 of a find.
double compare(const std::filesystem::path& directory, const std::vector<cache_key>& keys) {
  double p50 = 0;
  {
    node::cache_store store(config_of(directory, 8 * defaults::gib));
    const auto begin = steady::now();
    fill(store, keys, value_bytes);
    const std::chrono::duration<double> took = steady::now() - begin;
    std::printf("%-28s %9zu entries  %.0f per second\n", "put", keys.size(),
                static_cast<double>(keys.size()) / took.count());
    p50 = measure("find", keys, [&](const auto& key) { return store.find(key, now_ms).has_value(); });
    auto hot = keys;
    hot.resize(1000);
    measure("find, a thousand hot", hot, [&](const auto& key) { return store.find(key, now_ms).has_value(); });
  }
  node::lmdb_env env(directory, 32 * defaults::gib, node::lmdb_env::durability::last_lost);
  node::lmdb_transaction txn(env, node::lmdb_transaction::kind::read);
  txn.rest();
  std::uint64_t sum = 0;
  const auto bare = measure("LMDB get and XXH3", keys, [&](const auto& key) {
    txn.renew();
    const auto record = txn.get(node::entry_name(key).view());
    sum ^= record ? XXH3_64bits(record->data(), record->size()) : 0;
    txn.rest();
    return record.has_value();
  });
  std::printf("find / bare: %.2f (checksum of all: %u)\n", p50 / bare, static_cast<unsigned>(sum & 0xff));
  return p50;
}

void measure_opening(const std::filesystem::path& directory) {
  for (int i = 0; i < 3; ++i) {
    const auto begin = steady::now();
    std::optional<node::cache_store> store(std::in_place, config_of(directory, 8 * defaults::gib));
    const std::chrono::duration<double> took = steady::now() - begin;
    std::printf("open: %.2f s for %lu entries\n", took.count(),
                static_cast<unsigned long>(store->figures().front().entries));
    std::fflush(stdout);
  }
}

/// Ten times the limit is written, while finds go on.
void measure_eviction(const std::filesystem::path& directory, std::size_t size, std::size_t count) {
  const auto keys = make_keys(count);
  const auto limit = count * size / 10;
  node::cache_store store(config_of(directory, limit));
  std::atomic<bool> is_over{false};
  double tidy_ms = 0;
  std::thread writer([&] {
    fill(store, keys, size);
    const auto begin = steady::now();
    store.tidy(now_ms);
    tidy_ms = std::chrono::duration<double, std::milli>(steady::now() - begin).count();
    is_over = true;
  });
  std::mt19937_64 random(3);
  std::vector<double> us;
  std::size_t found = 0;
  while (!is_over) {
    const auto& key = keys[random() % keys.size()];
    const auto begin = steady::now();
    found += store.find(key, now_ms) ? 1 : 0;
    us.push_back(std::chrono::duration<double, std::micro>(steady::now() - begin).count());
  }
  writer.join();
  std::sort(us.begin(), us.end());
  const auto all = store.figures().front();
  std::printf("find under eviction, %zu B values: %zu finds, %zu found, p50 %.1f us, p99 %.1f us, longest %.1f ms; "
              "%.0f of %.0f MB kept, %lu evicted; tidy %.1f ms\n",
              size, us.size(), found, at(us, 0.5), at(us, 0.99), us.back() / 1e3, static_cast<double>(all.bytes) / 1e6,
              static_cast<double>(limit) / 1e6, static_cast<unsigned long>(all.evicted), tidy_ms);
  std::fflush(stdout);
}

} // namespace

int main() {
  test::scratch home;
  const auto few = compare(home / "few", make_keys(1'000));
  const auto many = compare(home / "many", make_keys(1'000'000));
  std::printf("find at 1,000,000 / find at 1,000: %.2f\n", many / few);
  measure_opening(home / "many");
  measure_eviction(home / "small", 1000, 200'000);
  measure_eviction(home / "large", 100'000, 5'000);
}
