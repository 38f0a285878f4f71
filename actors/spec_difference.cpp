#include "actors/spec_difference.hpp"

#include <algorithm>

namespace hearth {

namespace {

constexpr std::size_t digest_digits = 7;

class sentence {
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

void compare_tasks(sentence& into, const environment_spec& before, const environment_spec& after) {
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

void compare_variables(sentence& into, const environment_spec& before, const environment_spec& after) {
  if (before.variables == after.variables)
    return;
  std::string names; // values may be secret
  for (const auto& one : after.variables)
    if (std::find(before.variables.begin(), before.variables.end(), one) == before.variables.end())
      names += (names.empty() ? "" : ", ") + one.name;
  into.add(names.empty() ? "env_vars changed" : "env_vars changed (" + names + ")");
}

void compare_resources(sentence& into, const resource_spec& before, const resource_spec& after) {
  into.compare("cpu (thousandths)", std::uint64_t{before.cpu_millis}, std::uint64_t{after.cpu_millis});
  into.compare("cpu limit (thousandths)", std::uint64_t{before.cpu_limit_millis},
               std::uint64_t{after.cpu_limit_millis});
  into.compare("memory (bytes)", before.memory_bytes, after.memory_bytes);
  into.compare("memory limit (bytes)", before.memory_limit_bytes, after.memory_limit_bytes);
  into.compare("gpu", std::uint64_t{before.gpu}, std::uint64_t{after.gpu});
  into.compare("disk (bytes)", before.disk_bytes, after.disk_bytes);
  into.compare("shm (bytes)", before.shm_bytes, after.shm_bytes);
}

} // namespace

std::string difference(const environment_spec& before, const environment_spec& after) {
  sentence result;
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
  if (before.depends_on != after.depends_on)
    result.add("depends_on changed");
  if (!(before.hooks == after.hooks))
    result.add("on_start or on_stop changed");
  return std::move(result).text();
}

} // namespace hearth
