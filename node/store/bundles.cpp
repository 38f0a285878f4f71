#include "node/store/bundles.hpp"

namespace hearth::node {

bundle_door::behavior_type bundles(bundle_door::pointer self, bundles_config config) {
  const auto store = config.store;
  auto* disk = config.disk;
  return {
    [=](atom::has, std::string& digest) {
      return answer_off_loop<bool>(self, *disk, 0, [=] { return store->has(digest); });
    },
    [=](atom::store, std::string& digest, std::vector<bytes>& parts) {
      std::uint64_t size = 0;
      for (const auto& part : parts)
        size += part.size();
      return answer_off_loop<bool>(self, *disk, size, [store, digest, parts = std::move(parts)] {
        store->put(digest, parts);
        return true;
      });
    },
    [=](atom::open, std::string& digest) {
      return answer_off_loop<std::string>(self, *disk, 0, [=] { return store->open(digest).string(); });
    },
    [=](atom::read, std::string& digest) {
      return answer_off_loop<std::vector<bytes>>(self, *disk, 0, [=] { return store->read(digest); });
    },
    [=](atom::forget, std::string& digest) { disk->submit(0, [=] { store->close(digest); }); },
    [](atom::tick, completion& then) { then(); },
  };
}

} // namespace hearth::node
