#pragma once

#include "actors/error.hpp"
#include "tests/support/scripted_switchboard.hpp"
#include "tests/support/scripted_world.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// Several nodes in one actor system and virtual time: real agents, supervisors and replicas between scripted doors; what a
/// switchboard would send over a link goes straight to the other node's agent.
namespace hearth::test {

inline node_uuid node_number(std::uint64_t n) { return {1, n}; }

struct scripted_node {
  node_uuid id;
  std::vector<std::shared_ptr<scripted_interpreter>> interpreters; // by start order
  std::set<std::string> bundles;
  std::vector<std::pair<node_uuid, std::string>> asked; // for bundles, of which node
  node_agent_actor agent;
  foundry_actor foundry;
  bundles_actor bundle_store;
  switchboard_actor switchboard;
};

/// Somebody who calls.
struct cluster_caller {
  caller_actor handle;
  std::vector<call_reply> replies;
};

class scripted_cluster : public actor_fixture {
public:
  explicit scripted_cluster(std::size_t count = 2, node_resources each = {3 * defaults::gib, 2000, false, {}})
    : scripted_cluster(std::vector<node_resources>(count, each)) {}

  explicit scripted_cluster(const std::vector<node_resources>& has) {
    journal = sys.spawn([](journal_actor::stateful_pointer<journal_state> self) {
      return self->state.make_behavior(self, journal_config{[] { return std::uint64_t{1}; }});
    });
    for (const auto& resources : has)
      add(resources);
    for (auto& a : nodes_)
      for (auto& b : nodes_)
        if (a != b)
          connect(*a, *b);
    run();
  }

  ~scripted_cluster() {
    for (auto& n : nodes_) {
      for (auto& i : n->interpreters) {
        caf::anon_send_exit(i->replica, caf::exit_reason::kill);
        caf::anon_send_exit(i->door, caf::exit_reason::kill);
      }
      for (const auto& handle :
           {caf::actor_cast<caf::actor>(n->agent), caf::actor_cast<caf::actor>(n->foundry),
            caf::actor_cast<caf::actor>(n->bundle_store), caf::actor_cast<caf::actor>(n->switchboard)})
        caf::anon_send_exit(handle, caf::exit_reason::kill);
    }
    for (auto& c : callers_)
      caf::anon_send_exit(c->handle, caf::exit_reason::kill);
    for (auto& s : supervisors_)
      caf::anon_send_exit(s, caf::exit_reason::kill);
    caf::anon_send_exit(journal, caf::exit_reason::kill);
    run();
    advance(defaults::orphan_time);
  }

  scripted_node& at(std::size_t n) { return *nodes_.at(n); }

  /// The link of these two ends.
  void cut(std::size_t a, std::size_t b) {
    cut_.insert({at(a).id, at(b).id});
    cut_.insert({at(b).id, at(a).id});
    caf::anon_send(at(a).agent, atom::down::value, at(b).id, std::string("the link ended"));
    caf::anon_send(at(b).agent, atom::down::value, at(a).id, std::string("the link ended"));
    run();
  }

  /// It is there again.
  void join(std::size_t a, std::size_t b) {
    cut_.erase({at(a).id, at(b).id});
    cut_.erase({at(b).id, at(a).id});
    caf::anon_send(at(a).agent, atom::up::value, at(b).id);
    caf::anon_send(at(b).agent, atom::up::value, at(a).id);
    run();
  }

  /// The control log grants the environment to that node, and somebody opens it there.
  supervisor_actor grant(std::size_t n, const spec_ptr& spec, std::uint64_t owner_epoch) {
    for (auto& each : nodes_)
      if (cut_.count({at(n).id, each->id}) == 0)
        caf::anon_send(each->agent, atom::events::value,
                       control::facts{control::owner_changed{spec->key(), {at(n).id, {}, epoch{owner_epoch}}}});
    return open(n, spec, owner_epoch);
  }

  supervisor_actor open(std::size_t n, const spec_ptr& spec, std::uint64_t owner_epoch) {
    auto [opened, error] = ask<opened_environment>(*this, at(n).agent, atom::own::value, spec, false,
                                                   epoch{owner_epoch});
    failed = failure{};
    if (!opened) {
      failed = failure_of(error);
      return {};
    }
    auto supervisor = std::get<0>(*opened).supervisor;
    supervisors_.push_back(supervisor);
    return supervisor;
  }

  cluster_caller& caller() {
    auto me = std::make_shared<cluster_caller>();
    me->handle = sys.spawn([me](caller_actor::pointer) -> caller_actor::behavior_type {
      return {[me](atom::replies, std::vector<call_reply>& replies) {
                for (auto& r : replies)
                  me->replies.push_back(std::move(r));
              },
              [](atom::logged, const std::vector<log_text>&) {}};
    });
    callers_.push_back(me);
    return *me;
  }

  void invoke(const supervisor_actor& to, cluster_caller& from, const spec_ptr& spec, std::size_t count = 1) {
    std::vector<call> calls;
    for (std::size_t i = 0; i < count; ++i) {
      call c;
      c.header.id = c.header.root = id(next_++);
      c.arguments = payload::text("x");
      c.spec = spec;
      c.caller = from.handle;
      c.output = from.handle;
      calls.push_back(std::move(c));
    }
    tell(to, atom::invoke::value, std::move(calls));
  }

  void says(scripted_interpreter& i, interpreter::event what) {
    interpreter::events batch;
    batch.push_back(std::move(what));
    tell(i.replica, atom::events::value, std::move(batch));
  }

