#include "actors/agent.hpp"

#include "actors/app_table.hpp"
#include "actors/error.hpp"
#include "actors/remote_supervisor.hpp"
#include "actors/supervisor.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace hearth {

namespace {

/// What a client's own checks also refuse; here it protects the node.
failure flaw_of(const environment_spec& spec) {
  if (spec.name.empty() || spec.tasks.empty())
    return {ec::bad_request, "An environment needs a name and at least one task."};
  if (!spec.reuse.enabled)
    return {};
  if (spec.reuse.max_replicas == 0 || spec.reuse.min_replicas > spec.reuse.max_replicas)
    return {ec::bad_request, "Environment " + spec.name + " asks for replicas between "
                               + std::to_string(spec.reuse.min_replicas) + " and "
                               + std::to_string(spec.reuse.max_replicas) + "."};
  if (spec.reuse.concurrency == 0 || spec.reuse.concurrency > defaults::concurrency_max)
    return {ec::bad_request, "Environment " + spec.name + " asks for a concurrency of "
                               + std::to_string(spec.reuse.concurrency) + "; it must lie between 1 and "
                               + std::to_string(defaults::concurrency_max) + "."};
  if (const auto& metric = spec.app.metric; !metric.empty()) {
    if (scaling::metric_of(metric) == scaling::metric::none)
      return {ec::bad_request, "App " + spec.name + " asks to be scaled by `" + metric
                                 + "`, which this node does not know; it knows concurrency and rate."};
    if (spec.app.target == 0)
      return {ec::bad_request,
              "App " + spec.name + " asks to be scaled by " + metric + " with a target of 0; it must be at least 1."};
  }
  return {};
}

} // namespace

caf::result<opened_environment> agent_state::open(const spec_ptr& spec, bool deploy) {
  // While the node drains, tasks that run may call what they have not called before.
  if (halted_)
    return error_of({ec::shutting_down, std::string(sentence(ec::shutting_down))});
  if (auto flaw = flaw_of(*spec); flaw.code != ec::none)
    return error_of(flaw);
  return config_.control ? open_gate(spec, deploy) : open_here(spec, deploy, {});
}

/// In a cluster: whoever uses the environment speaks with its gate, wherever the supervisor is.
caf::result<opened_environment> agent_state::open_gate(const spec_ptr& spec, bool deploy) {
  auto& gate = gates_[spec->key()];
  if (!gate) {
    gate = self_->spawn<caf::monitored>(
      [config = gate_config{spec->key(), config_.node, agent_actor(self_), config_.control, config_.switchboard}](
        gate_actor::stateful_pointer<gate_state> self) { return self->state.make_behavior(self, config); });
    if (draining_)
      drain(gate);
  }
  return open_at(front_of(gate, *spec), spec, deploy);
}

/// Who uses an environment that keeps results speaks with its front.
supervisor_actor agent_state::front_of(const supervisor_actor& behind, const environment_spec& spec) {
  if (!config_.cache || !spec.keeps_results())
    return behind;
  auto& front = fronts_[behind.address()];
  if (!front) {
    front = self_->spawn<caf::monitored>(
      [config = front_config{spec.key(), behind, config_.cache}](front_actor::stateful_pointer<front_state> self) {
        return self->state.make_behavior(self, config);
      });
    if (draining_)
      self_->send(front, atom::stop::value, milliseconds{0});
  }
  return front;
}

caf::result<opened_environment> agent_state::open_here(const spec_ptr& spec, bool deploy, epoch owner_epoch) {
  if (halted_)
    return error_of({ec::shutting_down, std::string(sentence(ec::shutting_down))});
  if (auto no = unfit(*spec); no.code != ec::none)
    return error_of(no);
  if (!obeys(spec->key(), owner_epoch)) // else a supervisor of an older ownership ends
    return error_of({ec::stale_epoch, std::string(sentence(ec::stale_epoch))});
  auto& supervisor = supervisors_[spec->key()];
  if (!supervisor) {
    supervisor = self_->spawn<caf::monitored>(
      [config = supervisor_config{spec->key(), agent_actor(self_), replica_numbers_, cores_, config_.journal,
                                  config_.zygote_ttl, owner_epoch}](
        supervisor_actor::stateful_pointer<supervisor_state> self) { return self->state.make_behavior(self, config); });
    if (owner_epoch)
      owned_[spec->key()] = owner_epoch;
    if (draining_)
      drain(supervisor);
  }
  // Of a node in a cluster who asks is a gate, before which the front stands.
  return open_at(in_cluster() ? supervisor : front_of(supervisor, *spec), spec, deploy);
}

