#pragma once

#include "actors/agent.hpp"
#include "actors/journal.hpp"
#include "actors/log_lines.hpp"
#include "actors/run_keeper.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/scripted_control.hpp"
#include "tests/support/scripted_doors.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// A whole node in one thread and virtual time: the real cast between scripted doors. A test plays the client and the
/// interpreters.
namespace hearth::test {

class scripted_world : public actor_fixture {
public:
  explicit scripted_world(std::uint64_t idle_exit_ms = 0)
    : doors(std::make_shared<scripted_doors>()), log(std::make_shared<scripted_log>()),
      blobs(std::make_shared<scripted_blobs>()) {
    auto foundry = sys.spawn([d = doors](foundry_actor::pointer self) -> foundry_actor::behavior_type {
      return {
        [self, d](atom::start, replica_order& order) { make(self, d, order); },
        [d](atom::forget, const std::string&, const std::string& version) { d->forgotten.push_back(version); },
        [](atom::list) { return hearth_replica_memory{}; },
        [d](atom::stop) {
          d->foundry_stopped = true;
          return true;
        },
      };
    });
    auto bundles = sys.spawn([d = doors](bundles_actor::pointer) -> bundles_actor::behavior_type {
      return {
        [d](atom::has, const std::string& digest) { return d->bundles.count(digest) > 0; },
        [d](atom::store, const std::string& digest, const std::vector<bytes>&) {
          return d->bundles.insert(digest).second;
        },
        [](atom::open, const std::string& digest) { return "/code/" + digest; },
        [](atom::read, const std::string& digest) { return std::vector<bytes>{bytes::copy_of(digest)}; },
      };
    });
    auto logs = sys.spawn([d = doors](logs_actor::pointer self) -> logs_actor::behavior_type {
      return {
        [d](atom::append, const std::string& log, std::vector<log_text>& texts) {
          if (log.empty()) // promises are kept by who gave them
            for (auto& [promise, found] : std::exchange(d->reads, {}))
              promise.deliver(std::move(found));
          auto& kept = d->logs[log];
          kept.insert(kept.end(), texts.begin(), texts.end());
        },
        [self, d](atom::read, const std::string& log, std::uint32_t lines) -> caf::result<std::vector<log_text>> {
          auto found = last_lines(d->logs[log], lines);
          if (!d->disk_is_slow)
            return found;
          d->reads.push_back({self->make_response_promise<std::vector<log_text>>(), std::move(found)});
          return d->reads.back().first;
        },
      };
    });
    doors_ = {foundry, bundles, logs};
    blobs_ = spawn_blobs(sys, blobs);
    records = sys.spawn(scripted_records_behavior, doors);
    journal = sys.spawn([this](journal_actor::stateful_pointer<journal_state> self) {
      return self->state.make_behavior(
        self, journal_config{[this] {
          return static_cast<std::uint64_t>(
            std::chrono::duration_cast<milliseconds>(sched.clock().now().time_since_epoch()).count());
        }});
    });
    idle_exit_ms_ = idle_exit_ms;
    start();
  }

  /// The node is killed and starts again: what its disk has is there, all else is new.
  void restart() {
    stop();
    doors->interpreters.clear();
    start();
  }

  ~scripted_world() {
    stop();
    caf::anon_send_exit(journal, caf::exit_reason::kill);
    caf::anon_send_exit(blobs_, caf::exit_reason::kill);
    caf::anon_send_exit(records, caf::exit_reason::kill);
    caf::anon_send_exit(std::get<0>(doors_), caf::exit_reason::kill);
    caf::anon_send_exit(std::get<1>(doors_), caf::exit_reason::kill);
    caf::anon_send_exit(std::get<2>(doors_), caf::exit_reason::kill);
    run();
  }

  /// A client that the test plays.
  struct scripted_client {
    connection_actor connection;
    session_actor session;
    client::effects heard;
    std::uint64_t next = 100;

    std::vector<call_reply> replies() const { return all<call_reply>(); }

    template <class T>
    std::vector<T> all() const {
      std::vector<T> result;
      for (const auto& e : heard)
        if (const auto* x = std::get_if<T>(&e))
          result.push_back(*x);
      return result;
    }
  };

  session_cluster cluster; // of sessions that connect from now on, as all of these
  client_rights rights;
  bool takes_seat = true; // when it starts
  switchboard_actor switchboard;
  app_lister_actor apps; // likewise

