#pragma once

#include "tools/replay/policy.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::replay {

/// A call that comes whatever became of the others.
struct call {
  seconds arrival;
  float service;
};

/// Somebody who makes one call after another: closed loop.
struct user {
  struct step {
    float service;
    float think; // from the end of this step to the arrival of the next
  };
  seconds begin;
  seconds until;           // no new round begins from here on
  std::vector<step> steps; // one round
};

/// What is replayed, and the pool that it belongs to.
struct trace {
  std::string name{};  // "T1"
  std::string about{}; // what it models and whose complaint it is, in one sentence
  std::uint32_t concurrency = 1;
  std::uint32_t max = 1;     // replicas, for every policy
  std::uint32_t room = ~0u;  // replicas that the machines hold; those beyond wait for a place
  std::uint32_t initial = 0; // replicas that are warm when it begins
  std::vector<call> calls{}; // by arrival
  std::vector<user> users{};
  seconds end = 0; // nothing arrives later, except from users who still have to finish a round
};

} // namespace hearth::replay
