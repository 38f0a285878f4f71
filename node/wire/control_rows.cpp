#include "node/wire/control_rows.hpp"

#include "actors/app_status.hpp"
#include "node/wire/control_text.hpp"

namespace hearth::wire {

namespace {

std::uint64_t count_of(std::chrono::nanoseconds length) { return static_cast<std::uint64_t>(length.count()); }

void fill(::RequestCounts::Builder into, const request_counts& counts) {
  const auto of = [&](request_end how) { return counts[static_cast<std::size_t>(how)]; };
  into.setSuccess(of(request_end::success));
  into.setRedirected(of(request_end::redirected));
  into.setRefused(of(request_end::refused));
  into.setFailed(of(request_end::failed));
  into.setGone(of(request_end::gone));
  into.setBroken(of(request_end::broken));
}

void fill(::Decision::Builder into, const event_row& row) {
  into.setRule(text(scaling::name(row.what.why)));
  into.setStart(row.what.start);
  into.setEnd(row.what.end);
  into.setPredictedWaitNs(count_of(row.what.predicted_wait));
  into.setReproduced(row.is_reproduced);
  into.setMin(row.in.min);
  into.setMax(row.in.max);
  into.setConcurrency(row.in.concurrency);
  into.setWanted(row.in.is_wanted);
  into.setPlaces(row.in.places);
  into.setReady(row.in.ready);
  into.setStarting(row.in.starting);
  into.setLent(row.in.lent);
  into.setRunning(row.in.running);
  into.setQueued(row.in.queued);
  into.setSaturatedNs(count_of(row.in.saturated));
  into.setServiceNs(count_of(row.in.service));
  into.setStartUpNs(count_of(row.in.start_up));
  into.setArrivalsPerSecond(row.in.arrivals);
  into.setPaused(row.in.is_paused);
  into.setOver(row.in.over);
  into.setEndAll(text(scaling::name(row.in.end_all)));
  into.setExpectsCalls(row.in.expects_calls);
  into.setYields(row.in.is_asked_to_yield);
  into.setDue(row.in.due);
  into.setDueIdle(row.in.due_idle);
  into.setReplacing(row.in.replacing);
  into.setOldestStartNs(count_of(row.in.oldest_start));
  into.setRisingSlots(row.in.rising);
  into.setMetric(text(scaling::name(row.in.metric)));
  into.setTarget(row.in.target);
  into.setObserved(row.in.observed);
}

} // namespace

void fill(::AppRow::Builder into, const app_row& row) {
  into.setProject(text(row.project));
  into.setDomain(text(row.domain));
  into.setName(text(row.name));
  into.setVersion(text(row.version));
  into.setKind(text(row.kind));
  into.setState(text(row.state));
  auto hosts = into.initHosts(static_cast<unsigned>(row.hosts.size()));
  for (unsigned i = 0; i < hosts.size(); ++i)
    hosts.set(i, text(row.hosts[i]));
  into.setReplicas(row.replicas);
  into.setStarting(row.starting);
  into.setMinReplicas(row.min_replicas);
  into.setMaxReplicas(row.max_replicas);
  into.setConcurrency(row.concurrency);
  into.setMetric(text(row.metric));
  into.setTarget(row.target);
  into.setScaledownMs(row.scaledown_ms);
  into.setInFlight(row.in_flight);
  into.setWaiting(row.waiting);
  into.setRunning(row.running);
  fill(into.initRequests(), row.requests);
  into.setRequestsPerSecond(row.requests_per_second);
  into.setP50Us(row.p50_us);
  into.setP95Us(row.p95_us);
  into.setP99Us(row.p99_us);
  into.setColdRequests(row.cold_requests);
  into.setColdWaitUs(row.cold_us[0]);
  into.setColdForkUs(row.cold_us[1]);
  into.setColdImportUs(row.cold_us[2]);
  into.setColdInitUs(row.cold_us[3]);
  into.setStarts(row.starts);
  into.setMessage(text(clipped(row.message)));
  into.setWaitingFor(text(row.waiting_for));
  into.setNode(text(row.node));
  const auto now = status_of(row);
  into.setStatus(text(now.status));
  into.setSubStatus(text(now.sub_status));
  into.setWhy(text(clipped(now.why)));
  into.setRequiresAuth(row.requires_auth);
  into.setServing(row.serving);
  into.setDraining(row.draining);
  into.setFailure(text(row.failure));
  into.setRetryMs(row.retry_ms);
  into.setFailedReplica(row.failed_replica);
}

void fill(::EnvironmentRow::Builder into, const environment_row& row) {
  into.setProject(text(row.project));
  into.setDomain(text(row.domain));
  into.setName(text(row.name));
  into.setVersion(text(row.version));
  into.setState(text(row.state));
  into.setReplicas(row.replicas);
  into.setStarting(row.starting);
  into.setMinReplicas(row.min_replicas);
  into.setMaxReplicas(row.max_replicas);
  into.setConcurrency(row.concurrency);
  into.setRunning(row.running);
  into.setParked(row.parked);
  into.setQueued(row.queued);
  into.setDone(row.done);
  into.setFailed(row.failed);
  into.setLost(row.lost);
  into.setStartMode(text(row.start_mode));
  into.setStartReason(text(row.start_reason));
  auto tasks = into.initTasks(static_cast<unsigned>(row.tasks.size()));
  for (unsigned i = 0; i < tasks.size(); ++i)
    tasks.set(i, text(row.tasks[i]));
  into.setMessage(text(clipped(row.message)));
  into.setPython(text(row.python));
  into.setMeanRunUs(row.mean_run_us);
  into.setColdStarts(row.cold_starts);
  into.setMeanStartUs(row.mean_start_us);
  into.setReason(text(clipped(row.reason)));
  into.setWaiting(text(row.waiting));
  into.setLearnedRunUs(row.learned_run_us);
  into.setLearnedStartUs(row.learned_start_us);
  into.setIdleTtlMs(row.idle_ttl_ms);
  into.setScaledownTtlMs(row.scaledown_ttl_ms);
  into.setScope(text(row.scope));
  into.setRecycled(row.recycled);
  into.setPrewarmed(row.prewarmed);
  into.setPrewarmHits(row.prewarm_hits);
  into.setPrewarmIdleMs(row.prewarm_idle_ms);
  into.setFresh(row.is_fresh);
  into.setNode(text(row.node));
  into.setDraining(row.draining);
  into.setFailure(text(row.failure));
  into.setRetryMs(row.retry_ms);
  into.setFailedReplica(row.failed_replica);
}

void fill(::ReplicaRow::Builder into, const replica_row& row) {
  into.setId(row.id);
  into.setEnvironment(text(row.environment));
  into.setVersion(text(row.version));
  into.setState(text(row.state));
  into.setPid(row.pid);
  into.setStartMode(text(row.start_mode));
  into.setStartUs(row.start_us);
  into.setRunning(row.running);
  into.setParked(row.parked);
  into.setAhead(row.ahead);
  into.setDone(row.done);
  into.setMemoryBytes(row.memory_bytes);
  into.setAgeMs(row.age_ms);
  into.setNode(text(row.node));
}

void fill(::RunRow::Builder into, const run_row& row) {
  into.setName(text(row.name));
  into.setTask(text(row.task));
  into.setPhase(text(row.phase));
  into.setStartedUnixMs(row.started_unix_ms);
  into.setDurationMs(row.duration_ms);
  into.setActions(row.actions);
  into.setActionsDone(row.actions_done);
  into.setActionsFailed(row.actions_failed);
  into.setDetached(row.detached);
  into.setError(text(clipped(row.error)));
  into.setInputs(text(clipped(row.inputs)));
  into.setProject(text(row.project));
  into.setDomain(text(row.domain));
  into.setEnvironmentVersion(text(row.environment_version));
  into.setCallHi(row.call.hi);
  into.setCallLo(row.call.lo);
  into.setNode(text(row.node));
}

void fill(::ActionRow::Builder into, const action_row& row) {
  into.setId(text(row.id));
  into.setParent(text(row.parent));
  into.setTask(text(row.task));
  into.setPhase(text(row.phase));
  into.setAttempt(row.attempt);
  into.setCold(row.cold);
  into.setQueuedUs(row.queued_us);
  into.setStartUs(row.start_us);
  into.setRunUs(row.run_us);
  into.setReplica(row.replica);
  into.setError(text(clipped(row.error)));
  into.setDepth(row.depth);
  into.setForkUs(row.fork_us);
  into.setImportUs(row.import_us);
  into.setCache(text(row.cache));
  into.setProducer(text(row.producer));
}

void fill(::NodeRow::Builder into, const node_row& row) {
  into.setName(text(row.name));
  into.setId(text(row.id));
  into.setPid(row.pid);
  into.setVersion(text(row.version));
  into.setState(text(row.state));
  into.setPrivate(row.is_private);
  into.setUpMs(row.up_ms);
  into.setIdleExitMs(row.idle_exit_ms);
  into.setCpuMillis(row.cpu_millis);
  into.setMemoryBytes(row.memory_bytes);
  into.setResidentBytes(row.resident_bytes);
  into.setSessions(row.sessions);
  into.setEnvironments(row.environments);
  into.setReplicas(row.replicas);
  into.setCalls(row.calls);
  into.setSocket(text(row.socket));
  into.setStateDirectory(text(row.state_directory));
  into.setMemoryCapacity(row.memory_capacity);
  into.setMemoryReserved(row.memory_reserved);
  into.setCpuCapacityMillis(row.cpu_capacity_millis);
  into.setCpuReservedMillis(row.cpu_reserved_millis);
  into.setGpus(row.gpus);
  into.setGpusInUse(row.gpus_in_use);
  into.setOrdersWaiting(row.orders_waiting);
  into.setMemoryLimits(text(row.memory_limits));
  into.setIsolation(text(row.isolation));
  into.setLinks(row.links);
  auto findings = into.initFindings(static_cast<unsigned>(row.findings.size()));
  for (unsigned i = 0; i < findings.size(); ++i) {
    findings[i].setFine(row.findings[i].is_fine);
    findings[i].setWhat(text(row.findings[i].what));
    findings[i].setText(text(row.findings[i].text));
  }
}

void fill(::EventRow::Builder into, const event_row& row) {
  into.setUnixMs(row.unix_ms);
  into.setProject(text(row.project));
  into.setDomain(text(row.domain));
  into.setEnvironment(text(row.environment));
  into.setVersion(text(row.version));
  into.setKind(text(row.kind));
  into.setReplica(row.replica);
  into.setText(text(clipped(row.text)));
  into.setNode(text(row.node));
  if (row.what != scaling::decision{})
    fill(into.initDecision(), row);
}

void fill(::MemberRow::Builder into, const member_row& row) {
  into.setName(text(row.name));
  into.setId(text(to_string(row.node)));
  into.setAddress(text(row.address));
  into.setSeat(row.seat.value);
  into.setIncarnation(row.incarnation);
  into.setVoter(row.is_voter);
  into.setLeader(row.is_leader);
  into.setDraining(row.draining);
  into.setCpuMillis(row.capacity.cpu_millis);
  into.setMemoryBytes(row.capacity.memory_bytes);
  into.setGpus(row.capacity.gpus);
}

void fill(::TokenRow::Builder into, const cluster::token_record& row) {
  into.setName(text(row.name));
  auto scopes = into.initScopes(static_cast<unsigned>(row.scopes.size()));
  for (unsigned i = 0; i < scopes.size(); ++i)
    scopes.set(i, text(row.scopes[i]));
  into.setExpiresUnixMs(row.expires_unix_ms);
}

} // namespace hearth::wire
