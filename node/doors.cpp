#include "node/doors.hpp"

#include "core/defaults_cache.hpp"
#include "node/interpreter/foundry.hpp"
#include "node/interpreter/inspector.hpp"
#include "node/interpreter/launch.hpp"
#include "node/resources/machine.hpp"
#include "node/start_error.hpp"
#include "node/store/blobs.hpp"
#include "node/store/bundles.hpp"
#include "node/store/cache_disk.hpp"
#include "node/store/logs.hpp"
#include "node/store/records.hpp"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <unistd.h>

namespace hearth::node {

namespace {

/// The folder with the package `hearth` that interpreters load: `$HEARTH_SDK`, else where the build or the installation
/// has put it beside this program.
std::filesystem::path sdk_directory() {
  if (const char* named = std::getenv("HEARTH_SDK"); named && *named)
    return named;
  auto bin = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const auto& place : {bin.parent_path() / "sdk", bin.parent_path() / "share" / "hearth" / "sdk"})
    if (std::filesystem::exists(place / "hearth" / "_worker" / "boot.py"))
      return place;
  throw start_error("The Python side of Hearth is not beside " + bin.string()
                    + "; set HEARTH_SDK to the folder that holds the package `hearth`.");
}

void log_warning(const std::string& what) { spdlog::warn("{}", what); }

} // namespace

std::string python_of(const settings& wanted) { return wanted.python.empty() ? "/usr/bin/python3" : wanted.python; }

node_doors::node_doors(work_loop& loop, const settings& wanted, const node_resources& resources, isolation level)
  : loop_(loop), disk_(defaults::disk_queue_bytes_max) {
  auto& system = loop_.system();
  const bundle_door door = system.spawn(
    node::bundles,
    bundles_config{std::make_shared<bundle_store>(wanted.state_directory / "bundles",
                                                  bundle_limits{defaults::bundles_bytes_max, defaults::stored_age_max}),
                   &disk_});
  bundles_ = door;
  spawn_stores(wanted);
  foundry_config foundry{loop_, sdk_directory() / "hearth" / "_worker" / "boot.py", bundles_, {}, python_of(wanted)};
  foundry.isolation.level = level;
  foundry.isolation.own_files = own_files(wanted.socket, wanted.state_directory, std::getenv, ::getuid());
  foundry.isolation.gpus = resources.gpus;
  foundry.sets_gpus = !resources.gpus.empty();
  foundry.cpu_bars = resources.cpu_bars;
  groups_ = cgroup_tree::claim(own_cgroup("/"), ::getpid()); // before anything is started that would be left behind
  foundry.groups = groups_ ? &*groups_ : nullptr;
  foundry.on_bundle_unused = [door](const std::string& digest) { caf::anon_send(door, atom::forget::value, digest); };
  const auto inspected = std::make_shared<pid_t>(0);
  foundry.is_known_child = [inspected](pid_t pid) { return pid == *inspected; };
  foundry_ = spawn_foundry(foundry);
  inspector_ = spawn_inspector({loop_, foundry.boot, foundry.default_python, foundry.isolation, inspected});
}

void node_doors::spawn_stores(const settings& wanted) {
  auto& system = loop_.system();
  logs_config logs{std::make_shared<log_files>(wanted.state_directory / "logs",
                                               log_limits{defaults::run_log_bytes_max, defaults::logs_bytes_max,
                                                          defaults::log_files_max, defaults::stored_age_max}),
                   &disk_, log_warning};
  logs_ = system.spawn(
    [logs](log_door::stateful_pointer<logs_state> self) { return self->state.make_behavior(self, logs); });
  auto blobs = std::make_shared<blob_store>(
    wanted.state_directory / "blobs",
    blob_limits{defaults::blobs_bytes_max, defaults::stored_age_max, defaults::blob_grace}, log_warning);
  auto records = std::make_shared<record_store>(wanted.state_directory / "records", defaults::records_bytes_max,
                                                log_warning);
  const blob_door blob_actor = system.spawn(node::blobs, blobs_config{blobs, &disk_, log_warning});
  const record_door record_actor = system.spawn(node::records, records_config{records, blobs, &disk_, log_warning});
  cache_store_config cache;
  cache.directory = wanted.state_directory / "cache";
  const auto of_project = static_cast<double>(wanted.cache_bytes) * defaults::cache_project_share;
  cache.limits = {wanted.cache_bytes, static_cast<std::uint64_t>(of_project), {}};
  cache.free_share_min = defaults::cache_free_share_min;
  cache.report = log_warning;
  cache.diverged = [](const cache_entry& kept, const cache_entry& other) {
    spdlog::warn("two executions with the same inputs returned different results (from {} and {}): their task is not "
                 "deterministic, and one of the two results is kept; `hearth cache list` names it",
                 kept.producer, other.producer);
  };
  const auto store = std::make_shared<cache_store>(std::move(cache));
  shelf_ = store;
  const cache_door cache_actor = system.spawn(node::cache_disk, cache_disk_config{store, &disk_, log_warning});
  cache_disk_ = cache_actor;
  blobs_ = blob_actor;
  records_ = record_actor;
}

std::vector<std::pair<caf::actor, const char*>> node_doors::all() const {
  return {{caf::actor_cast<caf::actor>(foundry_), "foundry"},
          {caf::actor_cast<caf::actor>(inspector_), "inspector"},
          {caf::actor_cast<caf::actor>(bundles_), "store of bundles"},
          {caf::actor_cast<caf::actor>(logs_), "store of logs"},
          {caf::actor_cast<caf::actor>(blobs_), "store of blobs"},
          {caf::actor_cast<caf::actor>(records_), "store of records"},
          {caf::actor_cast<caf::actor>(cache_disk_), "store of the cache"}};
}

} // namespace hearth::node
