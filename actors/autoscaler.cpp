#include "actors/autoscaler.hpp"

#include <algorithm>
#include <cmath>

namespace hearth::scaling {

namespace {

using seconds = std::chrono::duration<double>;

double length(duration of) { return seconds(of).count(); }

std::int64_t whole_seconds(instant at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

/// Replicas whose slots hold this many calls.
std::uint64_t replicas_for(double calls, std::uint32_t concurrency) {
  return static_cast<std::uint64_t>(std::ceil(std::max(0.0, calls) / concurrency));
}

/// When the present replicas come to the last of the queue, if nothing is started; hours stand for never.
duration wait_of(const inputs& in) {
  constexpr std::chrono::hours never{24};
  const double slots = static_cast<double>(in.ready) * in.concurrency;
  const double wait = static_cast<double>(in.queued) * length(in.service) / slots;
  return wait < length(never) ? std::chrono::duration_cast<duration>(seconds(wait)) : duration(never);
}

/// Slots that are missing for the steady arrivals and the queue, those of starting replicas not counted.
double missing_slots(const inputs& in, double start_up, bool is_young) {
  const double service = length(in.service);
  const double slots = static_cast<double>(in.ready) * in.concurrency;
  const double missing = std::max(0.0, in.arrivals * service - slots);
  if (is_young)
    return missing;
  const double until = std::min(start_up * defaults::drain_starts, length(defaults::drain_max));
  return missing + static_cast<double>(in.queued) * service / std::max(service, until);
}

/// What the queue asks for, beyond what is ready or starting.
decision for_queue(const inputs& in) noexcept {
  if (in.queued == 0)
    return {};
  const auto a_slot_each = replicas_for(static_cast<double>(in.queued), in.concurrency);
  if (a_slot_each <= in.starting)
    return {0, 0, rule::enough_starting, {}};
  const auto most = a_slot_each - in.starting;
  const auto start_up = in.expected_start_up();
  if (in.service.count() == 0 || start_up.count() == 0)
    return {static_cast<std::uint32_t>(most), 0, rule::demand, {}};

  const auto predicted = wait_of(in);
  const double patience = std::max(defaults::wait_share * length(in.service),
                                   std::min(length(start_up), length(defaults::wait_unnoticed)));
  const double bearable = std::max(length(start_up), defaults::bearable_share * length(in.service));
  const bool is_young = length(predicted) <= bearable && length(in.saturated) <= patience;
  const auto wanted = replicas_for(missing_slots(in, length(start_up), is_young), in.concurrency);
  if (wanted <= in.starting)
    return {0, 0, is_young ? rule::drains_sooner : rule::enough_starting, predicted};
  return {static_cast<std::uint32_t>(std::min(wanted - in.starting, most)), 0, rule::predicted_wait, predicted};
}

/// What a demand that rises will need by the time that a start is ready.
decision ahead_of_demand(const inputs& in) noexcept {
  const auto wanted = replicas_for(in.rising, in.concurrency);
  return wanted > in.counted() ? decision{static_cast<std::uint32_t>(wanted - in.counted()), 0, rule::rising, {}}
                               : decision{};
}

/// What the metric of an app asks for. Where every replica waits for its children, a request might wait for ever.
decision for_metric(const inputs& in) noexcept {
  const auto asked = replicas_asked(in);
  const auto missing = asked > in.alive() ? asked - in.alive() : 0;
  const bool is_stuck = in.queued > 0 && in.counted() == 0;
  if (missing > 0 || is_stuck)
    return {std::max(missing, 1u), 0, rule::metric, {}};
  if (in.queued == 0)
    return {};
  const bool have_room = replicas_for(static_cast<double>(in.queued), in.concurrency) <= in.starting;
  return {0, 0, have_room ? rule::enough_starting : rule::metric_met, {}};
}

/// What calls ask for.
decision for_calls(const inputs& in) noexcept {
  if (in.metric != metric::none)
    return for_metric(in);
  const auto up = for_queue(in);
  const auto ahead = ahead_of_demand(in);
  return ahead.start > up.start ? ahead : up;
}

/// One after the other, so that a pool is never short of more than one replica.
decision for_due(const inputs& in) noexcept {
  if (in.replacing > 0 || in.is_paused)
    return {};
  const bool is_spare = in.queued == 0 && in.due_idle > 0 && in.alive() > desired(in);
  return {is_spare ? 0u : 1u, 1, rule::recycle, {}};
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
    case rule::rising:
      return "rising";
    case rule::draining:
      return "draining";
    case rule::lowered_max:
      return "lowered_max";
    case rule::metric:
      return "metric";
    case rule::metric_met:
      return "metric_met";
  }
  return "none";
}

std::string_view name(metric what) noexcept {
  switch (what) {
    case metric::none:
      break;
    case metric::concurrency:
      return "concurrency";
    case metric::rate:
      return "rate";
  }
  return {};
}

metric metric_of(std::string_view text) noexcept {
  for (const auto each : {metric::concurrency, metric::rate})
    if (text == name(each))
      return each;
  return metric::none;
}

std::uint32_t target_of(const inputs& in) noexcept {
  const auto target = in.metric == metric::concurrency ? std::min(in.target, in.concurrency) : in.target;
  return std::max(target, 1u);
}

std::uint32_t replicas_asked(const inputs& in) noexcept {
  if (in.metric == metric::none)
    return 0;
  const bool is_open = in.running + in.queued + in.lent > 0;
  const auto most = static_cast<std::uint64_t>(UINT32_MAX);
  const auto asked = static_cast<std::uint32_t>(std::min(replicas_for(in.observed, target_of(in)), most));
  return std::max(asked, is_open ? 1u : 0u);
}

std::uint32_t desired(const inputs& in) noexcept { return std::max(in.min, std::min(in.max, replicas_asked(in))); }

decision decide(const inputs& in) noexcept {
  const auto alive = in.alive();
  if (in.end_all != rule::none)
    return {0, alive, in.end_all, {}};
  if (in.due > 0)
    return for_due(in);
  const auto counted = in.counted();
  if (const auto end = std::min(in.over, counted > in.max ? counted - in.max : 0); end > 0)
    return {0, end, rule::lowered_max, {}}; // they get no calls, whatever waits
  auto up = for_calls(in);
  if (const auto missing = in.is_wanted && in.min > alive ? in.min - alive : 0; missing > up.start)
    up = {missing, 0, rule::minimum, up.predicted_wait};
  if (up.start == 0 && in.expects_calls && alive == 0 && in.max > 0)
    up = {1, 0, rule::prewarm, {}};
  if (up.start > 0) {
    if (in.is_paused)
      return {0, 0, rule::paused, up.predicted_wait};
    if (counted >= in.max)
      return {0, 0, rule::at_maximum, up.predicted_wait};
    if (in.places == 0)
      return {0, 0, rule::draining, up.predicted_wait};
    up.start = std::min({up.start, in.max - counted, in.places});
    return up;
  }
  const auto stay = desired(in);
  const auto spare = alive > stay ? alive - stay : 0;
  if (const auto end = std::min(in.over, spare); end > 0 && !in.expects_calls)
    return {0, end, in.is_asked_to_yield ? rule::yielded : rule::scaledown_ttl, {}};
  return up;
}

// -- what is learned ----

/// The second `at` becomes the newest; those that nothing arrived in are empty.
void history::turn_to(std::int64_t at) noexcept {
  const auto size = static_cast<std::int64_t>(seconds_.size());
  for (auto i = std::max(newest_ + 1, at - size + 1); i <= at; ++i)
    seconds_[static_cast<std::size_t>(i % size)] = {};
  newest_ = at;
}

const history::second* history::find(std::int64_t at) const noexcept {
  const auto size = static_cast<std::int64_t>(seconds_.size());
  return at > newest_ || at <= newest_ - size || at < 0 ? nullptr : &seconds_[static_cast<std::size_t>(at % size)];
}

void history::arrived(instant now, double demand, bool idle) noexcept {
  if (const auto at = whole_seconds(now); at != newest_) {
    turn_to(at);
    rising_ = predict_rise();
  }
  auto& present = seconds_[static_cast<std::size_t>(newest_) % seconds_.size()];
  ++present.calls;
  present.demand += demand;
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
  const auto stretch = std::clamp<std::int64_t>(std::lround(length(start_up_) / 4), 1, defaults::arrival_seconds / 4);
  std::array<std::uint64_t, 2> calls{};
  const auto at = whole_seconds(now);
  for (std::int64_t i = 0; i < 2 * stretch; ++i)
    if (const auto* one = find(at - i))
      calls[static_cast<std::size_t>(i / stretch)] += one->calls;
  return static_cast<double>(std::min(calls[0], calls[1])) / static_cast<double>(stretch);
}

double history::rate(instant now) const noexcept {
  const auto at = whole_seconds(now);
  const auto calls = [&](std::int64_t second) {
    const auto* one = find(second);
    return one ? static_cast<double>(one->calls) : 0.0;
  };
  const double of_second = length(now.time_since_epoch()) - static_cast<double>(at); // that has passed
  double seen = calls(at - defaults::rate_seconds) * (1 - of_second);
  for (std::int64_t i = 0; i < defaults::rate_seconds; ++i)
    seen += calls(at - i);
  return seen / static_cast<double>(defaults::rate_seconds);
}

double history::rising(instant now) const noexcept { return whole_seconds(now) - newest_ <= 1 ? rising_ : 0; }

double history::predict_rise() const noexcept {
  constexpr std::int64_t stretches = 3;
  if (start_up_ < defaults::rise_start_up_min)
    return 0;
  const auto stretch = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(length(start_up_))), 1,
                                                (defaults::arrival_seconds - 2) / stretches);
  std::array<double, stretches> demand{};
  for (std::int64_t n = 0; n < stretches; ++n) {
    std::uint64_t calls = 0;
    for (std::int64_t i = 0; i < stretch; ++i)
      if (const auto* one = find(newest_ - 1 - n * stretch - i)) {
        calls += one->calls;
        demand[static_cast<std::size_t>(n)] += one->demand;
      }
    if (calls == 0)
      return 0;
    demand[static_cast<std::size_t>(n)] /= static_cast<double>(calls);
  }
  const double rise = std::min(demand[0] - demand[1], demand[1] - demand[2]);
  if (rise <= 0)
    return 0;
  // From the middle of the newest stretch to when the start is ready, and a margin.
  const double stretches_ahead = length(start_up_) / static_cast<double>(stretch) + 0.5;
  return demand[0] + defaults::rise_margin * rise * stretches_ahead;
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
