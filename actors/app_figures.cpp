#include "actors/app_figures.hpp"

#include <algorithm>

namespace hearth {

namespace {

std::int64_t slice_of(app_figures::instant now) noexcept {
  return now.time_since_epoch() / app_figures::duration(defaults::app_slice);
}

} // namespace

void app_figures::ended(request_end how, duration took, instant now) noexcept {
  --in_flight_;
  ++ends_[static_cast<std::size_t>(how)];
  took_.add(took);
  const auto number = slice_of(now);
  if (first_ < 0)
    first_ = number;
  auto& slice = recent_[static_cast<std::size_t>(number) % recent_.size()];
  if (slice.number != number)
    slice = {number, {}};
  slice.took.add(took);
}

void app_figures::was_cold(const cold_start& parts) noexcept {
  cold_[0].add(parts.wait);
  cold_[1].add(parts.fork);
  cold_[2].add(parts.import);
  cold_[3].add(parts.init);
}

void app_figures::tell(app_part& into, instant now) const {
  into.row.in_flight = in_flight_;
  into.row.requests = ends_;
  into.response = took_;
  into.cold = cold_;
  const auto number = slice_of(now);
  const auto oldest = number - static_cast<std::int64_t>(recent_.size()) + 1;
  for (const auto& slice : recent_)
    if (slice.number >= oldest && slice.number <= number)
      into.recent.add(slice.took);
  if (into.recent.count() == 0)
    return;
  // The present slice is not over: the time that counts is what has passed of it, and the whole of those before.
  const auto since = app_figures::duration(defaults::app_slice) * std::max(first_, oldest);
  const auto passed = std::max<duration>(now.time_since_epoch() - since, defaults::app_rate_over_min);
  into.row.requests_per_second = static_cast<double>(into.recent.count())
                                 / std::chrono::duration<double>(passed).count();
}

} // namespace hearth
