#include "actors/spec_difference.hpp"

#include "actors/scaling_words.hpp"
#include "core/defaults.hpp"

#include <algorithm>

namespace hearth {

namespace {

constexpr std::size_t digest_digits = 7;

class differences {
public:
  void add(const std::string& part) { text_ += (text_.empty() ? "" : ", ") + part; }

  template <class T>
  void compare(const char* what, const T& before, const T& after) {
    if (before != after)
      add(std::string(what) + ' ' + word(before) + " -> " + word(after));
  }

  std::string text() && { return std::move(text_); }

private:
  static std::string word(const std::string& text) { return text.empty() ? "(none)" : text; }
  static std::string word(std::uint64_t number) { return std::to_string(number); }

  std::string text_;
};

std::string mebibytes(std::uint64_t bytes) {
  return bytes == 0 ? std::string{} : std::to_string(bytes / defaults::mib) + " MiB";
}

std::string range(const reuse_spec& policy) {
  const auto most = std::to_string(policy.max_replicas);
  return policy.min_replicas == policy.max_replicas ? most : std::to_string(policy.min_replicas) + '-' + most;
}

std::string length(milliseconds of) { return of.count() == 0 ? std::string{} : scaling::in_words(of); }

/// What the number of replicas follows: "concurrency 10".
std::string aim(const app_spec& app) {
  return app.metric.empty() ? std::string{} : app.metric + ' ' + std::to_string(app.target);
}

void compare_tasks(differences& into, const environment_spec& before, const environment_spec& after) {
  const auto find = [](const environment_spec& in, const std::string& name) {
    return std::find_if(in.tasks.begin(), in.tasks.end(), [&](const auto& task) { return task.name == name; });
  };
  for (const auto& task : after.tasks)
    if (const auto old = find(before, task.name); old == before.tasks.end())
      into.add("task " + task.name + " is new");
    else if (!(*old == task))
      into.add("the settings of task " + task.name + " changed");
  for (const auto& task : before.tasks)
    if (find(after, task.name) == after.tasks.end())
      into.add("task " + task.name + " is gone");
}

void compare_variables(differences& into, const environment_spec& before, const environment_spec& after) {
  if (before.variables == after.variables)
    return;
  std::string names; // values may be secret
  for (const auto& one : after.variables)
    if (std::find(before.variables.begin(), before.variables.end(), one) == before.variables.end())
      names += (names.empty() ? "" : ", ") + one.name;
  into.add(names.empty() ? "env_vars changed" : "env_vars changed (" + names + ")");
}

void compare_resources(differences& into, const resource_spec& before, const resource_spec& after) {
  into.compare("cpu (thousandths)", std::uint64_t{before.cpu_millis}, std::uint64_t{after.cpu_millis});
  into.compare("cpu limit (thousandths)", std::uint64_t{before.cpu_limit_millis},
               std::uint64_t{after.cpu_limit_millis});
  into.compare("memory", mebibytes(before.memory_bytes), mebibytes(after.memory_bytes));
  into.compare("memory limit", mebibytes(before.memory_limit_bytes), mebibytes(after.memory_limit_bytes));
  into.compare("gpu", std::uint64_t{before.gpu}, std::uint64_t{after.gpu});
  into.compare("disk", mebibytes(before.disk_bytes), mebibytes(after.disk_bytes));
  into.compare("shm", mebibytes(before.shm_bytes), mebibytes(after.shm_bytes));
}

void compare_apps(differences& into, const app_spec& before, const app_spec& after) {
  into.compare("kind of app", before.kind, after.kind);
  if (before.module != after.module || before.attribute != after.attribute)
    into.add("the application is another object");
  if (before.command != after.command)
    into.add("its command changed");
  into.compare("port", std::uint64_t{before.port}, std::uint64_t{after.port});
  into.compare("health", before.health, after.health);
}

} // namespace

std::string policy_difference(const environment_spec& before_spec, const environment_spec& after_spec) {
  const auto& before = before_spec.reuse;
  const auto& after = after_spec.reuse;
  differences result;
  result.compare("replicas", range(before), range(after));
  result.compare("idle_ttl", length(before.idle_ttl), length(after.idle_ttl));
  result.compare("scaledown_ttl", length(before.scaledown_ttl), length(after.scaledown_ttl));
  result.compare("prewarm", std::uint64_t{before.prewarm}, std::uint64_t{after.prewarm});
  result.compare("recycle calls", before.recycle_calls, after.recycle_calls);
  result.compare("recycle age", length(before.recycle_age), length(after.recycle_age));
  result.compare("placement", before.placement, after.placement);
  result.compare("recycle growth", mebibytes(before.recycle_growth_bytes), mebibytes(after.recycle_growth_bytes));
  result.compare("metric", aim(before_spec.app), aim(after_spec.app));
  return std::move(result).text();
}

std::string difference(const environment_spec& before, const environment_spec& after) {
  differences result;
  if (before.bundle != after.bundle)
    result.add("its code changed (" + before.bundle.substr(0, digest_digits) + " -> "
               + after.bundle.substr(0, digest_digits) + ")");
  compare_tasks(result, before, after);
  result.compare("python", before.python, after.python);
  result.compare("reusable", std::string(before.reuse.enabled ? "on" : "off"),
                 std::string(after.reuse.enabled ? "on" : "off"));
  result.compare("concurrency", std::uint64_t{before.reuse.concurrency}, std::uint64_t{after.reuse.concurrency});
  result.compare("scope", before.reuse.scope, after.reuse.scope);
  result.compare("hygiene", before.reuse.hygiene, after.reuse.hygiene);
  compare_resources(result, before.resources, after.resources);
  compare_variables(result, before, after);
  if (before.preload != after.preload)
    result.add("preload changed");
  if (before.mounts != after.mounts)
    result.add("mounts changed");
  result.compare("isolation", before.isolation, after.isolation);
  if (before.depends_on != after.depends_on)
    result.add("depends_on changed");
  if (!(before.hooks == after.hooks))
    result.add("on_start or on_stop changed");
  compare_apps(result, before.app, after.app);
  return std::move(result).text();
}

} // namespace hearth