  /// The call at `index` of this interpreter ends.
  void finish(scripted_interpreter& i, std::size_t index, ec code = ec::none) {
    interpreter::outcome o;
    o.slot = i.calls.at(index).slot;
    o.reply.code = code;
    o.reply.run = std::chrono::milliseconds(50);
    o.reply.value = payload::text("result");
    i.held.erase(o.slot);
    says(i, std::move(o));
  }

  /// Interpreters of that node that have not ended.
  std::size_t alive(std::size_t n) {
    std::size_t count = 0;
    for (const auto& i : at(n).interpreters)
      count += i->halted ? 0 : 1;
    return count;
  }

  scripted_interpreter& interpreter(std::size_t n, std::size_t index = 0) { return *at(n).interpreters.at(index); }

  std::vector<std::string> events() {
    auto rows = ask<std::vector<event_row>>(*this, journal, atom::list::value, std::string(), std::uint32_t{0});
    std::vector<std::string> texts;
    for (const auto& row : std::get<0>(*rows.first))
      texts.push_back(row.text);
    return texts;
  }

  void member(std::size_t n, bool draining) {
    member_row row;
    row.node = at(n).id;
    row.name = "n" + std::to_string(n);
    row.seat = {n + 1};
    row.draining = draining;
    row.capacity = {resources_[n].memory_bytes, resources_[n].cpu_millis,
                    static_cast<std::uint32_t>(resources_[n].gpus.size())};
    for (auto& each : nodes_)
      caf::anon_send(each->agent, atom::events::value, control::facts{control::member_changed{row}});
    run();
  }

  failure failed; // of the last `open`
  journal_actor journal;

private:
  void add(const node_resources& resources) {
    auto n = std::make_shared<scripted_node>();
    nodes_.push_back(n);
    resources_.push_back(resources);
    n->id = node_number(nodes_.size());
    n->bundles = {"b"};
    n->foundry = sys.spawn([n](foundry_actor::pointer self) -> foundry_actor::behavior_type {
      return {
        [self, n](atom::start, replica_order& order) { make(self, *n, order); },
        [](atom::forget, const std::string&, const std::string&) {},
        [](atom::list) { return hearth_replica_memory{}; },
        [](atom::stop) { return true; },
      };
    });
    n->bundle_store = sys.spawn([n](bundles_actor::pointer) -> bundles_actor::behavior_type {
      return {
        [n](atom::has, const std::string& digest) { return n->bundles.count(digest) > 0; },
        [n](atom::store, const std::string& digest, const std::vector<bytes>&) {
          return n->bundles.insert(digest).second;
        },
        [](atom::open, const std::string& digest) { return "/code/" + digest; },
        [](atom::read, const std::string& digest) { return std::vector<bytes>{bytes::copy_of(digest)}; },
      };
    });
    n->switchboard = sys.spawn([this, n](switchboard_actor::pointer self) { return switchboard_behavior(self, n); });
    agent_config config;
    config.about.name = "n" + std::to_string(nodes_.size() - 1);
    config.cores = 2;
    config.resources = resources;
    config.foundry = n->foundry;
    config.bundles = n->bundle_store;
    config.switchboard = n->switchboard;
    config.journal = journal;
    config.node = n->id;
    n->agent = sys.spawn([config](node_agent_actor::stateful_pointer<agent_state> self) {
      return self->state.make_behavior(self, config);
    });
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      member(i, false);
  }

  static void make(foundry_actor::pointer self, scripted_node& n, replica_order& order) {
    auto me = std::make_shared<scripted_interpreter>();
    me->order = order;
    me->replica = order.replica;
    n.interpreters.push_back(me);
    me->door = self->spawn(scripted_interpreter_behavior, me);
    self->send(me->replica, atom::attach::value, me->door, attachment{order.slots, true, true, {}});
    self->send(me->replica, atom::events::value, interpreter::events{interpreter::hello{42, "3.11.2"}});
  }

  /// What an agent needs of a switchboard: that others hear it, and that its questions for bundles are answered.
  switchboard_actor::behavior_type switchboard_behavior(switchboard_actor::pointer self,
                                                        const std::shared_ptr<scripted_node>& n) {
    return scripted_switchboard(
      [this, n](node_uuid to, const link::ask& question) -> caf::result<link::answer> {
        n->asked.push_back({to, question.words.at(0)});
        link::answer answer;
        for (auto& other : nodes_)
          if (other->id == to && other->bundles.count(question.words.at(0)) > 0)
            answer.content = payload::text("zip");
        if (std::holds_alternative<std::monostate>(answer.content))
          answer.error = {ec::unknown_bundle, "not here"};
        return answer;
      },
      [this, self, n](node_uuid to, link::messages& messages) {
        if (cut_.count({n->id, to}) > 0)
          return;
        for (auto& other : nodes_)
          if (other->id == to)
            self->send(other->agent, atom::events::value, n->id, std::move(messages));
      });
  }

  void connect(scripted_node& a, scripted_node& b) { caf::anon_send(a.agent, atom::up::value, b.id); }

  std::vector<std::shared_ptr<scripted_node>> nodes_;
  std::vector<node_resources> resources_;
  std::set<std::pair<node_uuid, node_uuid>> cut_;
  std::vector<std::shared_ptr<cluster_caller>> callers_;
  std::vector<supervisor_actor> supervisors_;
  std::uint64_t next_ = 100;
};

} // namespace hearth::test
