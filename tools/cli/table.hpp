#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace hearth::cli {

enum class colour { none, red, green, yellow, grey };

/// A piece of a table.
struct cell {
  std::string text; // one line
  colour tint = colour::none;

  cell(std::string content, colour c = colour::none) : text(std::move(content)), tint(c) {}
  cell(const char* content) : text(content) {}
};

enum class side { left, right };

struct column {
  std::string title;
  side alignment = side::left;
};

/// A listing with aligned columns, or, without titles, one thing as name and value.
struct table {
  std::vector<column> columns;
  std::vector<std::vector<cell>> rows; // each as long as `columns`

  /// Writes the titles, when there are any, and the rows. No line ends in spaces.
  void write(std::ostream& out, bool colours) const;
};

} // namespace hearth::cli
