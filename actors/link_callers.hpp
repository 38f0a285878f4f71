#pragma once

#include "actors/link_messages.hpp"

#include <type_traits>
#include <variant>

namespace hearth::link {

/// Visits every caller that the message names: `visit(caller_ref&)`.
template <class Visit>
void for_each_caller(message& what, Visit&& visit) {
  std::visit(
    [&](auto& m) {
      using kind = std::decay_t<decltype(m)>;
      if constexpr (std::is_same_v<kind, invoke>) {
        for (auto& c : m.calls)
          visit(c.caller), visit(c.output);
      } else if constexpr (std::is_same_v<kind, dispatch>) {
        for (auto& c : m.items)
          visit(c.caller), visit(c.output);
      } else if constexpr (std::is_same_v<kind, cancel>) {
        for (auto& c : m.items)
          visit(c.caller);
      } else if constexpr (std::is_same_v<kind, probe> || std::is_same_v<kind, ask>) {
        visit(m.caller);
      } else if constexpr (std::is_same_v<kind, sought>) {
        visit(m.seeker);
      } else if constexpr (std::is_same_v<kind, parts>) {
        visit(m.replica);
      } else if constexpr (std::is_same_v<kind, more>) {
        visit(m.sender);
      }
    },
    what);
}

} // namespace hearth::link
