#include "node/wire/control_rows.hpp"
#include "node/wire/link_write.hpp"

/// Answers to questions, both ways; rows are those of schema/control.capnp.
namespace hearth::wire {

namespace {

scaling::rule rule_of(const std::string& text) {
  for (int number = 0; number <= static_cast<int>(scaling::last_rule); ++number)
    if (scaling::name(static_cast<scaling::rule>(number)) == text)
      return static_cast<scaling::rule>(number);
  return scaling::rule::none;
}

environment_row read(::EnvironmentRow::Reader from) {
  environment_row row;
  row.project = string_of(from.getProject());
  row.domain = string_of(from.getDomain());
  row.name = string_of(from.getName());
  row.version = string_of(from.getVersion());
  row.state = string_of(from.getState());
  row.replicas = from.getReplicas();
  row.starting = from.getStarting();
  row.min_replicas = from.getMinReplicas();
  row.max_replicas = from.getMaxReplicas();
  row.concurrency = from.getConcurrency();
  row.running = from.getRunning();
  row.parked = from.getParked();
  row.queued = from.getQueued();
  row.done = from.getDone();
  row.failed = from.getFailed();
  row.lost = from.getLost();
  row.start_mode = string_of(from.getStartMode());
  row.start_reason = string_of(from.getStartReason());
  for (auto task : from.getTasks())
    row.tasks.push_back(string_of(task));
  row.message = string_of(from.getMessage());
  row.python = string_of(from.getPython());
  row.mean_run_us = from.getMeanRunUs();
  row.cold_starts = from.getColdStarts();
  row.mean_start_us = from.getMeanStartUs();
  row.reason = string_of(from.getReason());
  row.waiting = string_of(from.getWaiting());
  row.learned_run_us = from.getLearnedRunUs();
  row.learned_start_us = from.getLearnedStartUs();
  row.idle_ttl_ms = from.getIdleTtlMs();
  row.scaledown_ttl_ms = from.getScaledownTtlMs();
  row.scope = string_of(from.getScope());
  row.recycled = from.getRecycled();
  row.prewarmed = from.getPrewarmed();
  row.prewarm_hits = from.getPrewarmHits();
  row.prewarm_idle_ms = from.getPrewarmIdleMs();
  row.is_fresh = from.getFresh();
  row.node = string_of(from.getNode());
  row.draining = from.getDraining();
  row.failure = string_of(from.getFailure());
  row.retry_ms = from.getRetryMs();
  row.failed_replica = from.getFailedReplica();
  return row;
}

replica_row read(::ReplicaRow::Reader from) {
  replica_row row;
  row.id = from.getId();
  row.environment = string_of(from.getEnvironment());
  row.version = string_of(from.getVersion());
  row.state = string_of(from.getState());
  row.pid = from.getPid();
  row.start_mode = string_of(from.getStartMode());
  row.start_us = from.getStartUs();
  row.running = from.getRunning();
  row.parked = from.getParked();
  row.ahead = from.getAhead();
  row.done = from.getDone();
  row.memory_bytes = from.getMemoryBytes();
  row.age_ms = from.getAgeMs();
  row.node = string_of(from.getNode());
  return row;
}

run_row read(::RunRow::Reader from) {
  run_row row;
  row.name = string_of(from.getName());
  row.task = string_of(from.getTask());
  row.phase = string_of(from.getPhase());
  row.started_unix_ms = from.getStartedUnixMs();
  row.duration_ms = from.getDurationMs();
  row.actions = from.getActions();
  row.actions_done = from.getActionsDone();
  row.actions_failed = from.getActionsFailed();
  row.detached = from.getDetached();
  row.error = string_of(from.getError());
  row.inputs = string_of(from.getInputs());
  row.project = string_of(from.getProject());
  row.domain = string_of(from.getDomain());
  row.environment_version = string_of(from.getEnvironmentVersion());
  row.call = {from.getCallHi(), from.getCallLo()};
  row.node = string_of(from.getNode());
  return row;
}

action_row read(::ActionRow::Reader from) {
  action_row row;
  row.id = string_of(from.getId());
  row.parent = string_of(from.getParent());
  row.task = string_of(from.getTask());
  row.phase = string_of(from.getPhase());
  row.attempt = from.getAttempt();
  row.cold = from.getCold();
  row.queued_us = from.getQueuedUs();
  row.start_us = from.getStartUs();
  row.run_us = from.getRunUs();
  row.replica = from.getReplica();
  row.error = string_of(from.getError());
  row.depth = from.getDepth();
  row.fork_us = from.getForkUs();
  row.import_us = from.getImportUs();
  row.cache = string_of(from.getCache());
  row.producer = string_of(from.getProducer());
  return row;
}

node_row read(::NodeRow::Reader from) {
  node_row row;
  row.name = string_of(from.getName());
  row.id = string_of(from.getId());
  row.pid = from.getPid();
  row.version = string_of(from.getVersion());
  row.state = string_of(from.getState());
  row.is_private = from.getPrivate();
  row.up_ms = from.getUpMs();
  row.idle_exit_ms = from.getIdleExitMs();
  row.cpu_millis = from.getCpuMillis();
  row.memory_bytes = from.getMemoryBytes();
  row.resident_bytes = from.getResidentBytes();
  row.sessions = from.getSessions();
  row.environments = from.getEnvironments();
  row.replicas = from.getReplicas();
  row.calls = from.getCalls();
  row.socket = string_of(from.getSocket());
  row.state_directory = string_of(from.getStateDirectory());
  row.memory_capacity = from.getMemoryCapacity();
  row.memory_reserved = from.getMemoryReserved();
  row.cpu_capacity_millis = from.getCpuCapacityMillis();
  row.cpu_reserved_millis = from.getCpuReservedMillis();
  row.gpus = from.getGpus();
  row.gpus_in_use = from.getGpusInUse();
  row.orders_waiting = from.getOrdersWaiting();
  row.memory_limits = string_of(from.getMemoryLimits());
  row.isolation = string_of(from.getIsolation());
  row.links = from.getLinks();
  for (auto found : from.getFindings())
    row.findings.push_back({found.getFine(), string_of(found.getWhat()), string_of(found.getText())});
  return row;
}

void read(::Decision::Reader from, event_row& row) {
  row.what.why = rule_of(string_of(from.getRule()));
  row.what.start = from.getStart();
  row.what.end = from.getEnd();
  row.what.predicted_wait = ns_of(from.getPredictedWaitNs());
  row.is_reproduced = from.getReproduced();
  row.in.min = from.getMin();
  row.in.max = from.getMax();
  row.in.concurrency = from.getConcurrency();
  row.in.is_wanted = from.getWanted();
  row.in.places = from.getPlaces();
  row.in.ready = from.getReady();
  row.in.starting = from.getStarting();
  row.in.lent = from.getLent();
  row.in.running = from.getRunning();
  row.in.queued = from.getQueued();
  row.in.saturated = ns_of(from.getSaturatedNs());
  row.in.service = ns_of(from.getServiceNs());
  row.in.start_up = ns_of(from.getStartUpNs());
  row.in.arrivals = from.getArrivalsPerSecond();
  row.in.is_paused = from.getPaused();
  row.in.over = from.getOver();
  row.in.end_all = rule_of(string_of(from.getEndAll()));
  row.in.expects_calls = from.getExpectsCalls();
  row.in.is_asked_to_yield = from.getYields();
  row.in.due = from.getDue();
  row.in.due_idle = from.getDueIdle();
  row.in.replacing = from.getReplacing();
  row.in.oldest_start = ns_of(from.getOldestStartNs());
  row.in.rising = from.getRisingSlots();
  row.in.metric = scaling::metric_of(string_of(from.getMetric()));
  row.in.target = from.getTarget();
  row.in.observed = from.getObserved();
}

event_row read(::EventRow::Reader from) {
  event_row row;
  row.unix_ms = from.getUnixMs();
  row.project = string_of(from.getProject());
  row.domain = string_of(from.getDomain());
  row.environment = string_of(from.getEnvironment());
  row.version = string_of(from.getVersion());
  row.kind = string_of(from.getKind());
  row.replica = from.getReplica();
  row.text = string_of(from.getText());
  row.node = string_of(from.getNode());
  if (from.hasDecision())
    read(from.getDecision(), row);
  return row;
}

request_counts read(::RequestCounts::Reader from) {
  request_counts counts{};
  const auto put = [&](request_end how, std::uint64_t count) { counts[static_cast<std::size_t>(how)] = count; };
  put(request_end::success, from.getSuccess());
  put(request_end::redirected, from.getRedirected());
  put(request_end::refused, from.getRefused());
  put(request_end::failed, from.getFailed());
  put(request_end::gone, from.getGone());
  put(request_end::broken, from.getBroken());
  return counts;
}

app_row read(::AppRow::Reader from) {
  app_row row;
  row.project = string_of(from.getProject());
  row.domain = string_of(from.getDomain());
  row.name = string_of(from.getName());
  row.version = string_of(from.getVersion());
  row.kind = string_of(from.getKind());
  row.state = string_of(from.getState());
  for (auto host : from.getHosts())
    row.hosts.push_back(string_of(host));
  row.replicas = from.getReplicas();
  row.starting = from.getStarting();
  row.min_replicas = from.getMinReplicas();
  row.max_replicas = from.getMaxReplicas();
  row.concurrency = from.getConcurrency();
  row.metric = string_of(from.getMetric());
  row.target = from.getTarget();
  row.scaledown_ms = from.getScaledownMs();
  row.in_flight = from.getInFlight();
  row.waiting = from.getWaiting();
  row.running = from.getRunning();
  row.requests = read(from.getRequests());
  row.requests_per_second = from.getRequestsPerSecond();
  row.starts = from.getStarts();
  row.message = string_of(from.getMessage());
  row.waiting_for = string_of(from.getWaitingFor());
  row.node = string_of(from.getNode());
  row.requires_auth = from.getRequiresAuth();
  row.serving = from.getServing();
  row.draining = from.getDraining();
  row.failure = string_of(from.getFailure());
  row.retry_ms = from.getRetryMs();
  row.failed_replica = from.getFailedReplica();
  return row;
}

duration_histogram read(::Distribution::Reader from) {
  duration_histogram found;
  const auto buckets = from.getBuckets();
  const auto counts = from.getCounts();
  for (unsigned i = 0; i < std::min(buckets.size(), counts.size()); ++i)
    found.add(std::size_t{buckets[i]}, counts[i]);
  found.add_sum(ns_of(from.getSumNs()));
  return found;
}

app_part read(::AppPart::Reader from) {
  app_part part;
  part.row = read(from.getRow());
  part.has_pool = from.getHasPool();
  part.recent = read(from.getRecent());
  const auto cold = from.getCold();
  for (unsigned i = 0; i < std::min<unsigned>(cold.size(), cold_start_parts); ++i)
    part.cold[i] = read(cold[i]);
  return part;
}

void write(::Distribution::Builder into, const duration_histogram& from) {
  std::vector<std::uint16_t> buckets;
  for (std::size_t i = 0; i < duration_histogram::size; ++i)
    if (from.in(i) > 0)
      buckets.push_back(static_cast<std::uint16_t>(i));
  auto numbers = into.initBuckets(static_cast<unsigned>(buckets.size()));
  auto counts = into.initCounts(static_cast<unsigned>(buckets.size()));
  for (unsigned i = 0; i < numbers.size(); ++i) {
    numbers.set(i, buckets[i]);
    counts.set(i, from.in(buckets[i]));
  }
  into.setSumNs(count_of(from.sum()));
}

void write(::AppPart::Builder into, const app_part& part) {
  fill(into.initRow(), part.row);
  into.setHasPool(part.has_pool);
  write(into.initRecent(), part.recent);
  auto cold = into.initCold(static_cast<unsigned>(part.cold.size()));
  for (unsigned i = 0; i < cold.size(); ++i)
    write(cold[i], part.cold[i]);
}

template <class List>
auto rows_of(List from) {
  std::vector<decltype(read(from[0]))> rows;
  for (auto row : from)
    rows.push_back(read(row));
  return rows;
}

template <class Rows, class List>
void fill_all(const Rows& rows, List into) {
  for (unsigned i = 0; i < into.size(); ++i)
    fill(into[i], rows[i]);
}

struct content_writer {
  said::Answer::Content::Builder into;
  value_sink& values;

