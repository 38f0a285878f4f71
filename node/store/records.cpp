#include "node/store/records.hpp"

#include <utility>

namespace hearth::node {

record_door::behavior_type records(record_door::pointer self, records_config config) {
  const auto store = config.store;
  auto* disk = config.disk;
  return {
    [=](atom::append, std::vector<child_record>& added) {
      std::uint64_t size = 0;
      for (const auto& record : added)
        size += record.value.content.size() + sizeof record;
      return answer_off_loop<bool>(self, *disk, size, [store, added = std::move(added)] {
        store->put(added);
        return true;
      });
    },
    [=](atom::find, call_id root, std::vector<call_id>& children, call_id other) {
      const auto size = children.size() * sizeof(call_id);
      return answer_off_loop<std::vector<child_record>>(
        self, *disk, size, [=, children = std::move(children)] { return store->find(root, children, other); });
    },
    [=](atom::forget, call_id root) {
      // What a full queue refuses goes later, as that of the run that was silent longest.
      disk->submit(0, [store, warn = config.warn, root] {
        try {
          store->remove(root);
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
