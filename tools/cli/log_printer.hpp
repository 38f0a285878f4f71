#pragma once

#include "tools/cli/frames.hpp"

#include <cstdint>
#include <iosfwd>
#include <string_view>

namespace hearth::cli {

/// Prints Log frames as they come: what a task wrote to stderr, and words of the node, go to stderr.
class log_printer {
public:
  /// The streams outlive the printer. With `show_times` each line begins with its time.
  log_printer(std::ostream& out, std::ostream& err, bool show_times);

  void take(const frame& log);

  /// Ends unfinished lines.
  void finish();

private:
  enum class stream { out, err };

  void add(stream to, std::uint64_t unix_ns, std::string_view text);

  std::ostream& out_;
  std::ostream& err_;
  const bool show_times_;
  bool is_inside_line_[2] = {false, false}; // by stream
};

} // namespace hearth::cli
