#include "actors/cache_rows.hpp"

#include <algorithm>

namespace hearth {

key_distance distance(const cache_scope& scope, const cache_entry& entry, const cache_row& other) {
  key_distance away;
  for (auto part : {&cache_scope::project, &cache_scope::domain, &cache_scope::version, &cache_scope::signature})
    away.parts += scope.*part != other.scope.*part ? 1 : 0;
  // Both have their inputs in the order of their names.
  const auto here = std::min(scope.inputs.size(), entry.inputs.size());
  const auto there = std::min(other.scope.inputs.size(), other.entry.inputs.size());
  std::size_t i = 0, k = 0;
  while (i < here && k < there) {
    const auto order = scope.inputs[i] <=> other.scope.inputs[k];
    away.inputs += order != 0 || entry.inputs[i] != other.entry.inputs[k] ? 1 : 0;
    i += order <= 0 ? 1 : 0;
    k += order >= 0 ? 1 : 0;
  }
  away.inputs += (here - i) + (there - k);
  away.parts += away.inputs;
  return away;
}

} // namespace hearth
