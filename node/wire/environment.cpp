#include "node/wire/environment.hpp"

#include <algorithm>

namespace hearth::wire {

namespace {

std::string string_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

capnp::Text::Reader text_of(const std::string& string) { return {string.data(), string.size()}; }

// A duration of a hostile or careless peer stays a duration.
milliseconds ms_of(std::uint64_t count) {
  return milliseconds(std::min<std::uint64_t>(
    count, static_cast<std::uint64_t>(milliseconds::max().count() / 4'000'000))); // added to a time
}

std::uint64_t count_of(milliseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count()));
}

std::vector<std::string> strings_of(capnp::List<capnp::Text>::Reader list) {
  std::vector<std::string> result;
  result.reserve(list.size());
  for (auto item : list)
    result.push_back(string_of(item));
  return result;
}

void write_strings(const std::vector<std::string>& strings, capnp::List<capnp::Text>::Builder into) {
  for (std::uint32_t i = 0; i < into.size(); ++i)
    into.set(i, text_of(strings[i]));
}

task_spec read_task(::Task::Reader from) {
  task_spec task;
  task.name = string_of(from.getName());
  task.short_name = string_of(from.getShortName());
  task.module = string_of(from.getModule());
  task.function = string_of(from.getFunction());
  task.pickle = string_of(from.getPickle());
  task.is_async = from.getIsAsync();
  const auto retries = from.getRetries();
  task.retries = {retries.getCount(), retries.getLost(), ms_of(retries.getBackoffBaseMs()), retries.getBackoffFactor(),
                  ms_of(retries.getBackoffCapMs())};
  const auto timeout = from.getTimeout();
  task.timeout = {ms_of(timeout.getMaxRuntimeMs()), ms_of(timeout.getMaxQueuedMs()), ms_of(timeout.getDeadlineMs())};
  task.max_inline_io_bytes = from.getMaxInlineIoBytes();
  task.cache = string_of(from.getCache());
  task.docs = string_of(from.getDocs());
  task.signature = string_of(from.getSignature());
  const auto caching = from.getCaching();
  task.caching = {string_of(caching.getVersion()), string_of(caching.getSignature()), strings_of(caching.getInputs()),
                  caching.getSerialize(),          ms_of(caching.getTtlMs()),         {}};
  return task;
}

void write_task(const task_spec& task, ::Task::Builder into) {
  into.setName(text_of(task.name));
  into.setShortName(text_of(task.short_name));
  into.setModule(text_of(task.module));
  into.setFunction(text_of(task.function));
  into.setPickle(text_of(task.pickle));
  into.setIsAsync(task.is_async);
  auto retries = into.initRetries();
  retries.setCount(task.retries.count);
  retries.setLost(task.retries.lost);
  retries.setBackoffBaseMs(count_of(task.retries.backoff_base));
  retries.setBackoffFactor(task.retries.backoff_factor);
  retries.setBackoffCapMs(count_of(task.retries.backoff_cap));
  auto timeout = into.initTimeout();
  timeout.setMaxRuntimeMs(count_of(task.timeout.max_runtime));
  timeout.setMaxQueuedMs(count_of(task.timeout.max_queued));
  timeout.setDeadlineMs(count_of(task.timeout.deadline));
  into.setMaxInlineIoBytes(task.max_inline_io_bytes);
  into.setCache(text_of(task.cache));
  into.setDocs(text_of(task.docs));
  into.setSignature(text_of(task.signature));
  if (task.caching.version.empty())
    return;
  auto caching = into.initCaching();
  caching.setVersion(text_of(task.caching.version));
  caching.setSignature(text_of(task.caching.signature));
  write_strings(task.caching.inputs, caching.initInputs(static_cast<std::uint32_t>(task.caching.inputs.size())));
  caching.setSerialize(task.caching.serialize);
  caching.setTtlMs(count_of(task.caching.ttl));
}

hook_spec read_hook(::Hook::Reader from) {
  return {string_of(from.getModule()), string_of(from.getFunction()), string_of(from.getPickle()), from.getIsAsync(),
          from.getIsStop()};
}

void write_hook(const hook_spec& hook, ::Hook::Builder into) {
  into.setModule(text_of(hook.module));
  into.setFunction(text_of(hook.function));
  into.setPickle(text_of(hook.pickle));
  into.setIsAsync(hook.is_async);
  into.setIsStop(hook.is_stop);
}

reuse_spec read_reuse(::Reuse::Reader from) {
  reuse_spec reuse;
  reuse.enabled = from.getEnabled();
  reuse.min_replicas = from.getMinReplicas();
  reuse.max_replicas = from.getMaxReplicas();
  reuse.concurrency = from.getConcurrency();
  reuse.idle_ttl = ms_of(from.getIdleTtlMs());
  reuse.scaledown_ttl = ms_of(from.getScaledownTtlMs());
  reuse.scope = string_of(from.getScope());
  reuse.prewarm = from.getPrewarm();
  if (from.getHygiene().size() != 0)
    reuse.hygiene = string_of(from.getHygiene());
  reuse.recycle_calls = from.getRecycleCalls();
  reuse.recycle_age = ms_of(from.getRecycleAgeMs());
  reuse.recycle_growth_bytes = from.getRecycleGrowthBytes();
  if (from.getPlacement().size() != 0)
    reuse.placement = string_of(from.getPlacement());
  return reuse;
}

