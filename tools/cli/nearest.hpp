#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::cli {

/// The candidate that `word` was probably meant to be; "" when none is near. Pure.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// What follows "... `word`" in a message: ". Did you mean `run`?", or "." when nothing is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

} // namespace hearth::cli
