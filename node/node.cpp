#include "node/node.hpp"

#include "actors/agent.hpp"
#include "actors/journal.hpp"
#include "actors/run_keeper.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"
#include "node/gateway/connection.hpp"
#include "node/gateway/listener.hpp"
#include "node/gateway/listening_socket.hpp"
#include "node/interpreter/cgroup.hpp"
#include "node/interpreter/foundry.hpp"
#include "node/interpreter/launch.hpp"
#include "node/loop/loop.hpp"
#include "node/paths.hpp"
#include "node/resources/gpu_locks.hpp"
#include "node/resources/machine.hpp"
#include "node/start_error.hpp"
#include "node/store/bundles.hpp"
#include "node/store/logs.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace hearth::node {

namespace {

using std::filesystem::path;

/// The folder with the package `hearth` that interpreters load: `$HEARTH_SDK`, else where the build or the installation
/// has put it beside this program.
path sdk_directory() {
  if (const char* named = std::getenv("HEARTH_SDK"); named && *named)
    return named;
  auto bin = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const auto& place : {bin.parent_path() / "sdk", bin.parent_path() / "share" / "hearth" / "sdk"})
    if (std::filesystem::exists(place / "hearth" / "_worker" / "boot.py"))
      return place;
  throw start_error("The Python side of Hearth is not beside " + bin.string()
                    + "; set HEARTH_SDK to the folder that holds the package `hearth`.");
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// What replicas may have: as the operator says, never more than there is. GPUs are the operator's to know best, since
/// not every device is where we look.
node_resources resources_of(const settings& wanted, const machine& has) {
  const auto usual = static_cast<std::uint64_t>(static_cast<double>(has.memory_bytes) * defaults::replica_memory_share);
  return {std::min(wanted.memory_bytes.value_or(usual), has.memory_bytes),
          std::min(wanted.cpu_millis.value_or(has.cpu_millis), has.cpu_millis), !wanted.is_private,
          wanted.gpus.value_or(has.gpus)};
}

std::uint64_t unix_ms() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

std::string python_of(const settings& wanted) { return wanted.python.empty() ? "/usr/bin/python3" : wanted.python; }

/// Whether this is where every program of this user looks for a node: there the directory has to be ours alone, since
/// others might prepare it. A place that the user chose is the user's to judge.
bool is_usual_place(const path& socket) {
  const auto unnamed = [](const char* name) -> const char* {
    return std::strcmp(name, "HEARTH_SOCKET") == 0 ? nullptr : std::getenv(name);
  };
  return socket == default_socket(unnamed, ::geteuid());
}

/// The process ends then, whatever its loop does.
void end_within(std::chrono::milliseconds time) {
  std::signal(SIGALRM, [](int) {
    constexpr char why[] = "hearthd: some part of the node did not end in time; the process ends without it\n";
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, why, sizeof why - 1);
    std::_Exit(0);
  });
  ::alarm(static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(time).count()));
}

struct part {
  caf::actor handle;
  const char* name;
};

/// Hears the end of the parts that a node cannot be without. The agent ends when the node is to end; another one ends only
/// by a fault of ours, and rather than serve nobody the node ends with it: the next client finds a whole one.
caf::behavior watch_parts(caf::event_based_actor* self, const std::vector<part>& parts, std::function<void()> ended) {
  std::map<caf::actor_addr, const char*> names;
  for (const auto& p : parts) {
    self->monitor(p.handle);
    names.emplace(p.handle.address(), p.name);
  }
  self->set_down_handler([self, ended, names](const caf::down_msg& down) {
    if (down.reason)
      spdlog::error("the {} of the node failed, and the node ends: {}", names.at(down.source),
                    caf::to_string(down.reason));
    ended();
    self->quit();
  });
  return {[](caf::unit_t) { /* nothing is sent here */ }};
}

/// One running node; its parts in the order in which they are made.
class running_node {
public:
  explicit running_node(const settings& wanted)
    : settings_(wanted), machine_(look_at_machine("/")), resources_(resources_of(wanted, machine_)),
      state_lock_(claim_state_directory(wanted.state_directory)),
      socket_(wanted.socket, is_usual_place(wanted.socket) ? privacy::ours_alone : privacy::ours_to_write),
      loop_([](std::string_view what) { spdlog::error("{}", what); }), disk_(defaults::disk_queue_bytes_max) {
    spawn_doors();
    spawn_cast();
    listen();
    watch_signals();
  }

