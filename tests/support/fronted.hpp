#pragma once

#include "tests/support/cache_world.hpp"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::test {

/// A front with a task that keeps its results, and somebody who calls it.
struct fronted : cache_world {
  fronted() : f(front()), client(caller()) {}

  const std::vector<call>& executed() const { return f.behind->calls; }

  /// A call of `square` by the client.
  void square(std::uint64_t number, std::string_view inputs = "2", bool overwrite = false) {
    invoke(f, spec, client, id(number), inputs, overwrite);
  }

  /// A call of a run, whose record is kept by `of`.
  void square_in_run(const scripted_record& of, std::uint64_t number, std::string_view inputs = "2") {
    auto c = make_call(spec, client, id(number), keyed(inputs));
    c.header.root = id(1);
    c.header.depth = 1;
    c.in_run = true;
    c.output = of.handle;
    invoke(f, std::move(c));
  }

  /// The supervisor behind tells the record what becomes of a call.
  void tell_record(const scripted_record& of, std::uint64_t number, action_event::phase_t phase) {
    action_event e;
    e.root = id(1);
    e.id = id(number);
    e.depth = 1;
    e.keep = spec;
    e.task = spec->tasks[0].name;
    e.phase = phase;
    e.attempt = 1;
    tell(of.handle, atom::actions::value, std::vector<action_event>{e});
  }

  scripted_front f;
  std::shared_ptr<scripted_caller> client;
  spec_ptr spec = cached_spec();
};

/// Of a task of which equal calls wait for the one that executes.
struct serialized : fronted {
  serialized() { spec = cached_spec(true); }
};

} // namespace hearth::test
