#pragma once

#include "actors/cache_front.hpp"
#include "actors/capacity.hpp"
#include "actors/control.hpp"
#include "actors/interfaces.hpp"
#include "actors/journal_entry.hpp"
#include "actors/placement.hpp"
#include "actors/remote_replica.hpp"
#include "actors/start_queue.hpp"
#include "cluster/fence.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace hearth {

class app_table;

/// The AGENT speaks for one node: it knows the environments that live here, makes replicas for their supervisors as far as
/// the node's capacity goes, counts clients, and drains the node. In a cluster it orders replicas from the agents of other
/// nodes as well, makes those that they order, and hands replicas from one owner to the next.
///
/// Spawned by: the node, once.
/// Monitors:   its SUPERVISORs and REPLICAs, and the REMOTE REPLICAs.
/// Dies:       when a `stop` is through, or when a private node was idle for its time, without an app; the node ends with it.
struct agent_config {
  std::shared_ptr<const app_table> apps; // of the agent's loop; null: none are served
  node_row about;                        // what does not change: name, id, version, paths, capacity, idle exit
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
  bundles_actor bundles;                          // likewise
  node_uuid node;
  cache_actor cache{}; // empty: results are not kept
};

class agent_state {
public:
  static inline const char* name = "agent";

  node_agent_actor::behavior_type make_behavior(node_agent_actor::pointer self, agent_config config);

private:
  using rows_promise = caf::typed_response_promise<std::vector<environment_row>, std::vector<replica_row>>;

  caf::result<opened_environment> open(const spec_ptr& spec, bool deploy);
  caf::result<opened_environment> open_gate(const spec_ptr& spec, bool deploy);
  caf::result<opened_environment> open_here(const spec_ptr& spec, bool deploy, epoch owner_epoch);
  supervisor_actor front_of(const supervisor_actor& behind, const environment_spec& spec);
  caf::result<opened_environment> open_at(const supervisor_actor& supervisor, const spec_ptr& spec, bool deploy);
  void disown(const std::string& key);
  void order(replica_order& order, const supervisor_actor& supervisor);
  void promote(replica_id id);
  void withdraw(replica_id id);
  void retry();
  void serve_orders();
  std::string admit(start_queue::entry& entry);
  std::string start_here(start_queue::entry& entry, bool alone);
  std::string reserve(replica_order& order, const supervisor_actor& supervisor, bool alone);
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
  bool serves_apps() const;
  void look_for_idleness();
  void watch_idleness();

  void launch(replica_order order, const supervisor_actor& supervisor);
  bool is_here(const environment_spec& spec) const;
  bool in_cluster() const { return static_cast<bool>(config_.switchboard); }

  /// A replica that runs on this node.
  struct owned_replica {
    replica_id id;
    supervisor_actor supervisor; // or the ABSENT OWNER that stands for it
    spec_ptr spec;
    replica_actor handle;
    bool is_fresh = false;
    hearth::epoch owner_epoch{};          // of the supervisor
    node_uuid owner{};                    // its node; none: this one
    node_uuid former{};                   // of the owner before it, whose calls may run still ...
    supervisor_actor former_supervisor{}; // ... and who hears of them
    bool is_orphan = false;               // that node is gone
  };

  /// A replica of a supervisor here that runs on another node, or is ordered there.
  struct placed_replica {
    node_uuid node;
    remote_replica_actor handle;
    supervisor_actor supervisor;
    replica_order order; // of an adopted one only the id is known
    hearth::epoch owner_epoch{};
    std::string key;
    bool has_begun = false; // the node has it
  };

  /// A supervisor of another node that has replicas here.
  struct absent {
    supervisor_actor handle;
    node_uuid node;
  };
  using ownership_key = std::pair<std::string, hearth::epoch>;

  /// A new owner here, as long as some have not said what they have for it.
  struct adoption {
    hearth::epoch owner_epoch{};
    supervisor_actor supervisor;
    std::set<node_uuid> asked;
    bool asks_here = true;
  };

  struct awaited_bundle {
    std::vector<std::pair<replica_order, supervisor_actor>> orders;
    std::vector<node_uuid> sources; // still to be asked
  };

  // -- of the cluster: agent_cluster.cpp ----
  void heard_facts(const control::facts& facts);
  void take(const control::member_changed& fact);
  void take(const control::owner_changed& fact);
  void take(const control::standing& fact);
  template <class Fact>
  void take(const Fact&) {} // others listen to it
  void node_said(node_uuid node, link::messages& messages);
  void node_up(node_uuid node);
  void node_down(node_uuid node, const std::string& why);
  void say(node_uuid node, link::message message);
  void say_to_all(const link::message& message);
  void heard_of(const std::string& key, epoch owner_epoch);
  bool obeys(const std::string& key, epoch owner_epoch);
  void note(const std::string& key, journal_entry::kind_t kind, std::string detail);
  void drain_replicas_of(node_uuid node);
  link::free_capacity free_now() const;
  void report_later();
  void report();
  std::string node_name(node_uuid node) const;

