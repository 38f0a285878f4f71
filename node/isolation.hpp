#pragma once

#include <array>
#include <optional>
#include <string_view>

/// How far interpreters are kept from the machine and from each other.
namespace hearth::node {

/// What an environment gets that asks for nothing; the last one is what every environment gets.
enum class isolation {
  process,      // the node's user, a clean environment, limits
  sandbox,      // bubblewrap: namespaces of its own, a read-only system, private files
  sandbox_only, // likewise, and an environment that asks for `process` is refused
};

inline constexpr std::array<std::string_view, 3> isolation_words{"process", "sandbox", "sandbox-only"};

constexpr std::string_view word_of(isolation level) { return isolation_words[static_cast<std::size_t>(level)]; }

constexpr std::optional<isolation> isolation_of(std::string_view word) {
  for (std::size_t i = 0; i < isolation_words.size(); ++i)
    if (isolation_words[i] == word)
      return static_cast<isolation>(i);
  return std::nullopt;
}

/// Whether an environment that asks for `asked` (empty: for nothing) runs in a sandbox on a node with this setting.
constexpr bool is_sandboxed(isolation setting, std::string_view asked) {
  return asked.empty() ? setting != isolation::process : asked != word_of(isolation::process);
}

} // namespace hearth::node
