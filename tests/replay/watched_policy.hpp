#pragma once

#include "tools/replay/simulation.hpp"

#include <ostream>
#include <utility>
#include <vector>

namespace hearth::replay::test {

/// A policy that writes down when the one inside it changed what.
class watched final : public policy {
public:
  struct change {
    seconds at;
    std::uint32_t started;
    std::uint32_t ended;
    bool operator==(const change&) const = default;
  };

  explicit watched(policy& inside) : inside_(inside) {}

  std::string_view name() const noexcept override { return inside_.name(); }
  seconds next_tick() const noexcept override { return inside_.next_tick(); }
  void on(event what, const pool_view& pool, answer& out) override {
    inside_.on(what, pool, out);
    if (!out.empty())
      changes.push_back({pool.now, out.start, static_cast<std::uint32_t>(out.end.size())});
  }

  std::vector<change> changes;

private:
  policy& inside_;
};

/// Starts and ends nothing.
class idle_policy final : public policy {
public:
  std::string_view name() const noexcept override { return "idle"; }
  seconds next_tick() const noexcept override { return never; }
  void on(event, const pool_view&, answer&) override {}
};

inline std::ostream& operator<<(std::ostream& out, const watched::change& one) {
  return out << "at " << one.at << " s +" << one.started << " -" << one.ended;
}

/// A pool with these calls.
inline trace with_calls(std::vector<call> calls, std::uint32_t concurrency, std::uint32_t max,
                        std::uint32_t initial = 0) {
  trace result{.name = "calls", .about = "a test's"};
  result.concurrency = concurrency;
  result.max = max;
  result.initial = initial;
  result.end = calls.empty() ? 0 : calls.back().arrival;
  result.calls = std::move(calls);
  return result;
}

} // namespace hearth::replay::test
