#pragma once

#include <cstdlib>
#include <string_view>

namespace hearth::test {

/// Whether tests take the time that they could use (`tools/test --long`).
inline bool is_long_run() {
  const char* said = std::getenv("HEARTH_LONG");
  return said && std::string_view(said) == "1";
}

} // namespace hearth::test
