#include "tools/cli/table.hpp"

#include "tools/cli/units.hpp"

#include <algorithm>
#include <ostream>

namespace hearth::cli {

namespace {

const char* code_of(colour tint) {
  switch (tint) {
    case colour::red:
      return "\033[31m";
    case colour::green:
      return "\033[32m";
    case colour::yellow:
      return "\033[33m";
    case colour::grey:
      return "\033[90m";
    case colour::none:
      break;
  }
  return "";
}

} // namespace

void table::write(std::ostream& out, bool colours) const {
  constexpr std::size_t gap = 2;
  std::vector<std::size_t> widths;
  for (const auto& c : columns)
    widths.push_back(width_of(c.title));
  for (const auto& row : rows)
    for (std::size_t i = 0; i < columns.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i].text));

  auto write_row = [&](auto&& cell_at) {
    std::size_t spaces = 0; // owed before the next text, so that lines end in text
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const cell& content = cell_at(i);
      const auto filling = widths[i] - width_of(content.text);
      const bool is_right = columns[i].alignment == side::right;
      spaces += is_right ? filling : 0;
      if (!content.text.empty()) {
        const bool tinted = colours && content.tint != colour::none;
        out << std::string(spaces, ' ') << (tinted ? code_of(content.tint) : "") << content.text
            << (tinted ? "\033[0m" : "");
        spaces = 0;
      }
      spaces += (is_right ? 0 : filling) + gap;
    }
    out << '\n';
  };

  std::vector<cell> titles;
  for (const auto& c : columns)
    titles.emplace_back(c.title, colour::grey);
  if (std::any_of(columns.begin(), columns.end(), [](const column& c) { return !c.title.empty(); }))
    write_row([&](std::size_t i) -> const cell& { return titles[i]; });
  for (const auto& row : rows)
    write_row([&](std::size_t i) -> const cell& { return row[i]; });
}

} // namespace hearth::cli
