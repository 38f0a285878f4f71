#pragma once

#include <stdexcept>

namespace hearth::node {

/// Why a node does not start, as a sentence for the person who started it: what happened, where, what to do next.
struct start_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

} // namespace hearth::node
