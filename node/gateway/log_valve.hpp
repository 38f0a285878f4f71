#pragma once

#include "actors/messages.hpp"
#include "node/wire/frame.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace hearth::node {

/// Decides which output goes out to a client that reads more slowly than its tasks write: beyond the limit text is counted
/// instead of kept, until half of the limit is free again, so that gaps are few and long. Pure.
class log_valve {
public:
  /// `bytes_max` may wait for the client, replies included.
  explicit log_valve(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Whether `text` goes out while `waiting` bytes wait; it then carries the count of what did not.
  bool lets_through(log_text& text, std::uint64_t waiting) {
    is_shut_ = waiting >= (is_shut_ ? bytes_max_ / 2 : bytes_max_);
    if (is_shut_) {
      dropped_ += text.text.size() + text.dropped;
      return false;
    }
    text.dropped = take(text.dropped);
    return true;
  }

  /// A text without words that tells what was dropped, if anything was: for when nothing else will.
  std::optional<log_text> confession() {
    if (dropped_ == 0)
      return std::nullopt;
    log_text text;
    text.stream = wire::stream_system;
    text.dropped = take(0);
    return text;
  }

private:
  std::uint32_t take(std::uint64_t more) {
    constexpr std::uint64_t largest = std::numeric_limits<std::uint32_t>::max(); // of the frame's field
    return static_cast<std::uint32_t>(std::min(std::exchange(dropped_, 0) + more, largest));
  }

  std::uint64_t bytes_max_ = 0;
  std::uint64_t dropped_ = 0;
  bool is_shut_ = false;
};

} // namespace hearth::node
