#include "node/wire/cache_scope.hpp"

#include "actors/cache_entry.hpp"
#include "node/store/cache_record.hpp"

namespace hearth::node {

void name_scopes(environment_spec& spec) {
  for (auto& task : spec.tasks)
    if (!task.caching.version.empty())
      task.caching.scope = digest_of(scope_of(spec, task));
}

} // namespace hearth::node
