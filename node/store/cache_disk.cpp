#include "node/store/cache_disk.hpp"

#include "core/defaults_cache.hpp"
#include "node/calendar.hpp"

#include <exception>
#include <utility>

namespace hearth::node {

namespace {

std::uint64_t size_of(const std::vector<cache_entry>& entries) {
  std::uint64_t size = 0;
  for (const auto& entry : entries)
    size += entry.content.size() + sizeof entry;
  return size;
}

std::uint64_t size_of(const std::vector<cache_row>& rows) {
  std::uint64_t size = 0;
  for (const auto& row : rows)
    size += row.entry.content.size() + sizeof row;
  return size;
}

} // namespace

cache_door::behavior_type cache_disk(cache_door::pointer self, cache_disk_config config) {
  const auto store = config.store;
  auto* disk = config.disk;
  const auto tidy = [store, warn = config.warn] {
    try {
      store->tidy(unix_ms());
    } catch (const std::exception& e) {
      if (warn)
        warn(e.what());
    }
  };
  self->delayed_send(self, defaults::cache_tidy_interval, atom::report::value);
  return {
    [=](atom::store, std::vector<cache_entry>& entries, std::vector<cache_scope>& scopes) {
      const auto size = size_of(entries);
      return answer_off_loop<bool>(self, *disk, size,
                                   [=, entries = std::move(entries), scopes = std::move(scopes)]() mutable {
                                     return store->put(std::move(entries), scopes, unix_ms());
                                   });
    },
    [=](atom::read, const cache_key& key) {
      return answer_off_loop<payload>(self, *disk, sizeof key, [=] { return store->read(key); });
    },
    [=](atom::list, cache_filter& filter, std::uint32_t rows_max) {
      const auto size = filter.keys.size() * sizeof(cache_key);
      return answer_off_loop<std::vector<cache_row>>(
        self, *disk, size, [=, filter = std::move(filter)] { return store->list(filter, rows_max); });
    },
    [=](atom::forget, cache_filter& filter) {
      const auto size = filter.keys.size() * sizeof(cache_key);
      return answer_off_loop<std::uint64_t>(self, *disk, size,
                                            [=, filter = std::move(filter)] { return store->forget(filter); });
    },
    [=](atom::check) { return answer_off_loop<cache_check>(self, *disk, 0, [=] { return store->verify(); }); },
    [=](atom::save, const std::string& archive, std::uint64_t part) {
      return answer_off_loop<cache_moved>(self, *disk, 0, [=] { return store->save(archive, part); });
    },
    [=](atom::load, const std::string& archive, std::uint64_t at, std::uint64_t generation) {
      return answer_off_loop<cache_moved>(self, *disk, defaults::cache_archive_part_bytes,
                                          [=] { return store->load(archive, at, generation, unix_ms()); });
    },
    [=](atom::status) {
      return answer_off_loop<std::vector<cache_figures>>(self, *disk, 0, [=] { return store->figures(); });
    },
    [=](atom::sum) { return answer_off_loop<cache_sums>(self, *disk, 0, [=] { return store->sums(); }); },
    [=](atom::mark, const std::vector<std::uint32_t>& buckets) {
      return answer_off_loop<std::vector<cache_mark>>(self, *disk, buckets.size() * sizeof(std::uint32_t),
                                                      [=] { return store->marks(buckets, unix_ms()); });
    },
    [=](atom::read, const std::vector<cache_key>& keys) {
      return answer_off_loop<cache_parcel>(self, *disk, keys.size() * sizeof(cache_key),
                                           [=] { return store->parcel(keys, unix_ms()); });
    },
    [=](atom::mend, std::vector<cache_row>& rows) {
      const auto size = size_of(rows);
      return answer_off_loop<std::uint64_t>(
        self, *disk, size, [=, rows = std::move(rows)]() mutable { return store->mend(std::move(rows), unix_ms()); });
    },
    [=](atom::look, const cache_look& where) {
      return answer_off_loop<std::uint32_t>(self, *disk, 0, [=] { return store->look_through(where); });
    },
    [](atom::tick, completion& then) { then(); },
    [=](atom::report) {
      self->delayed_send(self, defaults::cache_tidy_interval, atom::report::value);
      disk->submit(0, tidy); // what a full queue refuses is done the next time
    },
  };
}

} // namespace hearth::node