void write_reuse(const reuse_spec& reuse, ::Reuse::Builder into) {
  into.setEnabled(reuse.enabled);
  into.setMinReplicas(reuse.min_replicas);
  into.setMaxReplicas(reuse.max_replicas);
  into.setConcurrency(reuse.concurrency);
  into.setIdleTtlMs(count_of(reuse.idle_ttl));
  into.setScaledownTtlMs(count_of(reuse.scaledown_ttl));
  into.setScope(text_of(reuse.scope));
  into.setPrewarm(reuse.prewarm);
  into.setHygiene(text_of(reuse.hygiene));
  into.setRecycleCalls(reuse.recycle_calls);
  into.setRecycleAgeMs(count_of(reuse.recycle_age));
  into.setRecycleGrowthBytes(reuse.recycle_growth_bytes);
  into.setPlacement(text_of(reuse.placement));
}

resource_spec read_resources(::Resources::Reader from) {
  return {from.getCpuMillis(), from.getCpuLimitMillis(), from.getMemoryBytes(), from.getMemoryLimitBytes(),
          from.getGpu(),       from.getDiskBytes(),      from.getShmBytes()};
}

void write_resources(const resource_spec& resources, ::Resources::Builder into) {
  into.setCpuMillis(resources.cpu_millis);
  into.setCpuLimitMillis(resources.cpu_limit_millis);
  into.setMemoryBytes(resources.memory_bytes);
  into.setMemoryLimitBytes(resources.memory_limit_bytes);
  into.setGpu(resources.gpu);
  into.setDiskBytes(resources.disk_bytes);
  into.setShmBytes(resources.shm_bytes);
}

app_spec read_app(::App::Reader from) {
  app_spec app;
  app.kind = string_of(from.getKind());
  app.module = string_of(from.getModule());
  app.attribute = string_of(from.getAttribute());
  app.pickle = string_of(from.getPickle());
  app.is_async = from.getIsAsync();
  app.command = strings_of(from.getCommand());
  app.port = from.getPort();
  app.health = string_of(from.getHealth());
  app.requires_auth = from.getRequiresAuth();
  app.hosts = strings_of(from.getHosts());
  app.request_timeout = ms_of(from.getRequestTimeoutMs());
  app.metric = string_of(from.getMetric());
  app.target = from.getTarget();
  app.inactive = from.getInactive();
  return app;
}

void write_app(const app_spec& app, ::App::Builder into) {
  into.setKind(text_of(app.kind));
  into.setModule(text_of(app.module));
  into.setAttribute(text_of(app.attribute));
  into.setPickle(text_of(app.pickle));
  into.setIsAsync(app.is_async);
  write_strings(app.command, into.initCommand(static_cast<std::uint32_t>(app.command.size())));
  into.setPort(app.port);
  into.setHealth(text_of(app.health));
  into.setRequiresAuth(app.requires_auth);
  write_strings(app.hosts, into.initHosts(static_cast<std::uint32_t>(app.hosts.size())));
  into.setRequestTimeoutMs(count_of(app.request_timeout));
  into.setMetric(text_of(app.metric));
  into.setTarget(app.target);
  into.setInactive(app.inactive);
}

} // namespace

environment_spec read_environment(::Environment::Reader from) {
  environment_spec spec;
  spec.project = string_of(from.getProject());
  spec.domain = string_of(from.getDomain());
  spec.name = string_of(from.getName());
  spec.description = string_of(from.getDescription());
  spec.bundle = string_of(from.getBundle());
  spec.python = string_of(from.getPython());
  const auto tasks = from.getTasks();
  spec.tasks.reserve(tasks.size());
  for (auto task : tasks)
    spec.tasks.push_back(read_task(task));
  spec.reuse = read_reuse(from.getReuse());
  spec.resources = read_resources(from.getResources());
  for (auto item : from.getVariables())
    spec.variables.push_back({string_of(item.getName()), string_of(item.getValue())});
  spec.preload = strings_of(from.getPreload());
  spec.mounts = strings_of(from.getMounts());
  spec.isolation = string_of(from.getIsolation());
  spec.depends_on = strings_of(from.getDependsOn());
  for (auto hook : from.getHooks())
    spec.hooks.push_back(read_hook(hook));
  if (from.hasApp())
    spec.app = read_app(from.getApp());
  return spec;
}

void write_environment(const environment_spec& spec, ::Environment::Builder into) {
  into.setProject(text_of(spec.project));
  into.setDomain(text_of(spec.domain));
  into.setName(text_of(spec.name));
  into.setDescription(text_of(spec.description));
  into.setBundle(text_of(spec.bundle));
  into.setPython(text_of(spec.python));
  auto tasks = into.initTasks(static_cast<unsigned>(spec.tasks.size()));
  for (unsigned i = 0; i < tasks.size(); ++i)
    write_task(spec.tasks[i], tasks[i]);
  write_reuse(spec.reuse, into.initReuse());
  write_resources(spec.resources, into.initResources());
  auto variables = into.initVariables(static_cast<unsigned>(spec.variables.size()));
  for (unsigned i = 0; i < variables.size(); ++i) {
    variables[i].setName(text_of(spec.variables[i].name));
    variables[i].setValue(text_of(spec.variables[i].value));
  }
  write_strings(spec.preload, into.initPreload(static_cast<unsigned>(spec.preload.size())));
  write_strings(spec.mounts, into.initMounts(static_cast<unsigned>(spec.mounts.size())));
  into.setIsolation(text_of(spec.isolation));
  write_strings(spec.depends_on, into.initDependsOn(static_cast<unsigned>(spec.depends_on.size())));
  auto hooks = into.initHooks(static_cast<unsigned>(spec.hooks.size()));
  for (unsigned i = 0; i < hooks.size(); ++i)
    write_hook(spec.hooks[i], hooks[i]);
  if (spec.is_app())
    write_app(spec.app, into.initApp());
}

} // namespace hearth::wire
