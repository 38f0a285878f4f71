#pragma once

#include <stdexcept>

namespace hearth::node {

/// Of a node that its cluster does not know any more (EX_NOPERM of sysexits.h): started again it would end again.
inline constexpr int exit_no_member = 77;

/// Why a node does not start, as a sentence for the person who started it: what happened, where, what to do next.
struct start_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

} // namespace hearth::node
