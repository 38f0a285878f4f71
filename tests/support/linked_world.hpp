#pragma once

#include "actors/agent.hpp"
#include "actors/error.hpp"
#include "actors/link_callers.hpp"
#include "actors/run_keeper.hpp"
#include "actors/switchboard.hpp"
#include "tests/support/scripted_world.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Two whole nodes of a cluster in one actor system and virtual time: the real cast between scripted doors, on one scripted
/// control log, with a link between their switchboards over which no handle goes.
namespace hearth::test {

struct linked_node {
  node_uuid id;
  std::shared_ptr<scripted_doors> doors = std::make_shared<scripted_doors>();
  std::optional<scripted_control> control;
  node_agent_actor agent;
  run_keeper_actor run_keeper;
  switchboard_actor switchboard;
  blobs_actor blobs;
  records_actor records;
  std::shared_ptr<scripted_blobs> kept_blobs = std::make_shared<scripted_blobs>();
  link::messages said;                             // to the other node
  std::function<bool(const link::message&)> loses; // whether it does not arrive; empty: all do
  std::vector<caf::actor> cast;
};

class linked_world : public actor_fixture {
public:
  linked_world() {
    add(home, this_node, 1);
    add(away, {1, 2}, 8 * defaults::gib);
    for (auto* n : {&home, &away}) {
      log->commit(cluster::admit_node{n->id, "node"});
      const auto seat = log->commit(cluster::take_seat{n->id, 1, {}, {}, 0, 1});
      (n == &home ? log->seat : seat_of_away) = seat_id{seat.index};
    }
    catch_up();
    connect(home, away);
    connect(away, home);
    run();
  }

  ~linked_world() {
    for (auto* n : {&home, &away}) {
      for (auto& i : n->doors->interpreters) {
        caf::anon_send_exit(i->replica, caf::exit_reason::kill);
        caf::anon_send_exit(i->door, caf::exit_reason::kill);
      }
      for (auto& actor : n->cast)
        caf::anon_send_exit(actor, caf::exit_reason::kill);
      caf::anon_send_exit(n->control->actor, caf::exit_reason::kill);
    }
    run();
  }

  void catch_up() {
    home.control->catch_up();
    away.control->catch_up();
    run();
  }

  /// The other node owns this environment, of which only it can hold replicas.
  std::shared_ptr<environment_spec> owned_away(const std::string& name) {
    auto spec = make_spec(3, 3);
    spec->name = name;
    spec->tasks[0].name = name + ".square";
    spec->tasks[0].retries.count = 1;
    spec->resources.memory_bytes = defaults::gib;
    log->commit(cluster::grant{spec->key(), seat_of_away});
    catch_up();
    return spec;
  }

  /// A run of its first task, whose home is `home`; the root.
  call_id start_run(const spec_ptr& spec, const std::string& name, std::string_view arguments = "x") {
    const auto opened = ask<opened_environment>(*this, home.agent, atom::open::value, spec, false).first;
    run_order order;
    order.name = name;
    order.root.header.id = order.root.header.root = id(next_++);
    order.root.arguments = payload::text(arguments);
    order.root.spec = order.spec = spec;
    order.supervisor = std::get<0>(opened.value()).supervisor;
    const auto root = order.root.header.id;
    const auto [name_of_it, error] = ask<std::string>(*this, home.run_keeper, atom::accept::value, std::move(order));
    if (!name_of_it) {
      refusal = failure_of(error);
      throw std::runtime_error("the run is not accepted: " + refusal.message);
    }
    return root;
  }

  /// The interpreter of the other node in which the newest execution of this call is.
  scripted_interpreter& at(call_id call) {
    for (auto i = away.doors->interpreters.rbegin(); i != away.doors->interpreters.rend(); ++i)
      if (!(*i)->halted && place(**i, call) < (*i)->calls.size())
        return **i;
    throw std::out_of_range("the call does not run");
  }

