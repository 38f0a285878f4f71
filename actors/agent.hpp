#pragma once

#include "actors/capacity.hpp"
#include "actors/control.hpp"
#include "actors/interfaces.hpp"
#include "actors/start_queue.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace hearth {

/// The AGENT speaks for one node: it knows the environments that live here, makes replicas for their supervisors as far as
/// the node's capacity goes, counts clients, and drains the node.
///
/// Spawned by: the node, once.
/// Monitors:   its SUPERVISORs and REPLICAs.
/// Dies:       when a `stop` is through, or when a private node was idle for its time; the node ends with it.
struct agent_config {
  node_row about; // what does not change: name, id, version, paths, capacity, idle exit
  std::uint32_t cores = 1;
  node_resources resources;
  /// Claims a GPU among the nodes of this machine: false while another one has it; and gives it back.
  std::function<bool(std::uint32_t)> claim_gpu = [](std::uint32_t) { return true; };
  std::function<void(std::uint32_t)> return_gpu = [](std::uint32_t) { /* nobody shares them */ };
  foundry_actor foundry;
  logs_actor logs;
  run_keeper_actor run_keeper;
  std::function<std::uint64_t()> resident_bytes; // of this process
  journal_actor journal;
  milliseconds zygote_ttl = defaults::zygote_ttl; // how long a zygote outlives the replicas
  control_actor control;                          // of a cluster; empty: the node is alone
  switchboard_actor switchboard;                  // likewise
  node_uuid node;
};

class agent_state {
public:
  static inline const char* name = "agent";

  agent_actor::behavior_type make_behavior(agent_actor::pointer self, agent_config config);

private:
  using rows_promise = caf::typed_response_promise<std::vector<environment_row>, std::vector<replica_row>>;

  caf::result<opened_environment> open(const spec_ptr& spec, bool deploy);
  caf::result<opened_environment> open_gate(const spec_ptr& spec, bool deploy);
  caf::result<opened_environment> open_here(const spec_ptr& spec, bool deploy);
  caf::result<opened_environment> open_at(const supervisor_actor& supervisor, const spec_ptr& spec, bool deploy);
  void disown(const std::string& key);
  void order(replica_order& order, const supervisor_actor& supervisor);
  void promote(replica_id id);
  void withdraw(replica_id id);
  void retry();
  void serve_orders();
  std::string admit(start_queue::entry& entry);
  std::string reserve(replica_order& order, const supervisor_actor& supervisor);
  bool may_exceed(const replica_order& order) const;
  bool claim(const std::vector<std::uint32_t>& gpus);
  void release(replica_id id);
  void ask_for_room();
  void start(replica_order order, const supervisor_actor& supervisor);
  caf::result<std::vector<environment_row>, std::vector<replica_row>> list();
  void add_memory(std::vector<environment_row> environments, std::vector<replica_row> replicas, rows_promise promise);
  caf::result<node_row> status();
  caf::result<bool> stop(milliseconds grace, const std::string& reason);
  void down(const caf::down_msg& message);
  void drain(const supervisor_actor& supervisor);
  void take_drained(const caf::actor_addr& supervisor, bool drained);
  void end_when_drained();
  void look_for_idleness();
  void watch_idleness();

  struct owned_replica {
    replica_id id;
    supervisor_actor supervisor;
    spec_ptr spec;
  };

  agent_actor::pointer self_ = nullptr;
  agent_config config_;
  std::optional<capacity> capacity_;
  start_queue waiting_;
  bool retries_ = false; // a `retry` is on its way
  instant began_;
  std::unordered_map<std::string, supervisor_actor> supervisors_; // by key
  std::unordered_map<std::string, supervisor_actor> gates_;       // by key, in a cluster
  std::unordered_map<caf::actor_addr, owned_replica> replicas_;
  std::set<caf::actor_addr> sessions_;
  std::shared_ptr<std::uint64_t> replica_numbers_ = std::make_shared<std::uint64_t>(0);
  instant idle_since_;
  bool draining_ = false;
  instant drain_until_;
  std::set<caf::actor_addr> undrained_; // supervisors with open calls
  bool halted_ = false;                 // the supervisors have been told to quit
  bool ending_ = false;
  std::vector<caf::typed_response_promise<bool>> stopping_;
};

} // namespace hearth
