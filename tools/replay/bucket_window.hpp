#pragma once

#include "tools/replay/policy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace hearth::replay {

/// Average over a sliding window of one-second buckets, after Knative Serving's pkg/autoscaler/aggregation/bucketing.go:
/// buckets without a sample count as 0; as long as the first sample is younger than the window, only the buckets since
/// then count; a pause as long as the window forgets everything.
class bucket_window {
public:
  explicit bucket_window(std::uint32_t buckets) : sums_(buckets, 0.0) {}

  void record(seconds at, double value) {
    const auto bucket = index(at);
    if (last_ < 0 || bucket - last_ >= size()) {
      std::fill(sums_.begin(), sums_.end(), 0.0);
      first_ = bucket;
    } else {
      for (auto i = last_ + 1; i <= bucket; ++i)
        slot(i) = 0;
    }
    last_ = std::max(last_, bucket);
    slot(bucket) += value;
  }

  double average(seconds at) const {
    const auto bucket = std::max(index(at), last_);
    if (last_ < 0 || bucket - last_ >= size())
      return 0;
    double total = 0;
    for (auto i = std::max({bucket - size() + 1, first_, last_ - size() + 1}); i <= last_; ++i)
      total += sums_[static_cast<std::size_t>(i % size())];
    return total / static_cast<double>(std::min(last_ - first_ + 1, size()));
  }

private:
  std::int64_t size() const noexcept { return static_cast<std::int64_t>(sums_.size()); }
  static std::int64_t index(seconds at) { return static_cast<std::int64_t>(std::floor(at + 1e-9)); }
  double& slot(std::int64_t bucket) { return sums_[static_cast<std::size_t>(bucket % size())]; }

  std::vector<double> sums_;
  std::int64_t first_ = 0;
  std::int64_t last_ = -1;
};

/// The largest value of the last `length` seconds, kept in steps of `step`.
class max_window {
public:
  max_window(seconds length, seconds step) : length_(length), step_(step) {}

  void record(seconds at, std::uint32_t value) {
    at = std::floor(at / step_ + 1e-9) * step_;
    while (!values_.empty() && values_.front().at <= at - length_ + 1e-9)
      values_.erase(values_.begin());
    while (!values_.empty() && values_.back().value <= value)
      values_.pop_back();
    values_.push_back({at, value});
  }
  /// After a record.
  std::uint32_t current() const { return values_.front().value; }

private:
  struct entry {
    seconds at;
    std::uint32_t value;
  };
  seconds length_, step_;
  std::vector<entry> values_; // falling, by time
};

} // namespace hearth::replay
