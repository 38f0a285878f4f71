#pragma once

#include "cluster/control_state.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// A control state that is fed command by command, and what tests ask it.
namespace hearth::cluster::testing {

inline node_uuid node_number(std::uint64_t number) { return {0x1000, number}; }

inline call_id root_at(std::uint64_t ms, std::uint64_t number) {
  return {ms << 16 | 0x7000, 0x8000'0000'0000'0000ULL | number};
}

struct control_world {
  control_state state{{node_number(1), node_number(2), node_number(3)}};
  std::vector<fact> facts; // of the last command

  outcome apply(command order) {
    auto decision = state.apply(state.applied() + 1, order);
    facts = std::move(decision.facts);
    return decision.result;
  }

  seat_id seat(std::uint64_t number, std::uint64_t incarnation = 1) {
    apply(admit_node{node_number(number), "n" + std::to_string(number)});
    return seat_id{apply(take_seat{node_number(number), incarnation, "127.0.0.1:1", {}, 1, 77}).index};
  }

  accept_run order(const std::string& name, std::uint64_t number, seat_id home, std::uint32_t lost = 3) {
    accept_run run;
    run.root = root_at(1'000'000 + number, number);
    run.name = name;
    run.request_digest = "digest of " + name;
    run.principal = "ada";
    run.key = "p/d/env";
    run.version = "v1";
    run.lost = lost;
    run.home = home;
    return run;
  }

  outcome accept(const std::string& name, std::uint64_t number, seat_id home, std::uint32_t lost = 3) {
    apply(put_spec{"p/d/env", "v1", bytes::copy_of("spec"), false});
    return apply(order(name, number, home, lost));
  }

  complete_run completion(const std::string& name, std::uint32_t attempt, const std::string& value) {
    complete_run end;
    end.name = name;
    end.attempt = attempt;
    end.value = {"digest", value.size(), bytes::copy_of(value)};
    return end;
  }

  const run_record& run(const std::string& name) const { return *state.find_run(std::string_view(name)); }

  template <class Fact>
  std::size_t count() const {
    return static_cast<std::size_t>(
      std::count_if(facts.begin(), facts.end(), [](const fact& f) { return std::holds_alternative<Fact>(f); }));
  }
};

} // namespace hearth::cluster::testing
