#include "tools/replay/traces.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <stdexcept>

namespace hearth::replay {

namespace {

using source = std::mt19937_64;

/// A number in [0, 1) that is the same with every standard library.
double uniform(source& random) { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

/// Service times of handlers vary: evenly, by a fifth to both sides.
float around(double service, source& random) { return static_cast<float>(service * (0.8 + 0.4 * uniform(random))); }

/// Calls at random times (a Poisson process) from `begin` to `end`.
void add_rate(trace& to, seconds begin, seconds end, double per_second, double service, source& random) {
  for (auto at = begin;;) {
    at -= std::log(1 - uniform(random)) / per_second;
    if (at >= end)
      break;
    to.calls.push_back({at, around(service, random)});
  }
}

/// Calls at the same time.
void add_burst(trace& to, seconds at, int count, double service, source& random) {
  for (int i = 0; i < count; ++i)
    to.calls.push_back({at, around(service, random)});
}

trace step(source& random) {
  trace t{.name = "T1", .about = "A step from nothing to 100 calls at a time for five minutes, and to nothing again"};
  t.concurrency = 10;
  t.max = 50;
  add_rate(t, 10, 310, 200, 0.5, random);
  return t;
}

trace square_long(source& random) {
  trace t{.name = "T2a",
          .about = "A square wave, 30 s of 20 calls at a time and 30 s of none: averages as long as the wave"};
  t.concurrency = 4;
  t.max = 30;
  for (int i = 0; i < 10; ++i)
    add_rate(t, 10 + 60 * i, 40 + 60 * i, 100, 0.2, random);
  return t;
}

trace square_short(source& random) {
  trace t{
    .name = "T2b",
    .about = "A square wave, 5 s of 20 calls at a time and 60 s of none: each wave is over before averages see it"};
  t.concurrency = 4;
  t.max = 30;
  for (int i = 0; i < 15; ++i)
    add_rate(t, 10 + 65 * i, 15 + 65 * i, 100, 0.2, random);
  return t;
}

trace burst(source& random) {
  trace t{
    .name = "T3",
    .about = "Two bursts of 1,000 calls on little traffic: replicas that start count as capacity (Knative 13284)"};
  t.concurrency = 10;
  t.max = 100;
  add_rate(t, 0, 600, 2, 1, random);
  add_burst(t, 120, 1'000, 1, random);
  add_burst(t, 360, 1'000, 1, random);
  return t;
}

trace full_machines(source& random) {
  trace t{.name = "T4",
          .about = "1,000 replicas are wanted and 40 can start: leaving panic must not undo them (Knative 3153)"};
  t.max = 1'000;
  t.room = 40;
  add_rate(t, 10, 310, 30, 1, random);
  add_burst(t, 10, 1'000, 1, random);
  return t;
}

trace alternating(source& random) {
  trace t{.name = "T5",
          .about = "1,000 calls at once every ten seconds and none between: [1000,0,0,0,0,1000] (Knative PR 8106)"};
  t.concurrency = 10;
  t.max = 100;
  for (int i = 0; i < 12; ++i)
    add_burst(t, 10 + 10 * i, 1'000, 1, random);
  return t;
}

trace steady(source& random) {
  trace t{.name = "T6",
          .about = "6,000 calls per second for 30 minutes: the number of replicas must not drift (Knative 15121)"};
  t.concurrency = 100;
  t.max = 50;
  t.calls.reserve(11'000'000);
  add_rate(t, 10, 1'810, 6'000, 0.1, random);
  return t;
}

trace slow_handler(source& random) {
  trace t{.name = "T7",
          .about = "5 calls of a second per second from one replica on: no oscillation, no lost queue (Ray 18925)"};
  t.max = 20;
  t.initial = 1;
  add_rate(t, 0, 600, 5, 1, random);
  return t;
}

/// One call, and the next when its replica has just ended.
trace rare(std::string name, seconds every, source& random) {
  trace t{.name = std::move(name)};
  t.about = "One call every " + std::to_string(static_cast<int>(every))
            + " s: the worst case of a keep-alive of one second less";
  t.max = 4;
  for (int i = 0; i < 60; ++i)
    t.calls.push_back({10 + every * i, around(0.1, random)});
  return t;
}

trace closed_loop(source& random) {
  trace t{
    .name = "T9",
    .about = "Five users in a closed loop on one replica, 100 ms a call: must stay at ten per second (Ray 52609)"};
  for (int i = 0; i < 5; ++i)
    t.users.push_back({1 + 0.1 * uniform(random), 121, {{0.1f, 0}}});
  t.end = 121;
  return t;
}

trace nested(source& random) {
  trace t{.name = "T10",
          .about = "A parent waits for its child on a pool of one replica and one slot: must finish (Flyte's warning)"};
  t.users.push_back({1 + uniform(random), 121, {{0.1f, 0}, {0.2f, 0}, {0.1f, 1}}});
  t.end = 121;
  return t;
}

trace ramp(source& random) {
  trace t{.name = "T11",
          .about = "One more user every two seconds up to 100: a slow ramp is no panic (Knative PR 8125)"};
  t.max = 200;
  for (int i = 0; i < 100; ++i)
    t.users.push_back({10 + 2.0 * i, 300, {{around(0.5, random), 0}}});
  t.end = 300;
  return t;
}

struct entry {
  std::string name;
  std::function<trace(source&)> make;
};

const std::vector<entry>& entries() {
  static const std::vector<entry> all{
    {"T1", step},
    {"T2a", square_long},
    {"T2b", square_short},
    {"T3", burst},
    {"T4", full_machines},
    {"T5", alternating},
    {"T6", steady},
    {"T7", slow_handler},
    {"T8a", [](source& random) { return rare("T8a", 31, random); }},
    {"T8b", [](source& random) { return rare("T8b", 61, random); }},
    {"T9", closed_loop},
    {"T10", nested},
    {"T11", ramp},
  };
  return all;
}

} // namespace

const std::vector<std::string>& trace_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const auto& one : entries())
      result.push_back(one.name);
    return result;
  }();
  return names;
}

trace make_trace(std::string_view name, std::uint64_t seed) {
  for (const auto& one : entries())
    if (one.name == name) {
      source random(seed);
      auto result = one.make(random);
      std::stable_sort(result.calls.begin(), result.calls.end(),
                       [](const call& a, const call& b) { return a.arrival < b.arrival; });
      if (!result.calls.empty())
        result.end = std::max(result.end, result.calls.back().arrival);
      return result;
    }
  throw std::invalid_argument("There is no trace " + std::string(name) + ".");
}

} // namespace hearth::replay
