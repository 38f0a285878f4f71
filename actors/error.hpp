#pragma once

#include "core/errors.hpp"

#include <caf/all.hpp>

namespace hearth {

/// A failure as the error of a CAF request; `failure_of` gives it back.
inline caf::error error_of(const failure& why) {
  return {static_cast<std::uint8_t>(why.code), caf::atom("hearth"), caf::make_message(why.message)};
}

/// What a failed CAF request means to a caller: ours as it was, CAF's own (a lost actor, a timeout) as internal.
inline failure failure_of(const caf::error& error) {
  if (error.category() == caf::atom("hearth") && error.context().match_elements<std::string>())
    return {static_cast<ec>(error.code()), error.context().get_as<std::string>(0)};
  return {ec::internal_error, "A part of the node did not answer (" + caf::to_string(error) + ")."};
}

} // namespace hearth
