#pragma once

#include "actors/control.hpp"
#include "actors/error.hpp"
#include "actors/interfaces.hpp"
#include "actors/link_messages.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

/// How caches of two nodes ask and answer each other, in values that cache_wire.hpp writes.
namespace hearth {

/// The value that came, or null and why it did not.
using cache_answer_handler = std::function<void(const payload* found, ec why_not)>;

/// Asks the CACHE of another node, through the SWITCHBOARD. `patience` 0: it may take any time, until the node goes.
template <class Self, class Switchboard>
void ask_cache(Self* self, const Switchboard& switchboard, node_uuid node, std::vector<std::string> words,
               payload value, milliseconds patience, cache_answer_handler then) {
  link::ask what;
  what.what = "cache";
  what.words = std::move(words);
  what.value = std::move(value);
  self->request(switchboard, caf::infinite, atom::ask::value, node, std::move(what), patience)
    .then(
      [then](const link::answer& found) {
        if (const auto* value = std::get_if<payload>(&found.content))
          then(value, ec::none);
        else
          then(nullptr, found.error.code == ec::none ? ec::internal_error : found.error.code);
      },
      [then](const caf::error& error) { then(nullptr, failure_of(error).code); });
}

inline link::answer answer_with(payload value) { return {0, {}, std::move(value)}; }

inline link::answer refusal(ec code) { return {0, {code, std::string(sentence(code))}, {}}; }

} // namespace hearth