caf::result<opened_environment> agent_state::open_at(const supervisor_actor& supervisor, const spec_ptr& spec,
                                                     bool deploy) {
  auto promise = self_->make_response_promise<opened_environment>();
  self_->request(supervisor, defaults::inner_request_timeout, atom::open::value, spec, deploy)
    .then(
      [=](bool is_new) mutable {
        promise.deliver(opened_environment{supervisor, spec, is_new});
      },
      [=](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

void agent_state::disown(const std::string& key) {
  const auto found = supervisors_.find(key);
  if (found == supervisors_.end())
    return;
  self_->send(found->second, atom::disown::value);
  waiting_.forget(found->second.address());
  undrained_.erase(found->second.address());
  supervisors_.erase(found); // its successor, if there is one, is another actor
  owned_.erase(key);
  adoptions_.erase(key);
  end_when_drained();
}

// -- listings ----

caf::result<std::vector<environment_row>, std::vector<replica_row>> agent_state::list() {
  struct gathering {
    std::size_t missing = 0;
    std::vector<environment_row> environments;
    std::vector<replica_row> replicas;
  };
  auto promise = self_->make_response_promise<std::vector<environment_row>, std::vector<replica_row>>();
  auto all = std::make_shared<gathering>();
  all->missing = supervisors_.size();
  auto arrived = [this, all, promise]() mutable {
    if (all->missing == 0)
      add_memory(std::move(all->environments), std::move(all->replicas), promise);
  };
  for (const auto& [key, supervisor] : supervisors_)
    self_->request(supervisor, defaults::inner_request_timeout, atom::list::value)
      .then(
        [all, arrived](std::vector<environment_row>& environments, std::vector<replica_row>& replicas) mutable {
          std::move(environments.begin(), environments.end(), std::back_inserter(all->environments));
          std::move(replicas.begin(), replicas.end(), std::back_inserter(all->replicas));
          --all->missing;
          arrived();
        },
        [all, arrived](const caf::error&) mutable { // ended meanwhile: it has no rows
          --all->missing;
          arrived();
        });
  arrived();
  return promise;
}

void agent_state::add_memory(std::vector<environment_row> environments, std::vector<replica_row> replicas,
                             rows_promise promise) {
  auto rows = std::make_shared<std::pair<std::vector<environment_row>, std::vector<replica_row>>>(
    std::move(environments), std::move(replicas));
  self_->request(config_.foundry, defaults::inner_request_timeout, atom::list::value)
    .then(
      [this, rows, promise](const hearth_replica_memory& memory) mutable {
        for (auto& row : rows->second)
          if (const auto there = placed_.find(replica_id{row.id}); in_cluster())
            row.node = node_name(there == placed_.end() ? config_.node : there->second.node);
        for (const auto& [address, here] : replicas_)
          if (here.owner) { // which has the rest of its row
            auto& row = rows->second.emplace_back();
            row.id = here.id.value;
          }
        for (const auto& [id, bytes] : memory)
          for (auto& row : rows->second)
            if (row.id == id.value)
              row.memory_bytes = bytes;
        std::sort(rows->first.begin(), rows->first.end(), [](auto& a, auto& b) {
          return std::tie(a.name, a.project, a.domain, a.version) < std::tie(b.name, b.project, b.domain, b.version);
        });
        std::sort(rows->second.begin(), rows->second.end(), [](auto& a, auto& b) { return a.id < b.id; });
        promise.deliver(std::move(rows->first), std::move(rows->second));
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
}

caf::result<node_row> agent_state::status() {
  auto row = config_.about;
  const bool drains = draining_ || (in_cluster() && nodes_->is_draining(config_.node));
  row.state = !drains ? "running" : replicas_.empty() ? "drained" : "draining";
  row.up_ms = static_cast<std::uint64_t>(
    std::chrono::duration_cast<milliseconds>(self_->clock().now() - began_).count());
  row.resident_bytes = config_.resident_bytes ? config_.resident_bytes() : 0;
  row.sessions = static_cast<std::uint32_t>(sessions_.size());
  row.replicas = static_cast<std::uint32_t>(replicas_.size());
  row.memory_capacity = capacity_->has().memory_bytes;
  row.memory_reserved = capacity_->reserved().memory_bytes;
  row.cpu_capacity_millis = capacity_->has().cpu_millis;
  row.cpu_reserved_millis = capacity_->reserved().cpu_millis;
  row.gpus = static_cast<std::uint32_t>(capacity_->has().gpus.size());
  row.gpus_in_use = capacity_->reserved().gpus;
  row.orders_waiting = static_cast<std::uint32_t>(waiting_.size());
  row.links = nodes_ ? nodes_->count_up() : 0;
  auto promise = self_->make_response_promise<node_row>();
  self_->request(agent_actor(self_), defaults::inner_request_timeout, atom::list::value)
    .then(
      [row, promise](const std::vector<environment_row>& environments, const std::vector<replica_row>&) mutable {
        row.environments = static_cast<std::uint32_t>(environments.size());
        for (const auto& e : environments)
          row.calls += e.done + e.failed;
        promise.deliver(std::move(row));
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

// -- end ----

caf::result<bool> agent_state::stop(milliseconds grace, const std::string&) {
  auto promise = self_->make_response_promise<bool>();
  stopping_.push_back(promise);
  if (!draining_) {
    draining_ = true;
    drain_until_ = self_->clock().now() + grace;
    for (const auto* everybody : {&supervisors_, &gates_})
      for (const auto& [key, supervisor] : *everybody)
        drain(supervisor);
    end_when_drained();
  }
  return promise;
}

void agent_state::drain(const supervisor_actor& supervisor) {
  undrained_.insert(supervisor.address());
  if (const auto front = fronts_.find(supervisor.address()); front != fronts_.end())
    self_->send(front->second, atom::stop::value, milliseconds{0});
  const auto left = std::chrono::duration_cast<milliseconds>(drain_until_ - self_->clock().now());
  self_->send(supervisor, atom::stop::value, std::max(left, milliseconds{0}));
}

void agent_state::take_drained(const caf::actor_addr& supervisor, bool drained) {
  if (drained)
    undrained_.erase(supervisor);
  else
    undrained_.insert(supervisor);
  end_when_drained();
}

/// A call keeps its environment undrained until all that it called is answered, so when none is left nothing is open
/// anywhere, nor on its way from one to another.
void agent_state::end_when_drained() {
  if (!draining_ || ending_ || !undrained_.empty())
    return;
  if (!std::exchange(halted_, true))
    for (const auto* everybody : {&gates_, &supervisors_})
      for (const auto& [key, supervisor] : *everybody)
        self_->send(supervisor, atom::halt::value);
  if (!supervisors_.empty() || !gates_.empty())
    return;
  ending_ = true;
  auto finish = [this] {
    for (auto& promise : stopping_)
      promise.deliver(true);
    self_->quit();
  };
  self_->request(config_.foundry, defaults::stop_grace, atom::stop::value)
    .then([finish](bool) { finish(); }, [finish](const caf::error&) { finish(); });
}

void agent_state::down(const caf::down_msg& message) {
  if (auto lost = replicas_.find(message.source); lost != replicas_.end()) {
    // Its last word has been said unless it failed inside the node; then this one is news.
    replica::events last{
      replica::start_failed{lost->second.id, {ec::interpreter_lost, "Its replica failed inside the node."}}};
    self_->send(lost->second.supervisor, atom::events::value, std::move(last));
    release(lost->second.id);
    const auto ended = std::move(lost->second);
    addresses_.erase(ended.id);
    replicas_.erase(lost);
    if (ended.owner)
      end_if_unused(ended.spec->key(), ended.owner_epoch);
    if (ended.former_supervisor)
      end_formers(ended.spec->key());
    return serve_orders();
  }
  if (const auto proxy = placed_addresses_.find(message.source); proxy != placed_addresses_.end())
    return forget_placed(replica_id{proxy->second});
  undrained_.erase(message.source);
  std::erase_if(fronts_, [&](const auto& entry) {
    return entry.first == message.source || entry.second.address() == message.source;
  });
  waiting_.forget(message.source);
  std::erase_if(owned_, [&](const auto& entry) {
    const auto s = supervisors_.find(entry.first);
    return s != supervisors_.end() && s->second.address() == message.source;
  });
  for (auto* everybody : {&supervisors_, &gates_})
    std::erase_if(*everybody, [&](const auto& entry) { return entry.second.address() == message.source; });
  end_when_drained();
}

void agent_state::watch_idleness() {
  idle_since_ = self_->clock().now();
  if (config_.about.idle_exit_ms > 0)
    self_->delayed_send(self_, milliseconds(config_.about.idle_exit_ms), atom::tick::value);
}

/// Who asks an app over HTTP starts no node: one that has apps is there.
bool agent_state::serves_apps() const {
  return config_.apps != nullptr
         && std::any_of(config_.apps->all().begin(), config_.apps->all().end(),
                        [](const auto& app) { return !app.second.spec->app.inactive; });
}

void agent_state::look_for_idleness() {
  auto idle_for = milliseconds(config_.about.idle_exit_ms);
  if (config_.about.idle_exit_ms == 0 || draining_ || !sessions_.empty()
      || self_->clock().now() - idle_since_ < idle_for)
    return;
  self_->request(config_.run_keeper, defaults::inner_request_timeout, atom::status::value)
    .then(
      [this](std::uint64_t open_runs) {
        if (open_runs > 0 || !sessions_.empty() || serves_apps())
          return watch_idleness();
        stop(milliseconds{0}, "idle");
      },
      [](const caf::error&) { /* no run keeper: the node is ending */ });
}

node_agent_actor::behavior_type agent_state::make_behavior(node_agent_actor::pointer self, agent_config config) {
  self_ = self;
  config_ = std::move(config);
  *cores_ = config_.cores;
  if (in_cluster())
    nodes_.emplace(config_.node);
  if (config_.control)
    self->send(config_.control, atom::watch::value, control_watcher(self));
  capacity_.emplace(config_.resources, config_.about.name);
  began_ = self->clock().now();
  watch_idleness();
  self->set_down_handler([this](caf::down_msg& message) { down(message); });
  return {
    [this](atom::open, const spec_ptr& spec, bool deploy) { return open(spec, deploy); },
    [this](atom::own, const spec_ptr& spec, bool deploy, epoch owner_epoch) {
      return open_here(spec, deploy, owner_epoch);
    },
    [this](atom::disown, const std::string& key) { disown(key); },
    [this](atom::start, replica_order& wanted, const supervisor_actor& supervisor) { order(wanted, supervisor); },
    [this](atom::promote, replica_id id) { promote(id); },
    [this](atom::withdraw, replica_id id) { withdraw(id); },
    [this](atom::forget, const std::string& key, const std::string& version) {
      self_->send(config_.foundry, atom::forget::value, key, version);
      if (in_cluster())
        say_to_all(link::forget{key, version});
    },
    [this](atom::adopt, const std::string& key, epoch owner_epoch, const supervisor_actor& supervisor) {
      adopt(key, owner_epoch, supervisor);
    },
    [this](atom::join, const caf::actor_addr& session) { sessions_.insert(session); },
    [this](atom::leave, const caf::actor_addr& session) {
      sessions_.erase(session);
      if (sessions_.empty())
        watch_idleness();
    },
    [this](atom::list) { return list(); },
    [this](atom::status) { return status(); },
    [this](atom::drained, const caf::actor_addr& supervisor, bool drained) { take_drained(supervisor, drained); },
    [this](atom::stop, milliseconds grace, const std::string& reason) { return stop(grace, reason); },
    [this](atom::tick) { look_for_idleness(); },
    [this](atom::retry) { retry(); },
    [this](atom::events, node_uuid node, link::messages& messages) { node_said(node, messages); },
    [this](atom::up, node_uuid node) { node_up(node); },
    [this](atom::down, node_uuid node, const std::string& why) { node_down(node, why); },
    [this](atom::events, const control::facts& facts) { heard_facts(facts); },
    [this](atom::report) { report(); },
  };
}

} // namespace hearth
