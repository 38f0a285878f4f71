#pragma once

#include "tools/cli/connection.hpp"

#include <cstdint>
#include <string>

namespace hearth::cli {

/// What the root call of a run came to.
struct run_result {
  bool has_failed = false;
  bool is_text = false;   // `value` is a sentence by the node, else a value or failure of the SDK
  std::uint16_t code = 0; // core/errors.hpp
  std::string value;
  bool has_come = false; // its first frame, which says how large `value` is
  std::uint64_t size = 0;

  bool is_whole() const { return has_come && value.size() == size; }
};

/// Takes the frames of one result.
connection::frame_sink value_sink(run_result& into);

/// The result of the run, which the call waits for when it has not ended. Throws command_error, also when the node did not
/// keep it.
run_result result_of(connection& node, const std::string& run);

/// The value for a person: JSON on one or several lines, or what it is and how large when JSON has no words for it.
std::string value_text(const run_result& result);

/// The failure for a person: the user's traceback with type and message, and the inputs.
std::string failure_text(const run_result& result);

/// Value or failure for a program.
json result_json(const run_result& result);

} // namespace hearth::cli
