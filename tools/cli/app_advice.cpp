#include "tools/cli/app_views.hpp"

#include "tools/cli/units.hpp"

#include <algorithm>
#include <array>
#include <utility>

/// What to do about an app that scales in another way than somebody expects.
namespace hearth::cli {

namespace {

constexpr std::uint64_t slow_start_us = 500'000; // a request that waits for longer feels broken to people
constexpr std::uint32_t soon_again = 2;          // starts so soon after an end that they look like a pattern

const json* row_of_version(const json& pools, const std::string& version) {
  for (const auto& row : pools)
    if (text_in(row, "version") == version)
      return &row;
  return nullptr;
}

/// How often a replica was started sooner after the end of another one than replicas are kept idle, and the longest such pause.
std::pair<std::uint32_t, std::uint64_t> starts_soon_after_ends(const json& events, std::uint64_t kept_ms) {
  std::uint32_t times = 0;
  std::uint64_t longest = 0, ended_at = 0;
  for (const auto& event : events) {
    const auto kind = text_in(event, "kind");
    const auto at = number_in(event, "unixMs");
    if (kind == "ended") {
      ended_at = at;
    } else if (kind == "ready" && ended_at > 0) {
      if (const auto pause = at > ended_at ? at - ended_at : 0; pause < kept_ms) {
        ++times;
        longest = std::max(longest, pause);
      }
      ended_at = 0;
    }
  }
  return {times, longest};
}

std::string about_failure(const json& app) {
  const auto name = text_in(app, "name");
  if (text_in(app, "subStatus") == "OOM_KILLED")
    return "Its replicas use more memory than they may: give it more with resources=hearth.Resources(memory=...), or have it load "
           "less, and serve it again.";
  if (text_in(app, "subStatus") == "CRASH_LOOP")
    return "Its replicas end before they serve: `hearth logs app/" + name
           + "` has what they printed. Mend it and serve it "
             "again; a new version is tried at once.";
  return "It cannot be started as it is declared: " + text_in(app, "why");
}

std::string about_cold_starts(const json& app) {
  const std::array<std::pair<const char*, const char*>, 4> parts{
    {{"coldWaitUs", "waiting for room or for their turn: give nodes more room, or raise the maximum of replicas"},
     {"coldForkUs", "until the process is there: `hearth check` says what makes it slow"},
     {"coldImportUs",
      "imports: they are paid when no interpreter has the code in memory. Import less at the top of modules"},
     {"coldInitUs",
      "the start of the app itself (its lifespan, @env.on_startup): load less there, or from faster storage"}}};
  std::uint64_t all = 0;
  const auto* slowest = &parts[0];
  for (const auto& part : parts) {
    all += number_in(app, part.first);
    if (number_in(app, part.first) > number_in(app, slowest->first))
      slowest = &part;
  }
  if (number_in(app, "coldRequests") == 0 || all < slow_start_us)
    return {};
  return "A request that starts a replica waits for " + duration_text(all) + ", of which "
         + duration_text(number_in(app, slowest->first)) + " are " + slowest->second
         + ". Scaling(replicas=(1, ...)) keeps one that is started.";
}

} // namespace

std::vector<std::string> advice_of(const json& app, const json& pools, const json& events) {
  const auto name = text_in(app, "name");
  const auto status = text_in(app, "status");
  if (text_in(app, "state") == "inactive")
    return {"It is deactivated, and answers 503: `hearth activate app " + name + "` lets it serve again."};
  std::vector<std::string> advice;
  if (status == "FAILED")
    advice.push_back(about_failure(app));
  const auto waits = text_in(app, "waitingFor");
  if (!waits.empty())
    advice.push_back("It " + waits
                     + ": no node has so much left. `hearth get nodes` and `hearth get environments` show who has "
                       "it; end what is not needed, ask for less with resources=, or add a node (`hearth node join`).");
  const auto highest = number_in(app, "maxReplicas");
  if (waits.empty() && number_in(app, "waiting") > 0 && number_in(app, "replicas") >= highest)
    advice.push_back("All " + count_text(highest) + " replicas that it may have are at work, and "
                     + count_text(number_in(app, "waiting"))
                     + " requests wait: raise the maximum of Scaling(replicas=...), or "
                       "concurrency= where the app can do more at a time.");
  const auto kept = number_in(app, "scaledownMs");
  if (const auto [times, longest] = starts_soon_after_ends(events, kept); times >= soon_again)
    advice.push_back("It scales down too quickly: " + count_text(times) + " times a replica was started within "
                     + duration_text_of_ms(longest) + " of the end of another one. Make scaledown_after, now "
                     + duration_text_of_ms(kept) + ", longer than " + duration_text_of_ms(kept + longest)
                     + ", or keep one with Scaling(replicas=(1, ...)).");
  if (auto slow = about_cold_starts(app); !slow.empty())
    advice.push_back(std::move(slow));
  const auto* pool = row_of_version(pools, text_in(app, "version"));
  if (pool != nullptr && text_in(*pool, "startMode") == "spawn" && !text_in(*pool, "startReason").empty())
    advice.push_back("Its replicas are not forked, which takes milliseconds, but started anew: "
                     + text_in(*pool, "startReason") + '.');
  return advice;
}

} // namespace hearth::cli