  scripted_client& connect(bool greet = true) {
    auto c = std::make_shared<scripted_client>();
    clients_.push_back(c);
    c->connection = sys.spawn([c](connection_actor::pointer) -> connection_actor::behavior_type {
      return {[c](atom::effects, client::effects& effects) {
        for (auto& e : effects)
          c->heard.push_back(std::move(e));
      }};
    });
    session_config config;
    config.id = {clients_.size()};
    config.connection = c->connection;
    config.agent = agent;
    config.run_keeper = run_keeper;
    config.bundles = std::get<1>(doors_);
    config.logs = std::get<2>(doors_);
    config.journal = journal;
    config.cluster = cluster;
    config.rights = rights;
    config.encode_spec = [](const environment_spec& spec) {
      return bytes::copy_of((spec.app.inactive ? "inactive spec of " : "spec of ") + spec.name);
    };
    config.apps = apps;
    config.switchboard = switchboard;
    c->session = sys.spawn([config](session_actor::stateful_pointer<session_state> self) {
      return self->state.make_behavior(self, config);
    });
    run();
    if (greet)
      say(*c, client::hello{1, defaults::protocol_version, "test", 1, "0", {}});
    return *c;
  }

  /// What was read from logs arrives.
  void disk_goes_on() {
    doors->disk_is_slow = false;
    tell(std::get<2>(doors_), atom::append::value, std::string(), std::vector<log_text>());
  }

  void say(scripted_client& c, client::event what) {
    client::events batch;
    batch.push_back(std::move(what));
    tell(c.session, atom::events::value, std::move(batch));
  }

  /// Opens an environment; its handle.
  std::uint32_t open(scripted_client& c, std::shared_ptr<environment_spec> spec, bool deploy = false) {
    say(c, client::open_environment{2, spec, deploy});
    auto answers = c.all<opened_handle>();
    return answers.empty() ? 0 : answers.back().handle;
  }

  /// Makes a call; its id.
  call_id invoke(scripted_client& c, std::uint32_t handle, std::uint32_t task = 0, std::string_view arguments = "x",
                 bool is_run = false) {
    client::invoke e;
    e.environment = handle;
    e.is_run = is_run;
    e.header.id = id(c.next++);
    e.header.root = is_run ? e.header.id : id(1);
    e.header.task = task;
    e.arguments = payload::text(arguments);
    auto made = e.header.id;
    say(c, std::move(e));
    return made;
  }

  call_id start_run(scripted_client& c, std::uint32_t handle, const std::string& name, bool detach = false,
                    bool logs = false) {
    client::start_run order;
    order.request = 50;
    order.call = id(c.next);
    order.name = name;
    order.detach = detach;
    order.logs = logs;
    say(c, std::move(order));
    return invoke(c, handle, 0, "x", true);
  }

  scripted_interpreter& interpreter(std::size_t n) { return *doors->interpreters.at(n); }
  /// The first that holds a call, and the first that holds none.
  scripted_interpreter& holder() {
    return first([](auto& i) { return !i.held.empty(); });
  }
  scripted_interpreter& idler() {
    return first([](auto& i) { return i.held.empty() && !i.halted; });
  }
  std::size_t interpreters() const { return doors->interpreters.size(); }

  void says(scripted_interpreter& i, interpreter::event what) {
    interpreter::events batch;
    batch.push_back(std::move(what));
    tell(i.replica, atom::events::value, std::move(batch));
  }

  /// The call at `index` of this interpreter ends.
  void finish(scripted_interpreter& i, std::size_t index, ec code = ec::none, std::string_view value = "result",
              std::chrono::nanoseconds took = std::chrono::milliseconds(50)) {
    interpreter::outcome o;
    o.slot = i.calls.at(index).slot;
    o.reply.code = code;
    o.reply.run = took;
    o.reply.value = payload::text(value);
    i.held.erase(o.slot);
    says(i, std::move(o));
  }

  /// The supervisor of this environment fails.
  void kill_supervisor(spec_ptr spec) {
    supervisor_actor found;
    sys.spawn([&](caf::event_based_actor* self) {
      self->request(agent, caf::infinite, atom::open::value, spec, false).then([&](opened_environment& opened) {
        found = opened.supervisor;
      });
    });
    run();
    caf::anon_send_exit(found, caf::exit_reason::kill);
    run();
  }

  /// The process is gone, as by a signal; what it held counts as begun unless `begun` says otherwise.
  void die(scripted_interpreter& i, bool begun = true) {
    interpreter::gone e{ec::interpreter_lost, "ended by signal 9 (SIGKILL)", {}};
    if (begun)
      e.begun.assign(i.held.begin(), i.held.end());
    i.halted = true;
    says(i, std::move(e));
  }

