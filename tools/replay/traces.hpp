#pragma once

#include "tools/replay/trace.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace hearth::replay {

/// Names of the synthetic traces, in order: "T1", "T2a", ...
const std::vector<std::string>& trace_names();

/// One of them; the same seed gives the same trace. Throws std::invalid_argument when there is no such name.
trace make_trace(std::string_view name, std::uint64_t seed);

} // namespace hearth::replay
