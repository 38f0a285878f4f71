#include "node/store/records.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace hearth::node {

namespace {

std::vector<bytes> parts_of(const payload& value) {
  std::vector<bytes> parts{value.head};
  parts.insert(parts.end(), value.rest.begin(), value.rest.end());
  return parts;
}

std::uint64_t size_of(const std::vector<finished_child>& children) {
  std::uint64_t size = 0;
  for (const auto& child : children)
    size += child.reply.value.size() + sizeof child;
  return size;
}

// The following run on the writer's thread.

child_record record_of(const finished_child& child, blob_store& blobs) {
  child_record record;
  record.root = child.root;
  record.child = child.id;
  record.code = child.reply.code;
  record.is_text = child.reply.is_text;
  record.value.size = child.reply.value.size();
  if (record.value.size > defaults::record_inline_bytes_max) {
    record.value.digest = blobs.put(parts_of(child.reply.value));
    return record;
  }
  std::string content;
  for (const auto& part : parts_of(child.reply.value))
    content += part.view();
  record.value.content = bytes::copy_of(content);
  return record;
}

/// Nothing when its blob is gone.
std::optional<call_reply> reply_of(const child_record& record, blob_store& blobs) {
  call_reply reply;
  reply.id = record.child;
  reply.code = record.code;
  reply.is_text = record.is_text;
  if (record.value.size == record.value.content.size()) {
    reply.value.head = record.value.content;
    return reply;
  }
  auto parts = blobs.get(record.value.digest);
  if (!parts || parts->empty())
    return std::nullopt;
  reply.value.head = std::move(parts->front());
  reply.value.rest.assign(parts->begin() + 1, parts->end());
  return reply;
}

std::vector<found_child> look_up(record_store& store, blob_store& blobs, call_id root, call_id other,
                                 const std::vector<call_id>& names) {
  std::vector<found_child> found;
  for (const auto& record : store.find(root, names, other))
    found.push_back({record.child, reply_of(record, blobs)});
  for (auto name : names)
    if (std::none_of(found.begin(), found.end(), [&](const auto& child) { return child.id == name; }))
      found.push_back({name, std::nullopt});
  return found;
}

void put(record_store& store, blob_store& blobs, const std::vector<finished_child>& children) {
  std::vector<child_record> records;
  records.reserve(children.size());
  for (const auto& child : children)
    records.push_back(record_of(child, blobs));
  store.put(records);
}

} // namespace

record_door::behavior_type records(record_door::pointer self, records_config config) {
  const auto store = config.store;
  const auto blobs = config.blobs;
  const auto warn = config.warn;
  auto* disk = config.disk;
  // What a full queue refuses, or a disk, costs time: those children run again, and a run that is not forgotten now is when
  // it was silent longest.
  const auto quietly = [disk, warn](std::uint64_t size, std::function<void()> work) {
    disk->submit(size, [warn, work = std::move(work)] {
      try {
        work();
      } catch (const std::exception& e) {
        if (warn)
          warn(e.what());
      }
    });
  };
  return {
    [=](atom::append, std::vector<finished_child>& children) {
      const auto size = size_of(children);
      quietly(size, [store, blobs, children = std::move(children)] { put(*store, *blobs, children); });
    },
    [=](atom::find, call_id root, call_id other, std::vector<call_id>& names) {
      const auto size = names.size() * sizeof(call_id);
      return answer_off_loop<std::vector<found_child>>(
        self, *disk, size, [=, names = std::move(names)] { return look_up(*store, *blobs, root, other, names); });
    },
    [=](atom::forget, call_id root) { quietly(0, [store, root] { store->remove(root); }); },
    [](atom::tick, completion& then) { then(); },
  };
}

} // namespace hearth::node
