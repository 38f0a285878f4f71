#include "node/wire/environment_version.hpp"

#include "node/store/digest.hpp"

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hearth::node {

namespace {

/// Feeds fields to a digest so that no two different sequences of fields feed the same bytes: texts and lists say their
/// length first, numbers are eight bytes, little-endian.
class field_digest {
public:
  void add(std::uint64_t number) {
    char raw[8];
    for (int i = 0; i < 8; ++i)
      raw[i] = static_cast<char>(number >> (8 * i));
    digest_.add({raw, sizeof raw});
  }
  void add(double number) { add(std::bit_cast<std::uint64_t>(number)); }
  void add(milliseconds duration) { add(static_cast<std::uint64_t>(duration.count())); }
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    digest_.add(text);
  }
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(const std::vector<std::string>& texts) {
    add(static_cast<std::uint64_t>(texts.size()));
    for (const auto& text : texts)
      add(text);
  }
  std::string hex() { return digest_.hex(); }

private:
  sha256 digest_;
};

/// How long a request of an app may take is a live field of the app, which its tasks may repeat.
void add(field_digest& into, const task_spec& task, bool is_of_app) {
  into.add(task.name);
  into.add(task.short_name);
  into.add(task.module);
  into.add(task.function);
  into.add(task.pickle);
  into.add(std::uint64_t{task.is_async});
  into.add(std::uint64_t{task.retries.count});
  into.add(std::uint64_t{task.retries.lost});
  into.add(task.retries.backoff_base);
  into.add(task.retries.backoff_factor);
  into.add(task.retries.backoff_cap);
  into.add(is_of_app ? milliseconds{0} : task.timeout.max_runtime);
  into.add(task.timeout.max_queued);
  into.add(task.timeout.deadline);
  into.add(task.max_inline_io_bytes);
  into.add(task.cache);
  into.add(task.docs);
  into.add(task.signature);
}

void add(field_digest& into, const app_spec& app) {
  into.add(app.kind);
  into.add(app.module);
  into.add(app.attribute);
  into.add(app.pickle);
  into.add(std::uint64_t{app.is_async});
  into.add(app.command);
  into.add(std::uint64_t{app.port});
  into.add(app.health);
}

} // namespace

std::string environment_version(const environment_spec& spec) {
  field_digest all;
  all.add(std::string_view("environment 2")); // number of this rule
  all.add(spec.project);
  all.add(spec.domain);
  all.add(spec.name);
  all.add(spec.bundle);
  all.add(spec.python);
  all.add(std::uint64_t{spec.tasks.size()});
  for (const auto& task : spec.tasks)
    add(all, task, spec.is_app());
  all.add(std::uint64_t{spec.reuse.enabled});
  all.add(std::uint64_t{spec.reuse.concurrency});
  all.add(spec.reuse.scope);
  all.add(spec.reuse.hygiene);
  all.add(std::uint64_t{spec.resources.cpu_millis});
  all.add(std::uint64_t{spec.resources.cpu_limit_millis});
  all.add(spec.resources.memory_bytes);
  all.add(spec.resources.memory_limit_bytes);
  all.add(std::uint64_t{spec.resources.gpu});
  all.add(spec.resources.disk_bytes);
  all.add(spec.resources.shm_bytes);
  all.add(std::uint64_t{spec.variables.size()});
  for (const auto& variable : spec.variables) {
    all.add(variable.name);
    all.add(variable.value);
  }
  all.add(spec.preload);
  all.add(spec.mounts);
  all.add(spec.depends_on);
  all.add(std::uint64_t{spec.hooks.size()});
  for (const auto& hook : spec.hooks) {
    all.add(hook.module);
    all.add(hook.function);
    all.add(hook.pickle);
    all.add(std::uint64_t{hook.is_async});
    all.add(std::uint64_t{hook.is_stop});
  }
  // Behind everything, and only where it is said, so that versions of environments that do not say it are what they were.
  if (!spec.isolation.empty())
    all.add(spec.isolation);
  if (spec.is_app())
    add(all, spec.app);
  constexpr std::size_t digits = 15;
  return all.hex().substr(0, digits);
}

} // namespace hearth::node