  void says(scripted_interpreter& i, interpreter::event what) {
    interpreter::events batch;
    batch.push_back(std::move(what));
    tell(i.replica, atom::events::value, std::move(batch));
  }

  /// The task of this call calls one of that environment.
  void calls_child(call_id parent, const spec_ptr& of, call_id child) {
    auto& i = at(parent);
    says(i, interpreter::open_environment{5, of});
    interpreter::child_call e;
    e.environment = i.opened.back().handle;
    e.parks = true;
    e.header.id = child;
    e.header.parent = parent;
    e.arguments = payload::text("child");
    says(i, std::move(e));
  }

  void finish(call_id call, std::string_view value = "result") {
    auto& i = at(call);
    interpreter::outcome o;
    o.slot = i.calls[place(i, call)].slot;
    o.reply.value = payload::text(value);
    i.held.erase(o.slot);
    says(i, std::move(o));
  }

  /// The process in which it runs is gone, as by a signal.
  void die(call_id call) {
    auto& i = at(call);
    interpreter::gone e{ec::interpreter_lost, "ended by signal 9 (SIGKILL)", {i.held.begin(), i.held.end()}};
    i.halted = true;
    says(i, std::move(e));
  }

  /// Executions of the call so far, on both nodes.
  std::size_t executions(call_id call) const {
    std::size_t count = 0;
    for (const auto* n : {&home, &away})
      for (const auto& i : n->doors->interpreters)
        count += static_cast<std::size_t>(
          std::count_if(i->calls.begin(), i->calls.end(), [&](const auto& c) { return c.header.id == call; }));
    return count;
  }

  std::vector<action_row> actions(const linked_node& at, const std::string& run_name) {
    const auto rows = ask<std::vector<action_row>>(*this, at.run_keeper, atom::actions::value, run_name,
                                                   std::uint32_t{100});
    return std::get<0>(rows.first.value());
  }

  std::shared_ptr<scripted_log> log = std::make_shared<scripted_log>();
  linked_node home, away;
  seat_id seat_of_away;
  failure refusal; // of the last run that was not accepted

private:
  /// Of the call in this interpreter, where it runs still; its size when it does not.
  static std::size_t place(const scripted_interpreter& i, call_id call) {
    std::set<std::uint32_t> seen; // only the newest call of a slot is in it
    for (auto n = i.calls.size(); n > 0; --n)
      if (seen.insert(i.calls[n - 1].slot).second && i.calls[n - 1].header.id == call
          && i.held.contains(i.calls[n - 1].slot))
        return n - 1;
    return i.calls.size();
  }

  template <class Handle>
  Handle keep(linked_node& n, Handle handle) {
    n.cast.push_back(caf::actor_cast<caf::actor>(handle));
    return handle;
  }

