#include "actors/supervisor.hpp"

/// What a supervisor shows.
namespace hearth {

namespace {

std::uint64_t millis(nanoseconds length) { return static_cast<std::uint64_t>(length.count() / 1'000'000); }

/// "wants 5, has 3, waiting for memory".
std::string waiting_text(const std::vector<pool::replica_view>& members) {
  std::size_t wanted = 0;
  std::size_t has = 0;
  std::string resource;
  for (const auto& member : members) {
    if (member.is_draining)
      continue;
    ++wanted;
    if (member.waits_for.empty())
      ++has;
    else
      resource = member.waits_for;
  }
  if (resource.empty())
    return {};
  return "wants " + std::to_string(wanted) + ", has " + std::to_string(has) + ", waiting for " + resource;
}

} // namespace

replica_row supervisor_state::row_of(const version& v, const pool::replica_view& member) const {
  const auto known = v.replicas.find(member.id);
  replica_row r;
  r.id = member.id.value;
  r.environment = v.calls.spec().name;
  r.state = !member.waits_for.empty() ? "waiting"
            : member.rehearses        ? "importing"
            : !member.is_ready        ? "starting"
            : member.is_draining      ? "draining"
            : member.running > 0      ? "busy"
                                      : "idle";
  r.running = member.running;
  r.parked = member.parked;
  r.ahead = member.ahead;
  r.done = member.done;
  r.age_ms = millis(now() - member.since);
  if (known != v.replicas.end()) {
    r.pid = known->second.pid;
    r.start_us = micros(known->second.start);
    r.start_mode = !member.is_ready ? "" : known->second.how.forked ? "fork" : "spawn";
  }
  return r;
}

/// What the version and its policy say, without the replicas.
environment_row supervisor_state::row_of(const std::string& version_name, const version& v) const {
  const auto& spec = v.calls.spec();
  const auto& limits = v.calls.limits();
  environment_row row;
  row.project = spec.project;
  row.domain = spec.domain;
  row.name = spec.name;
  row.version = version_name;
  row.python = spec.python;
  for (const auto& task : spec.tasks)
    row.tasks.push_back(task.name);
  row.min_replicas = limits.min_replicas;
  row.max_replicas = limits.max_replicas;
  row.concurrency = limits.concurrency;
  row.idle_ttl_ms = millis(limits.idle_ttl);
  row.scaledown_ttl_ms = millis(limits.scaledown_ttl);
  row.scope = spec.reuse.scope;
  row.is_fresh = limits.fresh;
  row.reason = v.reason;
  row.queued = v.calls.queued();
  // Rounded up: 0 means unknown.
  row.learned_run_us = micros(v.calls.learned().service() + nanoseconds{999});
  row.learned_start_us = micros(v.calls.learned().start_up() + nanoseconds{999});
  row.mean_start_us = v.starts ? micros(v.start_total) / v.starts : 0;
  row.start_mode = v.starts == 0 ? "" : v.forked ? "fork" : "spawn";
  row.start_reason = v.spawn_reason;
  row.message = v.calls.last_failure().message;
  if (v.calls.is_failing()) {
    row.failure = hearth::name(v.calls.last_failure().code);
    row.retry_ms = millis(v.calls.paused_for(now()));
    row.failed_replica = v.failed_replica;
  }
  return row;
}

void supervisor_state::count(const pool::counters& count, environment_row& into) {
  into.done = count.done;
  into.failed = count.failed;
  into.lost = count.lost;
  into.cold_starts = count.cold_starts;
  into.mean_run_us = count.run_samples ? micros(count.run_total) / count.run_samples : 0;
  into.recycled = count.recycled;
  into.prewarmed = count.prewarmed;
  into.prewarm_hits = count.prewarm_hits;
  into.prewarm_idle_ms = millis(count.prewarm_waste);
}

void supervisor_state::keep_totals(const pool::counters& count) {
  forgotten_.done += count.done;
  forgotten_.failed += count.failed;
  forgotten_.lost += count.lost;
  forgotten_.cold_starts += count.cold_starts;
}

void supervisor_state::list(std::vector<environment_row>& environments, std::vector<replica_row>& replicas) const {
  for (const auto& [version_name, v] : versions_) {
    auto row = row_of(version_name, *v);
    count(v->calls.count(), row);
    row.forgotten = forgotten_;
    const auto members = v->calls.view();
    row.waiting = waiting_text(members);
    bool rehearses = false;
    for (const auto& member : members) {
      replicas.push_back(row_of(*v, member));
      replicas.back().version = version_name;
      rehearses = rehearses || member.rehearses;
      if (member.rehearses)
        continue;
      ++(member.is_draining ? row.draining : member.is_ready ? row.replicas : row.starting);
      row.running += member.running;
      row.parked += member.parked;
    }
    row.state = row.replicas > 0        ? "warm"
                : row.starting > 0      ? "starting"
                : rehearses             ? "importing"
                : v->calls.is_failing() ? "failed"
                                        : "idle";
    environments.push_back(std::move(row));
  }
}

} // namespace hearth