  void run() {
    spdlog::info("node {} serves at {}, state in {}", about_.name, about_.socket, about_.state_directory);
    loop_.run(std::move(ended_.promise));
    const auto deadline = std::chrono::steady_clock::now() + defaults::stop_grace;
    end_within(2 * defaults::stop_grace);
    listener_.reset();
    const auto left = loop_.stop({caf::actor_cast<caf::actor>(run_keeper_), caf::actor_cast<caf::actor>(journal_),
                                  caf::actor_cast<caf::actor>(foundry_), caf::actor_cast<caf::actor>(bundles_),
                                  caf::actor_cast<caf::actor>(logs_)},
                                 deadline);
    if (left > 0 || !disk_.finish(deadline)) {
      spdlog::warn("{} actors of the node, or its disk, did not end in time", left);
      spdlog::shutdown();
      std::_Exit(0);
    }
    spdlog::info("node {} has ended", about_.name);
  }

private:
  void spawn_doors() {
    auto& system = loop_.system();
    auto warn = [](const std::string& what) { spdlog::warn("{}", what); };
    const bundle_door door = system.spawn(
      bundles, bundles_config{
                 std::make_shared<bundle_store>(settings_.state_directory / "bundles",
                                                bundle_limits{defaults::bundles_bytes_max, defaults::stored_age_max}),
                 &disk_});
    bundles_ = door;
    logs_config logs{std::make_shared<log_files>(settings_.state_directory / "logs",
                                                 log_limits{defaults::run_log_bytes_max, defaults::logs_bytes_max,
                                                            defaults::log_files_max, defaults::stored_age_max}),
                     &disk_, warn};
    logs_ = system.spawn(
      [logs](log_door::stateful_pointer<logs_state> self) { return self->state.make_behavior(self, logs); });
    foundry_config foundry{
      loop_, sdk_directory() / "hearth" / "_worker" / "boot.py", bundles_, {}, python_of(settings_)};
    foundry.sets_gpus = !resources_.gpus.empty();
    foundry.cpu_bars = resources_.cpu_bars;
    groups_ = cgroup_tree::claim(own_cgroup("/"), ::getpid()); // before anything is started that would be left behind
    foundry.groups = groups_ ? &*groups_ : nullptr;
    foundry.on_bundle_unused = [door](const std::string& digest) { caf::anon_send(door, atom::forget::value, digest); };
    foundry_ = spawn_foundry(foundry);
  }

  void spawn_cast() {
    auto& system = loop_.system();
    auto keeper = std::make_shared<run_keeper_config>();
    keeper->store = make_memory_run_store();
    keeper->logs = logs_;
    keeper->unix_ms = unix_ms;
    run_keeper_ = system.spawn([keeper](run_keeper_actor::stateful_pointer<run_keeper_state> self) {
      return self->state.make_behavior(self, keeper);
    });
    journal_ = system.spawn([](journal_actor::stateful_pointer<journal_state> self) {
      return self->state.make_behavior(self, journal_config{unix_ms});
    });
    about_.name = settings_.name.empty() ? host_name() : settings_.name;
    about_.id = node_id(settings_.state_directory);
    about_.pid = static_cast<std::uint32_t>(::getpid());
    about_.version = HEARTH_VERSION;
    about_.is_private = settings_.is_private;
    about_.idle_exit_ms = static_cast<std::uint64_t>(settings_.idle_exit.count());
    about_.cpu_millis = machine_.cpu_millis;
    about_.memory_bytes = machine_.memory_bytes;
    about_.memory_limits = groups_ ? "cgroup" : "watcher";
    about_.socket = settings_.socket;
    about_.state_directory = settings_.state_directory;
    agent_config config;
    config.about = about_;
    config.cores = std::max(1u, machine_.cpu_millis / 1000);
    config.resources = resources_;
    if (!resources_.gpus.empty()) {
      const auto& named = settings_.gpu_lock_directory;
      auto& locks = gpu_locks_.emplace(named.empty() ? usual_gpu_lock_directory() : named);
      config.claim_gpu = [&locks](std::uint32_t gpu) { return locks.claim(gpu); };
      config.return_gpu = [&locks](std::uint32_t gpu) { locks.give_back(gpu); };
    }
    config.foundry = foundry_;
    config.logs = logs_;
    config.run_keeper = run_keeper_;
    config.resident_bytes = resident_bytes;
    config.journal = journal_;
    config.zygote_ttl = settings_.zygote_ttl;
    agent_ = system.spawn([config](node_agent_actor::stateful_pointer<agent_state> self) {
      return self->state.make_behavior(self, config);
    });
    const std::vector<part> parts{{caf::actor_cast<caf::actor>(agent_), "agent"},
                                  {caf::actor_cast<caf::actor>(run_keeper_), "run keeper"},
                                  {caf::actor_cast<caf::actor>(foundry_), "foundry"},
                                  {caf::actor_cast<caf::actor>(journal_), "journal"},
                                  {caf::actor_cast<caf::actor>(bundles_), "store of bundles"},
                                  {caf::actor_cast<caf::actor>(logs_), "store of logs"}};
    watcher_ = system.spawn(watch_parts, parts, std::function<void()>([this] { ended_.fulfiller->fulfill(); }));
  }