  void add(linked_node& n, node_uuid who, std::uint64_t memory) {
    n.id = who;
    n.control.emplace(sys, log, who);
    const auto logs = keep(n, sys.spawn([](logs_actor::pointer) -> logs_actor::behavior_type {
      return {
        [](atom::append, const std::string&, const std::vector<log_text>&) {},
        [](atom::read, const std::string&, std::uint32_t) { return std::vector<log_text>(); },
      };
    }));
    const auto bundles = keep(n, sys.spawn([](bundles_actor::pointer) -> bundles_actor::behavior_type {
      return {
        [](atom::has, const std::string&) { return true; },
        [](atom::store, const std::string&, const std::vector<bytes>&) { return true; },
        [](atom::open, const std::string& digest) { return "/code/" + digest; },
        [](atom::read, const std::string& digest) { return std::vector<bytes>{bytes::copy_of(digest)}; },
      };
    }));
    const auto foundry = keep(n, sys.spawn([d = n.doors](foundry_actor::pointer self) -> foundry_actor::behavior_type {
      return {
        [self, d](atom::start, replica_order& order) { make(self, *d, order); },
        [](atom::forget, const std::string&, const std::string&) {},
        [](atom::list) { return hearth_replica_memory{}; },
        [](atom::stop) { return true; },
      };
    }));
    n.switchboard = keep(n, sys.spawn([config = switchboard_config{who, n.control->actor}](
                                        switchboard_actor::stateful_pointer<switchboard_state> self) {
      return self->state.make_behavior(self, config);
    }));
    add_keeper(n, logs);
    agent_config about;
    about.about.name = "node";
    about.cores = 2;
    about.resources = {memory, 2000, false, {}};
    about.foundry = foundry;
    about.logs = logs;
    about.bundles = bundles;
    about.run_keeper = n.run_keeper;
    about.control = n.control->actor;
    about.switchboard = n.switchboard;
    about.node = who;
    n.agent = keep(n, sys.spawn([about](node_agent_actor::stateful_pointer<agent_state> self) {
      return self->state.make_behavior(self, about);
    }));
    node_parts parts;
    parts.agent = n.agent;
    parts.run_keeper = n.run_keeper;
    parts.bundles = bundles;
    parts.logs = logs;
    parts.records = n.records;
    parts.blobs = n.blobs;
    parts.replicas = n.agent;
    caf::anon_send(n.switchboard, atom::attach::value, parts);
    caf::anon_send(n.run_keeper, atom::attach::value, agent_actor(n.agent));
  }

  void add_keeper(linked_node& n, const logs_actor& logs) {
    auto config = std::make_shared<run_keeper_config>();
    config->self = n.id;
    config->control = n.control->actor;
    config->blobs = n.blobs = keep(n, spawn_blobs(sys, n.kept_blobs));
    config->records = n.records = keep(n, sys.spawn(scripted_records_behavior, n.doors));
    config->switchboard = n.switchboard;
    config->logs = logs;
    config->unix_ms = [] { return std::uint64_t{1000}; };
    config->digest = scripted_digest;
    config->encode_spec = [specs = specs_](const environment_spec& spec) {
      (*specs)[spec.key()] = std::make_shared<environment_spec>(spec);
      return bytes::copy_of(spec.key());
    };
    config->decode_spec = [specs = specs_](const bytes& key) { return (*specs)[std::string(key.view())]; };
    n.run_keeper = keep(n, sys.spawn([config](run_keeper_actor::stateful_pointer<run_keeper_state> self) {
      return self->state.make_behavior(self, config);
    }));
  }

  static void make(foundry_actor::pointer self, scripted_doors& doors, replica_order& order) {
    auto me = std::make_shared<scripted_interpreter>();
    me->replica = order.replica;
    doors.interpreters.push_back(me);
    me->door = self->spawn(scripted_interpreter_behavior, me);
    self->send(me->replica, atom::attach::value, me->door, attachment{order.slots, true, true, {}});
    self->send(me->replica, atom::events::value, interpreter::events{interpreter::hello{42, "3.11.2"}});
  }

  void connect(linked_node& from, linked_node& to) {
    const auto door = keep(from, sys.spawn([&from, &to](peer_actor::pointer self) -> peer_actor::behavior_type {
      return {[self, &from, &to](atom::send, link::messages& what) {
                std::erase_if(what, [&from](const auto& m) { return from.loses && from.loses(m); });
                for (auto& m : what) {
                  link::for_each_caller(m, [](link::caller_ref& whom) { whom.here = nullptr; });
                  from.said.push_back(m);
                }
                self->send(to.switchboard, atom::events::value, from.id, std::move(what));
              },
              [](atom::ping, std::uint32_t count) { return std::vector<std::uint64_t>(count, 70'000); }};
    }));
    caf::anon_send(from.switchboard, atom::up::value, to.id, std::uint64_t{1}, door);
  }

  std::uint64_t next_ = 100;
  std::shared_ptr<std::map<std::string, spec_ptr>> specs_ = std::make_shared<std::map<std::string, spec_ptr>>();
};

} // namespace hearth::test
