#pragma once

#include "actors/error.hpp"
#include "actors/link_callers.hpp"
#include "actors/remote_supervisor.hpp"
#include "actors/switchboard.hpp"
#include "tests/support/scripted_supervisor.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Several nodes of a cluster in one actor system and virtual time: real switchboards and gates, and between them a scripted
/// control log, scripted supervisors and links that a test cuts.
namespace hearth::test {

struct test_node {
  node_uuid id;
  std::string name;
  switchboard_actor switchboard;
  agent_actor agent;
  control_actor control;
  std::map<std::string, std::shared_ptr<scripted_supervisor>> supervisors; // by key
  std::map<std::string, gate_actor> gates;
  std::map<node_uuid, peer_actor> peers; // doors to others
  control_watcher watcher;
  link::messages said;    // by it to others, without what callers are here
  bool is_silent = false; // what it says does not arrive
};

/// What all nodes believe of owners; `own` is answered from it.
struct known_owners {
  std::map<std::string, ownership> owners;
  std::optional<failure> refusal;
  std::size_t asked = 0;
};

inline control_actor::behavior_type scripted_owners(control_actor::pointer, std::shared_ptr<known_owners> log,
                                                    std::shared_ptr<test_node> node) {
  return {
    [](atom::propose, const cluster::command&) { return cluster::outcome{}; },
    [](atom::read) { return cluster::outcome{}; },
    [log](atom::own, const std::string& key) -> caf::result<ownership> {
      ++log->asked;
      if (log->refusal)
        return error_of(*log->refusal);
      return log->owners[key];
    },
    [](atom::find, const std::string&, const std::string&) { return bytes(); },
    [](atom::list) { return std::vector<member_row>{}; },
    [](atom::token) { return std::vector<cluster::token_record>{}; },
    [](atom::status) { return control::standing{}; },
    [node](atom::watch, const control_watcher& watcher) { node->watcher = watcher; },
  };
}

inline agent_actor::behavior_type scripted_agent(agent_actor::pointer self, std::shared_ptr<test_node> node) {
  const auto open = [self, node](const spec_ptr& spec, bool deploy) -> caf::result<opened_environment> {
    auto& s = node->supervisors[spec->key()];
    if (!s) {
      s = std::make_shared<scripted_supervisor>();
      s->handle = self->spawn(scripted_supervisor_behavior, s);
    }
    auto promise = self->make_response_promise<opened_environment>();
    self->request(s->handle, caf::infinite, atom::open::value, spec, deploy)
      .then([=, to = s->handle](bool is_new) mutable {
        promise.deliver(opened_environment{to, spec, is_new});
      });
    return promise;
  };
  return {
    [open](atom::open, const spec_ptr& spec, bool deploy) { return open(spec, deploy); },
    [open](atom::own, const spec_ptr& spec, bool deploy, epoch) { return open(spec, deploy); },
    [](atom::adopt, const std::string&, epoch, const supervisor_actor&) {},
    [self, node](atom::disown, const std::string& key) {
      if (const auto s = node->supervisors.find(key); s != node->supervisors.end())
        self->send(s->second->handle, atom::disown::value);
    },
    [](atom::start, const replica_order&, const supervisor_actor&) {},
    [](atom::promote, replica_id) {},
    [](atom::withdraw, replica_id) {},
    [](atom::forget, const std::string&, const std::string&) {},
    [](atom::join, const caf::actor_addr&) {},
    [](atom::leave, const caf::actor_addr&) {},
    [node](atom::list) -> caf::result<std::vector<environment_row>, std::vector<replica_row>> {
      environment_row row;
      row.name = "env of " + node->name;
      return {std::vector<environment_row>{row}, std::vector<replica_row>{}};
    },
    [node](atom::status) {
      node_row row;
      row.name = node->name;
      row.state = "running";
      return row;
    },
    [](atom::drained, const caf::actor_addr&, bool) {},
    [](atom::stop, milliseconds, const std::string&) { return true; },
    [](atom::tick) {},
    [](atom::retry) {},
  };
}

class nodes_fixture : public actor_fixture {
public:
  explicit nodes_fixture(std::size_t count = 3) : log(std::make_shared<known_owners>()) {
    for (std::size_t i = 0; i < count; ++i)
      add("node-" + std::string(1, static_cast<char>('a' + i)));
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = i + 1; j < count; ++j)
        connect(i, j);
    run();
  }

  ~nodes_fixture() {
    const auto end = [](const auto& handle) {
      if (handle)
        caf::anon_send_exit(handle, caf::exit_reason::kill);
    };
    for (auto& n : nodes_) {
      for (auto& [key, gate] : n->gates)
        end(gate);
      for (auto& [to, peer] : n->peers)
        end(peer);
      for (auto& [key, s] : n->supervisors) {
        end(s->handle);
        s->calls.clear();
        s->cancels.clear();
        s->handle = supervisor_actor{};
      }
      end(n->switchboard), end(n->agent), end(n->control);
      n->gates.clear(), n->peers.clear();
      n->switchboard = switchboard_actor{};
      n->agent = agent_actor{};
      n->control = control_actor{};
      n->watcher = control_watcher{};
    }
    for (auto& c : callers_)
      end(c->handle), c->handle = caller_actor{};
    run();
  }

  test_node& node(std::size_t i) { return *nodes_.at(i); }