  /// A task inside calls a task.
  call_id calls_child(scripted_interpreter& i, std::size_t parent, std::uint32_t handle, bool parks = true,
                      std::uint64_t number = 9000) {
    interpreter::child_call e;
    e.environment = handle;
    e.parks = parks;
    e.header.id = id(number);
    e.header.parent = i.calls.at(parent).header.id;
    e.arguments = payload::text("child");
    says(i, std::move(e));
    return id(number);
  }

  std::shared_ptr<scripted_doors> doors;
  std::shared_ptr<scripted_log> log;
  std::shared_ptr<scripted_blobs> blobs;
  std::optional<scripted_control> control;
  std::map<std::string, spec_ptr> specs; // by key and version: what is encoded is their name
  std::uint64_t unix_ms = 1000;
  agent_actor agent;
  run_keeper_actor run_keeper;
  records_actor records;
  journal_actor journal;

private:
  void start() {
    control.emplace(sys, log);
    auto keeper_config = std::make_shared<run_keeper_config>();
    keeper_config->self = this_node;
    keeper_config->control = control->actor;
    keeper_config->blobs = blobs_;
    keeper_config->records = records;
    keeper_config->logs = std::get<2>(doors_);
    keeper_config->unix_ms = [this] { return unix_ms; };
    keeper_config->digest = scripted_digest;
    keeper_config->encode_spec = [this](const environment_spec& spec) {
      const auto name = spec.key() + '@' + spec.version;
      specs[name] = std::make_shared<environment_spec>(spec);
      return bytes::copy_of(name);
    };
    keeper_config->decode_spec = [this](const bytes& name) { return specs[std::string(name.view())]; };
    run_keeper = sys.spawn([keeper_config](run_keeper_actor::stateful_pointer<run_keeper_state> self) {
      return self->state.make_behavior(self, keeper_config);
    });
    agent_config about;
    about.about.name = "node";
    about.about.idle_exit_ms = idle_exit_ms_;
    about.cores = 2;
    about.foundry = std::get<0>(doors_);
    about.logs = std::get<2>(doors_);
    about.run_keeper = run_keeper;
    about.journal = journal;
    agent = sys.spawn(
      [about](node_agent_actor::stateful_pointer<agent_state> self) { return self->state.make_behavior(self, about); });
    caf::anon_send(run_keeper, atom::attach::value, agent);
    if (takes_seat)
      control->start(++incarnation_);
    run();
  }

  void stop() {
    for (auto& c : clients_)
      caf::anon_send_exit(c->session, caf::exit_reason::kill),
        caf::anon_send_exit(c->connection, caf::exit_reason::kill);
    for (auto& i : doors->interpreters) {
      caf::anon_send_exit(i->replica, caf::exit_reason::kill);
      caf::anon_send_exit(i->door, caf::exit_reason::kill);
    }
    caf::anon_send_exit(agent, caf::exit_reason::kill);
    caf::anon_send_exit(run_keeper, caf::exit_reason::kill);
    caf::anon_send_exit(control->actor, caf::exit_reason::kill);
    run();
  }

  template <class Match>
  scripted_interpreter& first(Match match) {
    for (auto& i : doors->interpreters)
      if (match(*i))
        return *i;
    throw std::out_of_range("no such interpreter");
  }

  static void make(foundry_actor::pointer self, const std::shared_ptr<scripted_doors>& d, replica_order& order) {
    auto me = std::make_shared<scripted_interpreter>();
    me->order = order;
    me->replica = order.replica;
    d->interpreters.push_back(me);
    if (d->unmade.code != ec::none) {
      self->send(me->replica, atom::unmade::value, d->unmade);
      return;
    }
    me->door = self->spawn(scripted_interpreter_behavior, me);
    me->order.replica = replica_actor{};
    self->send(me->replica, atom::attach::value, me->door, attachment{order.slots, d->can_hold_ahead, true, {}});
    if (d->attach_at_once)
      self->send(me->replica, atom::events::value, interpreter::events{interpreter::hello{42, "3.11.2"}});
  }

  std::tuple<foundry_actor, bundles_actor, logs_actor> doors_;
  blobs_actor blobs_;
  std::uint64_t idle_exit_ms_ = 0;
  std::uint64_t incarnation_ = 0;
  std::vector<std::shared_ptr<scripted_client>> clients_;
};

} // namespace hearth::test