  // -- replicas elsewhere, of supervisors here: agent_placement.cpp ----
  failure unfit(const environment_spec& spec) const;
  std::string find_place(start_queue::entry& entry);
  std::string exceed_somewhere(start_queue::entry& entry);
  std::uint32_t replicas_at(node_uuid node, const std::string& key) const;
  void order_from(node_uuid node, const start_queue::entry& entry, bool alone);
  void note_place(const start_queue::entry& entry, node_uuid node, const std::string& why);
  void hear(node_uuid node, link::replica_event& m);
  void order_again(replica_id id);
  void forget_placed(replica_id id);
  void adopt(const std::string& key, epoch owner_epoch, const supervisor_actor& supervisor);
  void hear(node_uuid node, link::adopted& m);
  void settle_adoption(const std::string& key);

  // -- replicas here, of supervisors elsewhere: agent_hosting.cpp ----
  void hear(node_uuid node, link::free_capacity& m);
  void hear(node_uuid node, link::order& m);
  void hear(node_uuid node, link::withdraw& m);
  void hear(node_uuid node, link::forget& m);
  void hear(node_uuid node, link::dispatch& m);
  void hear(node_uuid node, link::recall& m);
  void hear(node_uuid node, link::cancel_ticket& m);
  void hear(node_uuid node, link::retire& m);
  void hear(node_uuid node, link::adopt& m);
  template <class Message>
  void hear(node_uuid, Message&) {} // the switchboard's; and `promote`: no order of another node waits here
  supervisor_actor absent_owner(const std::string& key, epoch owner_epoch, node_uuid node);
  void end_if_unused(const std::string& key, epoch owner_epoch);
  void end_formers(const std::string& key);
  owned_replica* replica_with(replica_id id);
  void hand_over(const std::string& key, epoch owner_epoch, node_uuid node, const supervisor_actor& to,
                 std::function<void()> done);
  void refuse(node_uuid node, const std::string& key, epoch owner_epoch, replica_id id, failure why);
  void find_owner(owned_replica& made) const;
  void fetch(replica_order order, const supervisor_actor& supervisor);
  void stop_waiting_for_bundle(replica_id id);
  void ask_next_source(const std::string& digest, failure last);
  void store_bundle(const std::string& digest, const payload& content);
  void bundle_is_here(const std::string& digest);
  void no_bundle(const std::string& digest, const failure& why);

  node_agent_actor::pointer self_ = nullptr;
  agent_config config_;
  std::optional<capacity> capacity_;
  start_queue waiting_;
  bool retries_ = false; // a `retry` is on its way
  instant began_;
  std::unordered_map<std::string, supervisor_actor> supervisors_; // by key
  std::unordered_map<std::string, supervisor_actor> gates_;       // by key, in a cluster
  std::unordered_map<caf::actor_addr, front_actor> fronts_;       // by what is behind them
  std::unordered_map<caf::actor_addr, owned_replica> replicas_;
  std::set<caf::actor_addr> sessions_;
  std::unordered_map<replica_id, caf::actor_addr> addresses_; // of `replicas_`
  std::shared_ptr<std::uint64_t> replica_numbers_ = std::make_shared<std::uint64_t>(0);
  std::shared_ptr<std::uint32_t> cores_ = std::make_shared<std::uint32_t>(1); // of the node or cluster
  std::shared_ptr<std::uint64_t> load_ = std::make_shared<std::uint64_t>(0);  // calls that run here

  // In a cluster.
  std::optional<node_views> nodes_;
  cluster::fence fence_;
  struct noted {
    epoch owned, obeyed;
  };
  std::unordered_map<std::string, noted> noted_epochs_; // what the journal was told last, by key
  std::unordered_map<std::string, epoch> owned_;        // of `supervisors_`, by key
  std::map<replica_id, placed_replica> placed_;
  std::unordered_map<caf::actor_addr, replica_id> placed_addresses_;
  std::map<ownership_key, absent> absent_owners_;
  std::map<std::string, adoption> adoptions_;     // by key
  std::map<std::string, awaited_bundle> awaited_; // by digest
  bool reports_ = false;                          // a `report` is on its way
  instant reported_at_{};
  link::free_capacity reported_;
  bool owes_report_ = false; // an order was sent back: its owner waits for word
  instant idle_since_;
  bool draining_ = false;
  instant drain_until_;
  std::set<caf::actor_addr> undrained_; // supervisors with open calls
  bool halted_ = false;                 // the supervisors have been told to quit
  bool ending_ = false;
  std::vector<caf::typed_response_promise<bool>> stopping_;
};

} // namespace hearth
