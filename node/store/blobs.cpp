#include "node/store/blobs.hpp"

#include <utility>

namespace hearth::node {

namespace {

constexpr std::size_t digest_digits = 64;

std::vector<bytes> parts_of(payload& value) {
  auto parts = std::move(value.rest);
  parts.insert(parts.begin(), std::move(value.head));
  return parts;
}

payload value_of(std::vector<bytes> parts) {
  payload value;
  if (parts.empty())
    return value;
  value.head = std::move(parts.front());
  parts.erase(parts.begin());
  value.rest = std::move(parts);
  return value;
}

payload read(blob_store& store, const std::string& digest) {
  auto parts = store.get(digest);
  if (!parts)
    throw store_error(ec::gone, "The value " + digest + " is not on this node any more; run again what made it.");
  return value_of(std::move(*parts));
}

} // namespace

blob_door::behavior_type blobs(blob_door::pointer self, blobs_config config) {
  const auto store = config.store;
  auto* disk = config.disk;
  return {
    [=](atom::store, payload& value) {
      const auto size = value.size();
      return answer_off_loop<std::string>(self, *disk, size,
                                          [store, parts = parts_of(value)] { return store->put(parts); });
    },
    [=](atom::read, std::string& digest) {
      return answer_off_loop<payload>(self, *disk, 0, [=] { return read(*store, digest); });
    },
    [=](atom::has, std::string& digest) {
      return answer_off_loop<bool>(self, *disk, 0, [=] { return store->has(digest); });
    },
    [=](atom::pin, std::set<std::string>& digests) {
      // A queue that is full loses nothing: what is needed is said again, and until then the older word holds.
      disk->submit(digests.size() * 2 * digest_digits, [store, warn = config.warn, digests] {
        try {
          store->pin(digests);
        } catch (const std::exception& e) {
          if (warn)
            warn(e.what());
        }
      });
    },
    [](atom::tick, completion& then) { then(); },
  };
}

} // namespace hearth::node
