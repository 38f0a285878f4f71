#include "tools/replay/oracle.hpp"

#include <algorithm>

namespace hearth::replay {

namespace {

/// Starts and ends nothing, and adds up what the replicas that are needed would cost.
class bookkeeper final : public policy {
public:
  explicit bookkeeper(seconds start_up) : start_up_(start_up) {}

  std::string_view name() const noexcept override { return "oracle"; }
  seconds next_tick() const noexcept override { return never; }

  void on(event, const pool_view& pool, answer&) override {
    const auto needed = (pool.running + pool.concurrency - 1) / pool.concurrency;
    for (; needed_ < needed; ++needed_) {
      if (needed_ == ended_.size()) {
        ended_.push_back(-never);
        begun_.push_back(0);
      }
      const auto gap = pool.now - ended_[needed_];
      cost_ += std::min(gap, start_up_);
      starts_ += gap >= start_up_;
      begun_[needed_] = pool.now;
    }
    for (; needed_ > needed; --needed_) {
      ended_[needed_ - 1] = pool.now;
      cost_ += pool.now - begun_[needed_ - 1];
    }
  }

  void settle(outcome& result) const {
    result.replica_seconds = cost_;
    result.peak = static_cast<std::uint32_t>(ended_.size());
    result.starts = result.decisions = starts_;
  }

private:
  seconds start_up_;
  std::uint64_t needed_ = 0;
  std::vector<seconds> ended_; // by level
  std::vector<seconds> begun_;
  double cost_ = 0;
  std::uint64_t starts_ = 0;
};

} // namespace

outcome oracle(const trace& what, const machine& where) {
  bookkeeper books(where.start_up);
  auto warm = where;
  warm.is_warm = true;
  warm.tail = 0;
  auto result = simulate(what, books, warm);
  books.settle(result);
  return result;
}

} // namespace hearth::replay