  void listen() {
    listener::config config;
    config.user = ::getuid();
    config.clients_max = defaults::connections_max;
    config.warn = [](std::string_view what) { spdlog::warn("{}", what); };
    config.on_client = [this](listener::client client) { serve(std::move(client)); };
    listener_ = std::make_unique<listener>(loop_, socket_.fd(), std::move(config));
  }

  void serve(listener::client client) {
    connection_config config;
    config.loop = &loop_;
    config.peer = "client " + std::to_string(client.pid);
    config.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(client.socket));
    config.default_python = python_of(settings_);
    config.unread_bytes_max = defaults::unread_bytes_max;
    config.unread_log_bytes_max = defaults::unread_log_bytes_max;
    config.close_grace = defaults::close_grace;
    config.place = std::move(client.place);
    config.make_session = [this, id = session_id{++sessions_}](connection_actor::pointer connection) {
      session_config session{id,    connection_actor(connection), agent_,  run_keeper_, bundles_,
                             logs_, settings_.stop_grace,         journal_};
      return loop_.system().spawn([session](session_actor::stateful_pointer<session_state> self) {
        return self->state.make_behavior(self, session);
      });
    };
    loop_.system().spawn([config](connection_actor::stateful_pointer<connection_state> self) {
      return self->state.make_behavior(self, config);
    });
  }

  void watch_signals() {
    auto failed = [](kj::Exception&& e) { spdlog::error("signals are not heard: {}", e.getDescription().cStr()); };
    terminate_ = on_signal(SIGTERM).eagerlyEvaluate(failed);
    interrupt_ = on_signal(SIGINT).eagerlyEvaluate(failed);
  }

  kj::Promise<void> on_signal(int number) {
    return loop_.port().onSignal(number).then([this, number](siginfo_t&&) {
      if (stopping_) {
        spdlog::warn("told again to stop: ends at once");
        spdlog::shutdown();
        std::_Exit(128 + number);
      }
      stopping_ = true;
      spdlog::info("told to stop by signal {}; running calls have {} ms", number, settings_.stop_grace.count());
      end_within(settings_.stop_grace + 3 * defaults::stop_grace); // calls, interpreters, the rest
      caf::anon_send(agent_, atom::stop::value, settings_.stop_grace, std::string("signal"));
      return on_signal(number);
    });
  }

  const settings settings_;
  const machine machine_;
  const node_resources resources_;
  kj::AutoCloseFd state_lock_;
  listening_socket socket_;
  work_loop loop_;
  kj::PromiseFulfillerPair<void> ended_ = kj::newPromiseAndFulfiller<void>();
  writer disk_;
  std::optional<cgroup_tree> groups_;
  std::optional<gpu_locks> gpu_locks_;
  node_row about_;
  bundles_actor bundles_;
  logs_actor logs_;
  foundry_actor foundry_;
  run_keeper_actor run_keeper_;
  journal_actor journal_;
  agent_actor agent_;
  caf::actor watcher_; // an actor that nobody holds is gone
  std::unique_ptr<listener> listener_;
  std::uint64_t sessions_ = 0;
  bool stopping_ = false;
  kj::Promise<void> terminate_ = nullptr;
  kj::Promise<void> interrupt_ = nullptr;
};

} // namespace

void run_node(const settings& wanted) {
  for (auto number : {SIGTERM, SIGINT})
    kj::UnixEventPort::captureSignal(number);
  running_node(wanted).run();
}

} // namespace hearth::node
