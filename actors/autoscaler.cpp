#include "actors/autoscaler.hpp"

#include <algorithm>
#include <cmath>

namespace hearth::scaling {

namespace {

using seconds = std::chrono::duration<double>;

/// Replicas whose slots hold this many calls.
std::uint64_t replicas_for(double calls, std::uint32_t concurrency) {
  return static_cast<std::uint64_t>(std::ceil(std::max(0.0, calls) / concurrency));
}

/// What the queue asks for, beyond what is ready or starting.
decision for_queue(const inputs& in) noexcept {
  if (in.queued == 0)
    return {};
  const auto a_slot_each = replicas_for(static_cast<double>(in.queued), in.concurrency);
  if (a_slot_each <= in.starting)
    return {0, 0, rule::enough_starting, {}};
  const auto most = a_slot_each - in.starting;
  if (in.service.count() == 0 || in.start_up.count() == 0)
    return {static_cast<std::uint32_t>(most), 0, rule::demand, {}};

  const double service = seconds(in.service).count();
  const double start_up = seconds(in.start_up).count();
  const double slots = static_cast<double>(in.ready) * in.concurrency;
  const double queued = static_cast<double>(in.queued);
  const double steady = in.arrivals * service; // slots that what arrives keeps busy
  const double longest = static_cast<double>(duration::max().count()) / 1e9;
  const double wait = slots > 0 ? std::min(queued * service / slots, longest) : longest;
  const auto predicted = std::chrono::duration_cast<duration>(seconds(std::min(wait, longest / 2)));
  const bool drains = wait <= start_up && in.oldest_wait <= in.start_up;
  double missing = std::max(0.0, steady - slots);
  if (!drains) {
    const double backlog = queued + std::max(0.0, in.arrivals - slots / service) * start_up;
    missing += backlog * service / std::max(service, start_up * defaults::drain_share);
  }
  const auto wanted = replicas_for(missing, in.concurrency);
  if (wanted <= in.starting)
    return {0, 0, drains ? rule::drains_sooner : rule::enough_starting, predicted};
  return {static_cast<std::uint32_t>(std::min(wanted - in.starting, most)), 0, rule::predicted_wait, predicted};
}

} // namespace

std::string_view name(rule why) noexcept {
  switch (why) {
    case rule::none:
      return "none";
    case rule::minimum:
      return "minimum";
    case rule::demand:
      return "demand";
    case rule::predicted_wait:
      return "predicted_wait";
    case rule::enough_starting:
      return "enough_starting";
    case rule::drains_sooner:
      return "drains_sooner";
    case rule::at_maximum:
      return "at_maximum";
    case rule::paused:
      return "paused";
    case rule::scaledown_ttl:
      return "scaledown_ttl";
    case rule::idle_ttl:
      return "idle_ttl";
    case rule::superseded:
      return "superseded";
    case rule::prewarm:
      return "prewarm";
    case rule::recycle:
      return "recycle";
    case rule::yielded:
      return "yielded";
  }
  return "none";
}

decision decide(const inputs& in) noexcept {
  const auto alive = in.ready + in.starting + in.lent;
  if (in.end_all != rule::none)
    return {0, alive, in.end_all, {}};
  auto up = for_queue(in);
  if (const auto missing = in.is_wanted && in.min > alive ? in.min - alive : 0; missing > up.start)
    up = {missing, 0, rule::minimum, up.predicted_wait};
  if (up.start == 0 && in.expects_calls && alive == 0 && in.max > 0)
    up = {1, 0, rule::prewarm, {}};
  if (up.start > 0) {
    const auto counted = in.ready + in.starting;
    if (in.is_paused)
      return {0, 0, rule::paused, up.predicted_wait};
    if (counted >= in.max)
      return {0, 0, rule::at_maximum, up.predicted_wait};
    up.start = std::min(up.start, in.max - counted);
    return up;
  }
  const auto spare = alive > in.min ? alive - in.min : 0;
  if (const auto end = std::min(in.over, spare); end > 0 && !in.expects_calls)
    return {0, end, rule::scaledown_ttl, {}};
  return up;
}

// -- what is learned ----

void history::arrived(instant now, bool idle) noexcept {
  constexpr std::chrono::seconds second{1};
  if (now - second_ >= second) {
    last_second_ = now - second_ < 2 * second ? this_second_ : 0;
    this_second_ = 0;
    second_ = last_second_ > 0 ? second_ + second : now;
  }
  ++this_second_;
  if (!idle || !rested_)
    return;
  const auto pause = std::chrono::duration_cast<std::chrono::seconds>(now - *rested_) / defaults::pause_bucket;
  auto& bucket = pauses_[static_cast<std::size_t>(
    std::clamp<std::int64_t>(pause, 0, static_cast<std::int64_t>(pauses_.size()) - 1))];
  if (bucket < UINT16_MAX)
    ++bucket;
  if (++pauses_seen_ > defaults::pauses_kept) { // old habits fade
    pauses_seen_ = 0;
    for (auto& count : pauses_)
      pauses_seen_ += count /= 2;
  }
  rested_.reset();
}

void history::served(duration run) noexcept {
  service_ = service_.count() == 0
               ? run
               : service_
                   + duration(static_cast<std::int64_t>(defaults::service_time_weight
                                                        * static_cast<double>((run - service_).count())));
  service_ = std::max(service_, duration{1}); // 0 means unknown
}

void history::started(duration start_up) noexcept {
  start_up_ = std::max(start_up_.count() == 0 ? start_up : (start_up_ + start_up) / 2, duration{1});
}

double history::arrivals(instant now) const noexcept {
  const double into = seconds(now - second_).count();
  if (into >= 2)
    return 0;
  if (into >= 1)
    return this_second_ * (2 - into);
  return last_second_ * (1 - into) + this_second_;
}

std::optional<history::expectation> history::expected() const noexcept {
  if (!rested_ || pauses_seen_ < defaults::pauses_needed)
    return std::nullopt;
  const auto quantile = [this](double share) {
    std::uint32_t seen = 0;
    for (std::size_t i = 0; i < pauses_.size(); ++i)
      if (seen += pauses_[i]; seen >= share * pauses_seen_)
        return i;
    return pauses_.size() - 1;
  };
  const auto head = quantile(defaults::pause_head);
  const auto tail = quantile(defaults::pause_tail);
  if (tail + 1 >= pauses_.size()) // too long to wait for
    return std::nullopt;
  const auto from = *rested_ + head * defaults::pause_bucket * (1 - defaults::pause_margin);
  const auto until = *rested_ + (tail + 1) * defaults::pause_bucket * (1 + defaults::pause_margin);
  return expectation{std::chrono::time_point_cast<instant::duration>(from - 2 * start_up_),
                     std::chrono::time_point_cast<instant::duration>(until)};
}

} // namespace hearth::scaling
