#include "node/wire/control_log_parts.hpp"

namespace hearth::wire {

namespace {

void fill(log::Value::Builder into, const cluster::stored_value& value) {
  into.setDigest(text_of(value.digest));
  into.setSize(value.size);
  into.setContent(data_of(value.content.view()));
}

cluster::stored_value read(log::Value::Reader from) {
  return {string_of(from.getDigest()), from.getSize(), bytes_of(from.getContent())};
}

} // namespace

void fill(log::Capacity::Builder into, const cluster::node_capacity& capacity) {
  into.setMemoryBytes(capacity.memory_bytes);
  into.setCpuMillis(capacity.cpu_millis);
  into.setGpus(capacity.gpus);
}

cluster::node_capacity read(log::Capacity::Reader from) {
  return {from.getMemoryBytes(), from.getCpuMillis(), from.getGpus()};
}

void fill(log::AcceptRun::Builder into, const cluster::accept_run& run) {
  fill(into.initRoot(), run.root);
  into.setName(text_of(run.name));
  into.setRequestDigest(text_of(run.request_digest));
  into.setPrincipal(text_of(run.principal));
  into.setProject(text_of(run.project));
  into.setDomain(text_of(run.domain));
  into.setKey(text_of(run.key));
  into.setVersion(text_of(run.version));
  into.setTask(run.task);
  into.setTaskName(text_of(run.task_name));
  into.setInputs(text_of(run.inputs));
  into.setRerunOf(text_of(run.rerun_of));
  into.setLost(run.lost);
  into.setDetached(run.detached);
  into.setDeadlineMs(run.deadline_ms);
  into.setUnixMs(run.unix_ms);
  into.setTraceHi(run.trace_hi);
  into.setTraceLo(run.trace_lo);
  into.setTraceSpan(run.trace_span);
  fill(into.initArguments(), run.arguments);
  into.setHome(run.home.value);
  into.setCache(run.cache);
}

cluster::accept_run read(log::AcceptRun::Reader from) {
  cluster::accept_run run;
  run.root = {from.getRoot().getHi(), from.getRoot().getLo()};
  run.name = string_of(from.getName());
  run.request_digest = string_of(from.getRequestDigest());
  run.principal = string_of(from.getPrincipal());
  run.project = string_of(from.getProject());
  run.domain = string_of(from.getDomain());
  run.key = string_of(from.getKey());
  run.version = string_of(from.getVersion());
  run.task = from.getTask();
  run.task_name = string_of(from.getTaskName());
  run.inputs = string_of(from.getInputs());
  run.rerun_of = string_of(from.getRerunOf());
  run.lost = from.getLost();
  run.detached = from.getDetached();
  run.deadline_ms = from.getDeadlineMs();
  run.unix_ms = from.getUnixMs();
  run.trace_hi = from.getTraceHi();
  run.trace_lo = from.getTraceLo();
  run.trace_span = from.getTraceSpan();
  run.arguments = read(from.getArguments());
  run.home = seat_id{from.getHome()};
  run.cache = from.getCache();
  return run;
}

void fill(log::CompleteRun::Builder into, const cluster::complete_run& end) {
  into.setName(text_of(end.name));
  into.setAttempt(end.attempt);
  into.setCode(static_cast<std::uint16_t>(end.code));
  into.setIsText(end.is_text);
  into.setError(text_of(end.error));
  into.setUnixMs(end.unix_ms);
  into.setRunNs(end.run_ns);
  into.setQueuedNs(end.queued_ns);
  into.setStartNs(end.start_ns);
  into.setActions(end.actions);
  into.setActionsFailed(end.actions_failed);
  fill(into.initValue(), end.value);
}

cluster::complete_run read(log::CompleteRun::Reader from) {
  cluster::complete_run end;
  end.name = string_of(from.getName());
  end.attempt = from.getAttempt();
  end.code = static_cast<ec>(from.getCode());
  end.is_text = from.getIsText();
  end.error = string_of(from.getError());
  end.unix_ms = from.getUnixMs();
  end.run_ns = from.getRunNs();
  end.queued_ns = from.getQueuedNs();
  end.start_ns = from.getStartNs();
  end.actions = from.getActions();
  end.actions_failed = from.getActionsFailed();
  end.value = read(from.getValue());
  return end;
}

} // namespace hearth::wire
