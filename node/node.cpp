#include "node/node.hpp"

#include "actors/agent.hpp"
#include "actors/cache.hpp"
#include "actors/journal.hpp"
#include "actors/run_keeper.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"
#include "node/calendar.hpp"
#include "node/control/membership.hpp"
#include "node/doors.hpp"
#include "node/gateway/connection.hpp"
#include "node/gateway/listener.hpp"
#include "node/gateway/listening_socket.hpp"
#include "node/http/front_door.hpp"
#include "node/identity/cluster_file.hpp"
#include "node/identity/files.hpp"
#include "node/loop/loop.hpp"
#include "node/paths.hpp"
#include "node/resources/gpu_locks.hpp"
#include "node/resources/machine.hpp"
#include "node/resources/own_process.hpp"
#include "node/start_error.hpp"
#include "node/store/digest.hpp"
#include "node/wire/environment_bytes.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
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

/// What replicas may have: as the operator says, never more than there is. GPUs are the operator's to know best, since
/// not every device is where we look.
node_resources resources_of(const settings& wanted, const machine& has) {
  const auto usual = static_cast<std::uint64_t>(static_cast<double>(has.memory_bytes) * defaults::replica_memory_share);
  return {std::min(wanted.memory_bytes.value_or(usual), has.memory_bytes),
          std::min(wanted.cpu_millis.value_or(has.cpu_millis), has.cpu_millis), !wanted.is_private,
          wanted.gpus.value_or(has.gpus)};
}

/// A private node runs its user's own code; in a cluster others send theirs.
isolation wanted_isolation(const settings& wanted) {
  const bool is_member = read_cluster_file(cluster_directory(wanted.state_directory)).has_value();
  return wanted.isolation.value_or(is_member ? isolation::sandbox : isolation::process);
}

/// For tests of upgrades; nothing else knows this variable.
std::uint32_t versions_ahead() {
  const auto* text = std::getenv("HEARTH_TEST_VERSIONS_AHEAD");
  return text != nullptr ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)) : 0;
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

/// What the journal keeps in memory outlives a node that is killed in its log alone.
void log_entry(const journal_entry& entry) {
  if (spdlog::should_log(spdlog::level::debug))
    spdlog::debug("{}/{}/{}: {}", entry.project, entry.domain, entry.environment, in_words(entry));
}

using node_part = std::pair<caf::actor, const char*>;

