#pragma once

#include "actors/autoscaler.hpp"

#include <string>

namespace hearth::scaling {

/// A decision as a sentence for a person, with the figures that led to it. `detail` names replicas, where some are meant.
std::string in_words(const inputs& in, const decision& what, const std::string& detail);

/// "3.2 ms", "1.5 s": three digits and the unit that suits.
std::string in_words(duration length);

} // namespace hearth::scaling
