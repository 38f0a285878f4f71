#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hearth {

/// How long something took, many times over, in memory that does not grow: buckets of 16 us at first, then eight to each
/// doubling, so that what is read back is off by an eighth at most. Pure; one thread; adding allocates nothing.
class duration_histogram {
public:
  /// They reach beyond an hour; what takes longer counts into the last.
  static constexpr std::size_t size = 208;

  void add(std::chrono::nanoseconds length) noexcept {
    ++counts_[bucket_of(length)];
    ++count_;
    sum_ += std::max(length, std::chrono::nanoseconds{0});
  }

  void add(const duration_histogram& other) noexcept {
    for (std::size_t i = 0; i < size; ++i)
      counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
  }

  /// So many more in this bucket (the last one where there is no such); their sum is told by itself.
  void add(std::size_t bucket, std::uint64_t count) noexcept {
    counts_[std::min(bucket, size - 1)] += count;
    count_ += count;
  }
  void add_sum(std::chrono::nanoseconds sum) noexcept { sum_ += sum; }

  std::uint64_t count() const noexcept { return count_; }
  std::chrono::nanoseconds sum() const noexcept { return sum_; }
  std::uint64_t in(std::size_t bucket) const noexcept { return counts_[bucket]; }

  /// What this share of them (0 to 1) took at most; 0 when there are none.
  std::chrono::nanoseconds quantile(double share) const noexcept {
    const auto wanted = std::max(1.0, share * static_cast<double>(count_));
    double seen = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const auto here = static_cast<double>(counts_[i]);
      if (here > 0 && seen + here >= wanted) // as if those of a bucket were spread evenly over it
        return floor_of(i)
               + std::chrono::nanoseconds(static_cast<std::int64_t>(
                 (wanted - seen) / here * static_cast<double>((floor_of(i + 1) - floor_of(i)).count())));
      seen += here;
    }
    return {};
  }

  static constexpr std::size_t bucket_of(std::chrono::nanoseconds length) noexcept {
    if (length.count() <= 0)
      return 0;
    const auto units = static_cast<std::uint64_t>(length / unit);
    if (units < each)
      return static_cast<std::size_t>(units);
    const auto doublings = static_cast<std::size_t>(std::bit_width(units)) - std::bit_width(each - 1) - 1;
    return std::min(doublings * each + static_cast<std::size_t>(units >> doublings), size - 1);
  }

  /// Where a bucket begins, which is where the one before it ends.
  static constexpr std::chrono::nanoseconds floor_of(std::size_t bucket) noexcept {
    if (bucket < each)
      return unit * static_cast<std::int64_t>(bucket);
    const auto doublings = bucket / each - 1;
    return unit * static_cast<std::int64_t>((each + bucket % each) << doublings);
  }

private:
  static constexpr std::chrono::microseconds unit{16};
  static constexpr std::size_t each = 8; // buckets to a doubling

  std::array<std::uint64_t, size> counts_{};
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds sum_{0};
};

} // namespace hearth
