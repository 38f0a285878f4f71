#include "tests/support/cache_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <thread>

using namespace hearth;
using namespace hearth::node;
using test::cache_now;

namespace {

constexpr std::uint64_t arguments = 500;

std::string value_of(std::uint64_t argument, std::uint64_t generation) {
  return std::to_string(argument) + " in " + std::to_string(generation) + std::string(argument * 7, 'v');
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_cache_threads, test::cache_fixture)

BOOST_AUTO_TEST_CASE(what_is_found_while_another_thread_writes_and_evicts_is_right) {
  limits = {512 * defaults::kib, 512 * defaults::kib, {}}; // half of them
  restart();
  std::vector<cache_key> keys;
  for (std::uint64_t i = 0; i < arguments; ++i)
    keys.push_back(test::key_of(square, i));
  std::atomic<bool> is_over{false};
  std::thread writer([&] {
    for (std::uint64_t generation = 1; generation <= 20; ++generation) {
      for (std::uint64_t first = 0; first < arguments; first += 50) {
        std::vector<cache_entry> batch;
        for (auto i = first; i < first + 50; ++i) {
          batch.push_back(test::entry_of(keys[i], value_of(i, generation)));
          batch.back().generation = generation;
          if (i % 10 == 0)
            batch.back().expires_unix_ms = cache_now + generation;
        }
        store->put(batch, {square}, cache_now);
      }
      store->tidy(cache_now + generation);
      store->figures();
    }
    is_over = true;
  });
  std::uint64_t hits = 0, wrong = 0;
  for (std::uint64_t i = 0; !is_over || hits == 0; i = (i + 1) % arguments) {
    store->was_evicted(keys[i]);
    if (const auto found = store->find(keys[i], cache_now)) {
      ++hits;
      wrong += test::text_of(found->entry.content) == value_of(i, found->entry.generation) ? 0 : 1;
    }
  }
  writer.join();
  BOOST_CHECK_EQUAL(wrong, 0u);
  BOOST_CHECK_LE(all().bytes, limits.bytes_max);
  BOOST_CHECK_GT(all().evicted, 0u);
  BOOST_CHECK_EQUAL(all().damaged, 0u);
}

BOOST_AUTO_TEST_SUITE_END()
