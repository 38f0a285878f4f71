#pragma once

#include "tools/replay/simulation.hpp"

#include <memory>
#include <string>
#include <vector>

namespace hearth::replay {

/// One row of the table.
struct row {
  std::string trace;
  std::string about;
  seconds start_up = 0;
  std::string policy;
  outcome result;
};

/// Names of the policies, in the order of the table; "oracle" is the last.
const std::vector<std::string>& policy_names();

/// A policy without any memory, for the pool of this trace; nothing for "oracle" and unknown names.
std::unique_ptr<policy> make_policy(const std::string& name, const trace& what);

/// Replays one trace with one policy. The name is one of `policy_names`.
row replay(const trace& what, const std::string& policy, seconds start_up);

} // namespace hearth::replay