  void connect(std::size_t i, std::size_t j) {
    for (auto [from, to] : {std::pair(i, j), std::pair(j, i)}) {
      auto a = nodes_[from], b = nodes_[to];
      a->peers[b->id] = sys.spawn([a, b](peer_actor::pointer self) -> peer_actor::behavior_type {
        return {[self, a, b](atom::send, link::messages& what) {
                  for (auto& m : what) { // handles do not travel
                    link::for_each_caller(m, [](link::caller_ref& whom) { whom.here = nullptr; });
                    a->said.push_back(m);
                  }
                  if (!a->is_silent)
                    self->send(b->switchboard, atom::events::value, a->id, std::move(what));
                },
                [](atom::ping, std::uint32_t count) { return std::vector<std::uint64_t>(count, 70'000); }};
      });
      caf::anon_send(a->switchboard, atom::up::value, b->id, std::uint64_t{1}, a->peers[b->id]);
    }
    run();
  }

  /// The link between two nodes ends.
  void cut(std::size_t i, std::size_t j) {
    for (auto [from, to] : {std::pair(i, j), std::pair(j, i)}) {
      caf::anon_send_exit(nodes_[from]->peers[nodes_[to]->id], caf::exit_reason::kill);
      nodes_[from]->peers.erase(nodes_[to]->id);
    }
    run();
  }

  void isolate(std::size_t i) {
    for (std::size_t j = 0; j < nodes_.size(); ++j)
      if (j != i && nodes_[i]->peers.contains(nodes_[j]->id))
        cut(i, j);
  }

  /// The control log grants the environment, and all nodes hear so.
  void grant(const std::string& key, std::size_t owner, std::uint64_t epoch) {
    const ownership now{nodes_[owner]->id, {1}, {epoch}};
    log->owners[key] = now;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      tell_fact(i, control::owner_changed{key, now});
  }

  void revoke(const std::string& key) {
    log->owners.erase(key);
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      tell_fact(i, control::owner_changed{key, {}});
  }

  void tell_fact(std::size_t to, control::fact what) {
    control::facts facts;
    facts.push_back(std::move(what));
    tell(nodes_[to]->watcher, atom::events::value, std::move(facts));
  }

  gate_actor gate(std::size_t at, const std::string& key) {
    auto& n = *nodes_[at];
    auto& gate = n.gates[key];
    if (!gate) {
      gate_config config{key, n.id, n.agent, n.control, n.switchboard};
      gate = sys.spawn(
        [config](gate_actor::stateful_pointer<gate_state> self) { return self->state.make_behavior(self, config); });
      run();
    }
    return gate;
  }

  /// The scripted supervisor of a node; it exists once something was opened there.
  scripted_supervisor& supervisor(std::size_t at, const std::string& key) { return *nodes_[at]->supervisors.at(key); }
  bool has_supervisor(std::size_t at, const std::string& key) { return nodes_[at]->supervisors.contains(key); }

  std::shared_ptr<scripted_caller> caller() {
    callers_.push_back(spawn_caller(sys));
    return callers_.back();
  }

  /// A call from somebody on a node.
  void invoke(std::size_t at, const spec_ptr& spec, const std::shared_ptr<scripted_caller>& from, call_id which,
              std::uint16_t depth = 0) {
    call c;
    c.header.id = which;
    c.header.root = which;
    c.header.depth = depth;
    c.arguments = payload::text("x");
    c.spec = spec;
    c.caller = from->handle;
    c.output = from->handle;
    std::vector<call> batch;
    batch.push_back(std::move(c));
    tell(gate(at, spec->key()), atom::invoke::value, std::move(batch));
  }

  /// The call ends where it runs.
  void finish(scripted_supervisor& s, std::size_t index, ec code = ec::none, const std::string& value = "result") {
    call_reply reply;
    reply.id = s.calls.at(index).header.id;
    reply.code = code;
    reply.value = payload::text(value);
    std::erase(s.open, reply.id);
    std::vector<call_reply> batch;
    batch.push_back(std::move(reply));
    tell(s.calls.at(index).caller, atom::replies::value, std::move(batch));
  }

  std::shared_ptr<known_owners> log;

private:
  void add(const std::string& name) {
    auto n = std::make_shared<test_node>();
    nodes_.push_back(n);
    n->id = {nodes_.size(), 7};
    n->name = name;
    n->control = sys.spawn(scripted_owners, log, n);
    n->agent = sys.spawn(scripted_agent, n);
    n->switchboard = sys.spawn(
      [config = switchboard_config{n->id, n->control}](switchboard_actor::stateful_pointer<switchboard_state> self) {
        return self->state.make_behavior(self, config);
      });
    node_parts parts;
    parts.agent = n->agent;
    parts.bundles = sys.spawn([](bundles_actor::pointer) -> bundles_actor::behavior_type {
      return {
        [](atom::has, const std::string&) { return true; },
        [](atom::store, const std::string&, const std::vector<bytes>&) { return true; },
        [](atom::open, const std::string& digest) { return digest; },
        [](atom::read, const std::string& digest) {
          return std::vector<bytes>{bytes::copy_of(digest), bytes::copy_of("-code")};
        },
      };
    });
    caf::anon_send(n->switchboard, atom::attach::value, parts);
    run();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      tell_fact(i, control::member_changed{member_row{n->id, name, "", {1}, 1, false, false, false, false, {}}});
      if (i + 1 < nodes_.size())
        tell_fact(nodes_.size() - 1, control::member_changed{member_row{
                                       nodes_[i]->id, nodes_[i]->name, "", {1}, 1, false, false, false, false, {}}});
    }
    tell_fact(nodes_.size() - 1, control::standing{true, {}, {}});
  }

  std::vector<std::shared_ptr<test_node>> nodes_;
  std::vector<std::shared_ptr<scripted_caller>> callers_;
};

} // namespace hearth::test
