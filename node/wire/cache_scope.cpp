#include "node/wire/cache_scope.hpp"

#include "node/store/digest.hpp"

#include <stdexcept>

namespace hearth::node {

digest digest_of(const cache_scope& scope) {
  sha256 sum;
  for (const auto* part :
       {&scope.project, &scope.domain, &scope.task, &scope.version, &scope.signature, &scope.trust}) {
    char length[8];
    for (int i = 0; i < 8; ++i)
      length[i] = static_cast<char>(part->size() >> (8 * (7 - i)));
    sum.add({length, sizeof length});
    sum.add(*part);
  }
  const auto parsed = parse_digest(sum.hex());
  if (!parsed)
    throw std::logic_error("a SHA-256 is not written as one");
  return *parsed;
}

void name_scopes(environment_spec& spec) {
  for (auto& task : spec.tasks)
    if (!task.caching.version.empty())
      task.caching.scope = digest_of(scope_of(spec, task));
}

} // namespace hearth::node
