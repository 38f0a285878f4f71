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
  const auto limits = std::make_shared<std::shared_ptr<const cache_bounds::limits>>(
    std::make_shared<const cache_bounds::limits>());
  const auto tidy = [store, warn = config.warn](const cache_bounds::limits& now) {
    try {
      store->limit(now);
      store->tidy(unix_ms());
    } catch (const std::exception& e) {
      if (warn)
        warn(e.what());
    }
  };
  self->delayed_send(self, defaults::cache_tidy_interval, atom::report::value);
  const auto off_loop = [self, disk = config.disk](std::uint64_t bytes, auto work) {
    return answer_off_loop<decltype(work())>(self, *disk, bytes, std::move(work));
  };
  return {
    [=](atom::store, std::vector<cache_entry>& entries, std::vector<cache_scope>& scopes) {
      const auto size = size_of(entries);
      return off_loop(size, [=, entries = std::move(entries), scopes = std::move(scopes)]() mutable {
        return store->put(std::move(entries), scopes, unix_ms());
      });
    },
    [=](atom::read, const cache_key& key) { return off_loop(sizeof key, [=] { return store->read(key); }); },
    [=](atom::list, cache_listing& what, const cache_bounds& bounds) {
      const auto size = what.which.keys.size() * sizeof(cache_key);
      return off_loop(size, [=, what = std::move(what)] { return store->list(what, bounds, unix_ms()); });
    },
    [=](atom::forget, cache_filter& filter) {
      const auto size = filter.keys.size() * sizeof(cache_key);
      return off_loop(size, [=, filter = std::move(filter)] { return store->forget(filter); });
    },
    [=](atom::check) { return off_loop(0, [=] { return store->verify(); }); },
    [=](atom::save, const std::string& archive, std::uint64_t part, const cache_bounds& bounds) {
      return off_loop(0, [=] { return store->save(archive, part, bounds, unix_ms()); });
    },
    [=](atom::load, const std::string& archive, std::uint64_t at, std::uint64_t generation) {
      return off_loop(defaults::cache_archive_part_bytes,
                      [=] { return store->load(archive, at, generation, unix_ms()); });
    },
    [=](atom::status) { return off_loop(0, [=] { return store->figures(); }); },
    [limits](atom::limit, const std::shared_ptr<const cache_bounds::limits>& now) { *limits = now; },
    [=](atom::sum) { return off_loop(0, [=] { return store->sums(); }); },
    [=](atom::mark, const std::vector<std::uint32_t>& buckets) {
      return off_loop(buckets.size() * sizeof(std::uint32_t), [=] { return store->marks(buckets, unix_ms()); });
    },
    [=](atom::read, const std::vector<cache_key>& keys) {
      return off_loop(keys.size() * sizeof(cache_key), [=] { return store->parcel(keys, unix_ms()); });
    },
    [=](atom::mend, std::vector<cache_row>& rows) {
      const auto size = size_of(rows);
      return off_loop(size, [=, rows = std::move(rows)]() mutable { return store->mend(std::move(rows), unix_ms()); });
    },
    [=](atom::look, const cache_look& where) { return off_loop(0, [=] { return store->look_through(where); }); },
    [](atom::tick, completion& then) { then(); },
    [=](atom::report) {
      self->delayed_send(self, defaults::cache_tidy_interval, atom::report::value);
      disk->submit(0, [tidy, now = *limits] { tidy(*now); }); // what a full queue refuses is done the next time
    },
  };
}

} // namespace hearth::node