  void operator()(std::monostate) { into.setNothing(); }
  void operator()(const std::vector<environment_row>& rows) { fill_all(rows, into.initEnvironments(size_of(rows))); }
  void operator()(const std::vector<app_part>& parts) {
    auto list = into.initApps(size_of(parts));
    for (unsigned i = 0; i < list.size(); ++i)
      write(list[i], parts[i]);
  }
  void operator()(const std::vector<replica_row>& rows) { fill_all(rows, into.initReplicas(size_of(rows))); }
  void operator()(const std::vector<node_row>& rows) { fill_all(rows, into.initNodes(size_of(rows))); }
  void operator()(const std::vector<event_row>& rows) { fill_all(rows, into.initEvents(size_of(rows))); }
  void operator()(const std::vector<run_row>& rows) { fill_all(rows, into.initRuns(size_of(rows))); }
  void operator()(const std::vector<action_row>& rows) { fill_all(rows, into.initActions(size_of(rows))); }
  void operator()(const call_reply& reply) { write_reply(reply, into.initReply(), values); }
  void operator()(const payload& value) { values.write(value, into.initValue()); }
  void operator()(const std::vector<finished_child>& children) {
    write_children(children, into.initChildren(size_of(children)), values);
  }
};

link::answer::rows read(said::Answer::Content::Reader from, value_source& values) {
  switch (from.which()) {
    case said::Answer::Content::ENVIRONMENTS:
      return rows_of(from.getEnvironments());
    case said::Answer::Content::APPS:
      return rows_of(from.getApps());
    case said::Answer::Content::REPLICAS:
      return rows_of(from.getReplicas());
    case said::Answer::Content::NODES:
      return rows_of(from.getNodes());
    case said::Answer::Content::EVENTS:
      return rows_of(from.getEvents());
    case said::Answer::Content::RUNS:
      return rows_of(from.getRuns());
    case said::Answer::Content::ACTIONS:
      return rows_of(from.getActions());
    case said::Answer::Content::REPLY:
      return read_reply(from.getReply(), values);
    case said::Answer::Content::VALUE:
      return values.read(from.getValue());
    case said::Answer::Content::CHILDREN:
      return read_children(from.getChildren(), values);
    case said::Answer::Content::NOTHING:
      break;
  }
  return {};
}

} // namespace

void write_answer(const link::answer& what, said::Answer::Builder into, value_sink& values) {
  into.setRequest(what.request);
  write_failure(what.error, into.initError());
  std::visit(content_writer{into.initContent(), values}, what.content);
}

link::answer read_answer(said::Answer::Reader from, value_source& values) {
  return {from.getRequest(), failure_of(from.getError()), read(from.getContent(), values)};
}

} // namespace hearth::wire
