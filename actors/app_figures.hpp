#pragma once

#include "actors/app_rows.hpp"
#include "core/defaults_http.hpp"

#include <array>
#include <chrono>
#include <cstdint>

namespace hearth {

/// What the requests of one app came to at this node's front door. Pure; one thread. Counting allocates nothing, and memory
/// does not grow.
class app_figures {
public:
  using instant = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  /// A request has come; each ends once.
  void began() noexcept { ++in_flight_; }
  /// `took`: from the whole request to the beginning of its response.
  void ended(request_end how, duration took, instant now) noexcept;
  /// A request had waited for a replica to start.
  void was_cold(const cold_start& parts) noexcept;

  std::uint64_t in_flight() const noexcept { return in_flight_; }

  /// Puts all of it into what is told of the app.
  void tell(app_part& into, instant now) const;

private:
  struct slice {
    std::int64_t number = -1; // of the time that it is about, in lengths of a slice
    duration_histogram took;
  };

  std::uint64_t in_flight_ = 0;
  request_counts ends_{};
  duration_histogram took_;
  std::array<slice, defaults::app_slices> recent_; // by number, in a ring
  std::int64_t first_ = -1;                        // slice in which something ended
  std::array<duration_histogram, cold_start_parts> cold_;
};

} // namespace hearth
