#include "actors/scaling_words.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace hearth::scaling {

namespace {

std::string count(std::uint64_t n, const char* what) { return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s"); }

/// With one decimal where that says something.
std::string figure(double value) {
  std::array<char, 40> text{};
  const bool is_whole = value >= 100 || value == std::floor(value);
  std::snprintf(text.data(), text.size(), is_whole ? "%.0f" : "%.1f", value);
  return text.data();
}

/// What the metric asks for, with what it has seen and what it aims at.
std::string asked(const inputs& in) {
  const auto seen = figure(in.observed);
  const auto things = seen + (seen == "1" ? " request" : " requests");
  const bool is_bound = in.metric == metric::concurrency && in.target > in.concurrency;
  return things
         + (in.metric == metric::rate ? " came per second"
            : seen == "1"             ? " is open"
                                      : " are open")
         + ", at "
         + (is_bound ? "a concurrency of " + std::to_string(in.concurrency) + " (the target is higher, "
                         + std::to_string(in.target) + ')'
                     : "a target of " + std::to_string(in.target))
         + " that is " + count(replicas_asked(in), "replica");
}

/// What asks for replicas.
std::string waiting(const inputs& in) {
  if (in.metric != metric::none && replicas_asked(in) > in.alive())
    return asked(in);
  if (in.queued == 0)
    return in.is_wanted && in.alive() < in.min ? "the minimum is " + std::to_string(in.min) : "demand rises";
  return count(in.queued, "call") + (in.queued == 1 ? " waits" : " wait");
}

std::string unknown(const inputs& in) {
  return in.service.count() == 0 ? "how long calls take" : "how long a start takes";
}

std::string of_maximum(const inputs& in) {
  return std::to_string(in.counted()) + " of at most " + count(in.max, "replica");
}

std::string started(const decision& what) { return "Started " + count(what.start, "replica"); }

std::string ended(const decision& what, const std::string& detail) {
  return "Ended " + (detail.empty() ? count(what.end, "replica") : detail);
}

/// What waiting would mean, against what a start takes.
std::string comparison(const inputs& in, const decision& what) {
  if (in.ready == 0)
    return "no replica is ready, and a start takes " + in_words(in.expected_start_up());
  return "the present replicas would come to the last of them in " + in_words(what.predicted_wait) + " (a call takes "
         + in_words(in.service) + "), and a start takes " + in_words(in.expected_start_up());
}

} // namespace

std::string in_words(duration length) {
  constexpr std::array<std::pair<double, const char*>, 4> units{{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}}};
  if (length.count() == 0)
    return "0 s";
  const auto ns = static_cast<double>(length.count());
  for (const auto& [size, unit] : units) {
    if (ns < size && size > 1)
      continue;
    std::array<char, 40> text{};
    const double value = ns / size;
    std::snprintf(text.data(), text.size(), value < 10 ? "%.2f %s" : value < 100 ? "%.1f %s" : "%.0f %s", value, unit);
    return text.data();
  }
  return {};
}

std::string in_words(const inputs& in, const decision& what, const std::string& detail) {
  switch (what.why) {
    case rule::none:
      return "Nothing to do.";
    case rule::minimum:
      return started(what) + ": the minimum is " + std::to_string(in.min) + ", and there "
             + (in.alive() == 1 ? "is " : "are ") + std::to_string(in.alive()) + '.';
    case rule::demand:
      return started(what) + ": " + waiting(in) + " without a free slot, and it is not known yet " + unknown(in) + '.';
    case rule::predicted_wait:
      return started(what) + ": " + waiting(in) + "; " + comparison(in, what) + '.';
    case rule::enough_starting:
      return "Started nothing: " + waiting(in) + ", and " + count(in.starting, "replica") + " that "
             + (in.starting == 1 ? "starts has" : "start have") + " room for them.";
    case rule::drains_sooner:
      return "Started nothing: " + waiting(in) + "; " + comparison(in, what) + '.';
    case rule::at_maximum:
      return "Started nothing: " + waiting(in) + ", but there are " + of_maximum(in) + " already.";
    case rule::paused:
      return "Started nothing: " + waiting(in) + ", but starts failed a moment ago; the next try follows soon.";
    case rule::draining:
      return "Started nothing: " + waiting(in) + ", but replicas that end have to be gone first.";
    case rule::lowered_max:
      return ended(what, detail) + ": idle, and more than the maximum, which is " + std::to_string(in.max) + " now.";
    case rule::scaledown_ttl:
      return ended(what, detail) + ": nothing to do for scaledown_ttl, and the minimum is " + std::to_string(in.min)
             + (desired(in) > in.min ? "; " + asked(in) : "") + '.';
    case rule::idle_ttl:
      return ended(what, detail) + ": the environment had no call for idle_ttl.";
    case rule::superseded:
      return ended(what, detail) + ": another version is deployed.";
    case rule::prewarm:
      return started(what) + " ahead of calls: by the pauses so far they come soon.";
    case rule::recycle:
      return (what.start > 0 ? "Started a replica in the place of " : "Ended ") + detail + '.';
    case rule::rising:
      return started(what) + " ahead of calls: " + std::to_string(in.running)
             + " run, their number has risen steadily, and " + "when a start that takes "
             + in_words(in.expected_start_up()) + " is ready, "
             + std::to_string(static_cast<std::uint64_t>(in.rising + 0.5)) + " slots will be needed.";
    case rule::yielded:
      return ended(what, detail) + ": idle, and another environment waits for what it held.";
    case rule::metric:
      return started(what) + ": " + asked(in) + ", and there " + (in.alive() == 1 ? "is " : "are ")
             + std::to_string(in.alive())
             + (replicas_asked(in) > in.alive() ? "." : ", which all wait for calls of theirs.");
    case rule::metric_met:
      return "Started nothing: " + waiting(in) + ", but " + asked(in) + ", and there "
             + (in.alive() == 1 ? "is " : "are ") + std::to_string(in.alive()) + '.';
  }
  return {};
}

} // namespace hearth::scaling
