#pragma once

#include "actors/messages.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Choosing from output. Pure.
namespace hearth {

/// The last `lines` lines of these texts, sharing their memory; all of them for 0.
std::vector<log_text> last_lines(std::vector<log_text> texts, std::uint32_t lines);

/// Whether `text` was written by the action whose id, in hex, begins with `prefix`; every text for an empty one.
bool is_of_action(const log_text& text, const std::string& prefix);

/// Removes the texts of other actions.
void keep_action(std::vector<log_text>& texts, const std::string& prefix);

} // namespace hearth
