#include "actors/cache_desk.hpp"

#include "actors/cache_key_item.hpp"

#include <utility>

namespace hearth {

std::optional<call_reply> cache_desk::answer(const environment_spec& spec, const call_header& header,
                                             const payload& arguments) {
  if (!look_ || header.task >= spec.tasks.size())
    return std::nullopt;
  const auto& task = spec.tasks[header.task];
  if (task.caching.version.empty())
    return std::nullopt;
  const auto inputs = looked_up_inputs(arguments);
  if (!inputs)
    return std::nullopt;
  auto entry = look_({task.caching.scope, *inputs}, *scopes_.of(spec, task));
  if (!entry)
    return std::nullopt;
  call_reply reply;
  reply.id = header.id;
  reply.is_hit = true;
  reply.value = std::move(entry->content);
  return reply;
}

} // namespace hearth
