#include "actors/cache_rows.hpp"

#include <algorithm>

namespace hearth {

std::size_t differences(const cache_scope& scope, const cache_entry& entry, const cache_row& other) {
  std::size_t count = 0;
  for (auto part : {&cache_scope::project, &cache_scope::domain, &cache_scope::version, &cache_scope::signature})
    count += scope.*part != other.scope.*part ? 1 : 0;
  // Both have their inputs in the order of their names.
  const auto here = std::min(scope.inputs.size(), entry.inputs.size());
  const auto there = std::min(other.scope.inputs.size(), other.entry.inputs.size());
  std::size_t i = 0, k = 0;
  while (i < here && k < there) {
    const auto order = scope.inputs[i] <=> other.scope.inputs[k];
    count += order != 0 || entry.inputs[i] != other.entry.inputs[k] ? 1 : 0;
    i += order <= 0 ? 1 : 0;
    k += order >= 0 ? 1 : 0;
  }
  return count + (here - i) + (there - k);
}

} // namespace hearth
