#pragma once

#include "tests/support/loop_fixture.hpp"

#include <caf/all.hpp>

#include <utility>
#include <vector>

namespace hearth::test {

using go = caf::atom_constant<caf::atom("go")>;
using note = caf::atom_constant<caf::atom("note")>;

/// Writes down every number it is sent.
inline caf::behavior listener(caf::event_based_actor*, std::vector<int>* heard) {
  return {[heard](note, int value) { heard->push_back(value); }};
}

/// A loop and actors on it, which end with the test.
struct actors_fixture : loop_fixture {
  std::vector<caf::actor> roots;

  template <class... Ts>
  caf::actor spawn(Ts&&... xs) {
    roots.push_back(caf::actor_cast<caf::actor>(loop.system().spawn(std::forward<Ts>(xs)...)));
    return roots.back();
  }

  ~actors_fixture() { BOOST_TEST(loop.stop(roots, deadline()) == 0u); }
};

} // namespace hearth::test
