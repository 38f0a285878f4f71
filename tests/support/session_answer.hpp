#pragma once

#include "tests/support/scripted_world.hpp"

#include <string>
#include <utility>

namespace hearth::test {

/// What a new client hears that asks this: what was done, or "code: message".
inline std::string answer_of(scripted_world& world, client::event what) {
  auto& asker = world.connect();
  world.say(asker, std::move(what));
  world.run();
  for (const auto& refused : asker.all<client::refused>())
    return std::string(hearth::name(refused.why.code)) + ": " + refused.why.message;
  const auto done = asker.all<client::done>();
  return done.empty() ? "nothing" : done.back().detail;
}

} // namespace hearth::test
