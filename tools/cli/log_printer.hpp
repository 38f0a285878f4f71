#pragma once

#include "tools/cli/frames.hpp"

#include <cstdint>
#include <deque>
#include <iosfwd>
#include <string>

namespace hearth::cli {

/// Which output is printed, and how.
struct log_choice {
  std::string action;      // the beginning of a call id in hex; empty: all
  std::uint32_t tail = 0;  // only so many last lines, printed by finish(); 0: everything, at once
  bool show_times = false; // each line begins with its time
};

/// Prints Log frames: what a task wrote to stderr, and words of the node, go to stderr.
class log_printer {
public:
  /// The streams outlive the printer.
  log_printer(std::ostream& out, std::ostream& err, log_choice choice);

  void take(const frame& log);

  /// Prints what was held back, and ends unfinished lines.
  void finish();

private:
  enum class stream { out, err };
  struct line {
    stream to;
    std::string text; // with its newline, unless it is unfinished
  };

  void add(stream to, std::uint64_t unix_ns, std::string_view text);
  void put(stream to, std::string_view text);

  std::ostream& out_;
  std::ostream& err_;
  log_choice choice_;
  std::deque<line> held_;
  bool is_inside_line_[2] = {false, false}; // by stream
};

} // namespace hearth::cli