/// Hears the end of the parts that a node cannot be without. The agent ends when the node is to end; another one ends only
/// by a fault of ours, and rather than serve nobody the node ends with it: the next client finds a whole one.
caf::behavior watch_parts(caf::event_based_actor* self, const std::vector<node_part>& parts,
                          std::function<void()> ended) {
  std::map<caf::actor_addr, const char*> names;
  for (const auto& [handle, name] : parts) {
    self->monitor(handle);
    names.emplace(handle.address(), name);
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
      state_lock_(claim_state_directory(wanted.state_directory)), port_(open_http_port(wanted)),
      socket_(wanted.socket, privacy_around(wanted.socket)),
      loop_([](std::string_view what) { spdlog::error("{}", what); }), isolation_(wanted_isolation(wanted)),
      doors_(loop_, wanted, resources_, isolation_),
      membership_(loop_, membership_of(wanted, resources_, doors_.disk())) {
    spawn_cast();
    membership_.serve_clients(
      [this](arrived client, client_rights rights) { return serve(std::move(client), std::move(rights)); });
    listen();
    watch_signals();
  }

  /// The status of the process.
  int run() {
    spdlog::info("node {} serves at {}, state in {}", about_.name, about_.socket, about_.state_directory);
    membership_.start([this](const failure& why) { break_off(why); },
                      {agent_, run_keeper_, journal_, doors_.bundles(), doors_.logs(), doors_.blobs(), doors_.records(),
                       caf::actor_cast<node_listener>(agent_), doors_.inspector(), caf::actor_cast<asked_actor>(cache_),
                       front_door_->apps()});
    caf::anon_send(run_keeper_, atom::attach::value, agent_);
    loop_.run(std::move(ended_.promise));
    const auto deadline = std::chrono::steady_clock::now() + defaults::stop_grace;
    end_within(2 * defaults::stop_grace);
    listener_.reset();
    front_door_->close();
    membership_.stop(status_ != EXIT_SUCCESS ? milliseconds{0} : milliseconds{defaults::control_stop_patience});
    std::vector<caf::actor> roots{caf::actor_cast<caf::actor>(run_keeper_), caf::actor_cast<caf::actor>(journal_),
                                  caf::actor_cast<caf::actor>(cache_)};
    for (const auto& parts : {membership_.actors(), doors_.all()})
      for (const auto& [actor, name] : parts)
        roots.push_back(actor);
    for (auto& actor : front_door_->actors())
      roots.push_back(std::move(actor));
    const auto left = loop_.stop(roots, deadline);
    if (left > 0 || !doors_.finish(deadline)) {
      spdlog::warn("{} actors of the node, or its disk, did not end in time", left);
      spdlog::shutdown();
      std::_Exit(status_);
    }
    spdlog::info("node {} has ended", about_.name);
    return status_;
  }

private:
  static membership_config membership_of(const settings& wanted, const node_resources& resources, writer& disk) {
    membership_config config;
    config.disk = &disk;
    config.versions_ahead = versions_ahead();
    config.state_directory = wanted.state_directory;
    config.name = wanted.name.empty() ? host_name() : wanted.name;
    config.capacity = {resources.memory_bytes, resources.cpu_millis, static_cast<std::uint32_t>(resources.gpus.size())};
    return config;
  }

  /// The node cannot be part of its cluster, and serves nobody then.
  void break_off(const failure& why) {
    if (status_ != EXIT_SUCCESS)
      return; // several parts may find it out
    const bool is_no_member = why.code == ec::not_a_member || why.code == ec::stale_epoch; // the latter: an old copy
    status_ = is_no_member ? exit_no_member : EXIT_FAILURE;
    spdlog::critical("{}", why.message);
    caf::anon_send(agent_, atom::stop::value, milliseconds{0}, why.message);
  }

  void spawn_run_keeper() {
    auto keeper = std::make_shared<run_keeper_config>();
    keeper->self = membership_.self();
    keeper->control = membership_.controller();
    keeper->blobs = doors_.blobs();
    keeper->records = doors_.records();
    keeper->logs = doors_.logs();
    keeper->unix_ms = unix_ms;
    keeper->digest = sha256_of;
    keeper->switchboard = membership_.switchboard();
    keeper->encode_spec = wire::encode_environment;
    keeper->decode_spec = wire::decode_environment;
    run_keeper_ = loop_.system().spawn([keeper](run_keeper_actor::stateful_pointer<run_keeper_state> self) {
      return self->state.make_behavior(self, keeper);
    });
  }

  void describe() {
    about_.name = settings_.name.empty() ? host_name() : settings_.name;
    about_.id = to_string(membership_.self());
    about_.pid = static_cast<std::uint32_t>(::getpid());
    about_.version = HEARTH_VERSION;
    about_.is_private = settings_.is_private;
    about_.idle_exit_ms = static_cast<std::uint64_t>(settings_.idle_exit.count());
    about_.cpu_millis = machine_.cpu_millis;
    about_.memory_bytes = machine_.memory_bytes;
    about_.memory_limits = doors_.has_groups() ? "cgroup" : "watcher";
    about_.isolation = word_of(isolation_);
    about_.socket = settings_.socket;
    about_.state_directory = settings_.state_directory;
  }

  void spawn_cast() {
    auto& system = loop_.system();
    describe();
    spawn_run_keeper();
    journal_ = system.spawn([](journal_actor::stateful_pointer<journal_state> self) {
      return self->state.make_behavior(self, journal_config{unix_ms, log_entry});
    });
    cache_ = system.spawn(
      [config = cache_config{about_.name, doors_.shelf(), doors_.cache_disk(), membership_.controller(), unix_ms,
                             defaults::cache_recent_bytes_max, membership_.self(), membership_.switchboard(),
                             [lease = membership_.lease()](seat_id seat) { return lease->holds(seat); }, desk_}](
        cache_actor::stateful_pointer<cache_state> self) { return self->state.make_behavior(self, config); });
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
    config.foundry = doors_.foundry();
    config.logs = doors_.logs();
    config.run_keeper = run_keeper_;
    config.resident_bytes = resident_bytes;
    config.journal = journal_;
    config.zygote_ttl = settings_.zygote_ttl;
    config.cache = cache_;
    config.apps = apps_;
    if (membership_.switchboard()) {
      config.control = membership_.controller();
      config.switchboard = membership_.switchboard();
      config.bundles = doors_.bundles();
      config.node = membership_.self();
    }
    agent_ = system.spawn([config](node_agent_actor::stateful_pointer<agent_state> self) {
      return self->state.make_behavior(self, config);
    });
    front_door_.emplace(loop_, front_door_config{settings_.socket, std::move(port_), apps_, agent_,
                                                 membership_.controller(), wire::decode_environment,
                                                 [this](std::string_view secret) { return membership_.judge(secret); },
                                                 pages()});
    auto parts = doors_.all();
    parts.emplace_back(caf::actor_cast<caf::actor>(agent_), "agent");
    parts.emplace_back(caf::actor_cast<caf::actor>(run_keeper_), "run keeper");
    parts.emplace_back(caf::actor_cast<caf::actor>(journal_), "journal");
    parts.emplace_back(caf::actor_cast<caf::actor>(cache_), "cache");
    for (auto& some : {membership_.actors(), front_door_->parts()})
      parts.insert(parts.end(), some.begin(), some.end());
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
    config.peer = "client " + std::to_string(client.pid);
    config.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(client.socket));
    config.place = std::move(client.place);
    spawn_connection(std::move(config), {});
  }

  connection_actor serve(arrived client, client_rights rights) {
    connection_config config;
    config.is_remote = true;
    config.peer = "client " + rights.principal + " at " + client.address;
    config.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(client.socket));
    config.channel = std::make_shared<std::unique_ptr<byte_channel>>(std::move(client.tls));
    config.place = std::move(client.place);
    return spawn_connection(std::move(config), std::move(rights));
  }

  connection_actor spawn_connection(connection_config config, client_rights rights) {
    config.loop = &loop_;
    config.default_python = python_of(settings_);
    config.unread_bytes_max = defaults::unread_bytes_max;
    config.unread_log_bytes_max = defaults::unread_log_bytes_max;
    config.close_grace = defaults::close_grace;
    config.make_session = [this, rights = std::move(rights)](connection_actor::pointer connection) {
      return spawn_session(connection_actor(connection), rights);
    };
    return loop_.system().spawn([config](connection_actor::stateful_pointer<connection_state> self) {
      return self->state.make_behavior(self, config);
    });
  }

  session_actor spawn_session(connection_actor connection, client_rights rights) {
    session_config session;
    session.id = session_id{++sessions_};
    session.connection = std::move(connection);
    session.agent = agent_;
    session.run_keeper = run_keeper_;
    session.bundles = doors_.bundles();
    session.logs = doors_.logs();
    session.stop_grace = settings_.stop_grace;
    session.journal = journal_;
    session.switchboard = membership_.switchboard();
    session.cluster = membership_.for_sessions();
    session.rights = std::move(rights);
    session.encode_spec = wire::encode_environment;
    session.inspector = doors_.inspector();
    session.cache = cache_;
    session.desk = desk_;
    session.apps = front_door_->apps();
    return loop_.system().spawn([session](session_actor::stateful_pointer<session_state> self) {
      return self->state.make_behavior(self, session);
    });
  }

  page_sources pages() {
    page_sources from;
    from.journal = journal_;
    from.cache = cache_;
    from.run_keeper = run_keeper_;
    from.version = HEARTH_VERSION;
    from.cpu = processor_time;
    from.make_session = [this](connection_actor connection, client_rights rights) {
      return spawn_session(std::move(connection), std::move(rights));
    };
    return from;
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
  http_port port_; // the front door's, once there is one: whoever finds the node's own socket finds a node that starts
  listening_socket socket_;
  work_loop loop_;
  kj::PromiseFulfillerPair<void> ended_ = kj::newPromiseAndFulfiller<void>();
  isolation isolation_;
  node_doors doors_;
  membership membership_;
  std::optional<gpu_locks> gpu_locks_;
  node_row about_;
  run_keeper_actor run_keeper_;
  journal_actor journal_;
  cache_actor cache_;
  std::shared_ptr<cache_desk> desk_ = std::make_shared<cache_desk>();
  agent_actor agent_;
  std::shared_ptr<app_table> apps_ = std::make_shared<app_table>();
  caf::actor watcher_; // an actor that nobody holds is gone
  std::unique_ptr<listener> listener_;
  std::optional<front_door> front_door_;
  std::uint64_t sessions_ = 0;
  bool stopping_ = false;
  int status_ = EXIT_SUCCESS; // with which it will end
  kj::Promise<void> terminate_ = nullptr, interrupt_ = nullptr;
};

} // namespace

int run_node(const settings& wanted) {
  for (auto number : {SIGTERM, SIGINT})
    kj::UnixEventPort::captureSignal(number);
  return running_node(wanted).run();
}

} // namespace hearth::node
