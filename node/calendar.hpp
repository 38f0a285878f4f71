#pragma once

#include <chrono>
#include <cstdint>

namespace hearth::node {

/// Milliseconds of the Unix calendar, which may be set while the node runs: for people and listings, never for waiting.
inline std::uint64_t unix_ms() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

} // namespace hearth::node
