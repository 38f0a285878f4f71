#include "node/wire/cache_scope.hpp"

#include "node/store/digest.hpp"

namespace hearth::node {

digest digest_of(const cache_scope& scope) {
  sha256 sum;
  for (const auto* part :
       {&scope.project, &scope.domain, &scope.task, &scope.version, &scope.signature, &scope.trust}) {
    std::string length;
    for (int i = 7; i >= 0; --i)
      length += static_cast<char>(part->size() >> (8 * i));
    sum.add(length);
    sum.add(*part);
  }
  return sum.value();
}

void name_scopes(environment_spec& spec) {
  for (auto& task : spec.tasks)
    if (!task.caching.version.empty())
      task.caching.scope = digest_of(scope_of(spec, task));
}

} // namespace hearth::node
