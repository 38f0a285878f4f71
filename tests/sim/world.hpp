#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <queue>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// The parts of a simulated world that do not know what is simulated: chance, time, clocks, a network, disks. One thread,
/// one seed: the same calls give the same results everywhere.
namespace hearth::sim {

using instant = std::chrono::nanoseconds;

constexpr instant from_ms(double ms) { return instant(static_cast<instant::rep>(ms * 1e6)); }

/// An invariant does not hold; the text says which, in a sentence.
struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Chance from one seed (splitmix64). Not std's distributions: their results differ between libraries.
class chance {
public:
  explicit chance(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    auto z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// In [0, n); n > 0.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }
  /// In [low, high].
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  bool happens(double probability) { return real() < probability; }
  double real() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  double real(double low, double high) { return low + real() * (high - low); }
  instant time(instant low, instant high) {
    return low + instant(static_cast<instant::rep>(bits() % static_cast<std::uint64_t>((high - low).count() + 1)));
  }

private:
  std::uint64_t state_;
};

/// What will happen, in the order of time; what is due at the same time, in the order in which it was planned.
template <class Event>
class timeline {
public:
  instant now() const noexcept { return now_; }
  bool empty() const noexcept { return order_.empty(); }
  /// When the next one is due; the timeline must not be empty.
  instant next() const { return order_.top().at; }

  /// Not before now.
  void plan(instant at, Event what) {
    std::size_t slot = slots_.size();
    if (free_.empty()) {
      slots_.push_back(std::move(what));
    } else {
      slot = free_.back();
      free_.pop_back();
      slots_[slot] = std::move(what);
    }
    order_.push({std::max(at, now_), planned_++, slot});
  }

  /// Time goes on to the next event, which is handed out.
  Event take() {
    const auto first = order_.top();
    order_.pop();
    now_ = first.at;
    free_.push_back(first.slot);
    return std::move(slots_[first.slot]);
  }

  /// Time goes on to `when`, before which nothing is due.
  void pass(instant when) { now_ = std::max(now_, when); }

private:
  struct due {
    instant at;
    std::uint64_t number;
    std::size_t slot;
    bool operator<(const due& other) const { return at != other.at ? at > other.at : number > other.number; }
  };

  instant now_{0};
  std::uint64_t planned_ = 0;
  std::priority_queue<due> order_;
  std::vector<Event> slots_;
  std::vector<std::size_t> free_;
};

/// A clock that runs at its own rate from its own origin.
class local_clock {
public:
  local_clock() = default;
  local_clock(double rate, instant origin) : rate_(rate), origin_(origin) {}

  instant local(instant world) const { return origin_ + scaled(world, rate_); }
  /// The first moment of the world at which this clock shows `local`, or a little later.
  instant world(instant local) const { return scaled(local - origin_, 1 / rate_) + instant(2); }

private:
  static instant scaled(instant what, double by) {
    return instant(static_cast<instant::rep>(static_cast<double>(what.count()) * by));
  }

  double rate_ = 1;
  instant origin_{0};
};

/// When messages between numbered nodes arrive, if they do. The state of the links is the caller's to change.
class network {
public:
  static constexpr std::size_t nodes_max = 16;

  instant delay_min = from_ms(0.2), delay_max = from_ms(5);
  double loss = 0, duplication = 0;
  double straggling = 0; // share of messages that take up to `straggle`: reordering
  instant straggle = from_ms(300);

  bool cut(std::size_t from, std::size_t to) const { return cut_[from][to]; }
  void set_cut(std::size_t from, std::size_t to, bool is_cut) { cut_[from][to] = is_cut; }
  void heal() {
    cut_ = {};
    clogged_ = {};
  }
  /// What goes to or comes from the node is held back until then.
  void clog(std::size_t node, instant until) { clogged_[node] = until; }

  /// The times at which a message that leaves now arrives: none, one or two.
  struct arrivals {
    std::array<instant, 2> at{};
    std::size_t count = 0;
  };
  arrivals send(std::size_t from, std::size_t to, instant now, chance& random) const {
    arrivals result;
    if (cut_[from][to] || (loss > 0 && random.happens(loss)))
      return result;
    result.count = duplication > 0 && random.happens(duplication) ? 2 : 1;
    for (std::size_t i = 0; i < result.count; ++i) {
      auto delay = random.time(delay_min, delay_max);
      if (straggling > 0 && random.happens(straggling))
        delay += random.time(instant(0), straggle);
      const auto held = std::max(clogged_[from], clogged_[to]);
      result.at[i] = held > now ? held + delay : now + delay;
    }
    return result;
  }

private:
  std::array<std::array<bool, nodes_max>, nodes_max> cut_{};
  std::array<instant, nodes_max> clogged_{};
};

/// Writes of one disk, which become durable one after the other, each whole or not at all.
template <class Write>
class disk {
public:
  instant latency_min = from_ms(0.1), latency_max = from_ms(3);

  bool idle() const noexcept { return queue_.empty(); }

  /// The time at which it will be durable, if nothing happens before.
  instant write(Write what, instant now, chance& random) {
    last_ = std::max(last_, now + random.time(latency_min, latency_max));
    queue_.push_back(std::move(what));
    return last_;
  }
  /// The oldest write has become durable.
  Write complete() {
    auto first = std::move(queue_.front());
    queue_.pop_front();
    return first;
  }
  /// What is not durable is lost; of it, the first writes may have become so unnoticed: these are returned.
  std::vector<Write> crash(chance& random) {
    std::vector<Write> survived;
    while (!queue_.empty() && random.happens(0.3))
      survived.push_back(complete());
    queue_.clear();
    last_ = instant(0);
    return survived;
  }

private:
  instant last_{0};
  std::deque<Write> queue_;
};

/// Order matters: two traces with the same digest were the same.
class digest {
public:
  void mix(std::uint64_t value) {
    value_ ^= value + 0x9e3779b97f4a7c15ULL + (value_ << 6) + (value_ >> 2);
    value_ *= 0xff51afd7ed558ccdULL;
    value_ ^= value_ >> 32;
  }
  std::uint64_t value() const noexcept { return value_; }

private:
  std::uint64_t value_ = 0x243f6a8885a308d3ULL;
};

/// "n3", counted from 1.
inline std::string called(std::size_t node) { return "n" + std::to_string(node + 1); }

inline std::string shown(instant when) {
  char line[32];
  std::snprintf(line, sizeof line, "%7.3f s", static_cast<double>(when.count()) / 1e9);
  return line;
}

} // namespace hearth::sim
