#pragma once

#include "cluster/controller.hpp"
#include "tests/sim/world.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

/// Whole nodes above the consensus: controllers with simulated disks, clocks and links, homes that execute runs, and clients
/// that submit them. What may never happen is looked for at every step (I4 to I9).
namespace hearth::sim {

struct cluster_options {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::size_t voters = 3;
  std::uint32_t mutations = 0;       // bits of cluster::controller_mutation
  std::uint32_t state_mutations = 0; // bits of cluster::control_state::mutation
  bool start_before_claim = false;   // a home starts a run with lost=0 before its claim is committed
  double clock_error = 0.02;
  std::size_t snapshot_entries = 60;
};

class cluster_world {
public:
  explicit cluster_world(cluster_options how);

  instant now() const { return timeline_.now(); }
  void run_until(instant end);
  /// Until `done` or the end; whether it is done.
  bool run_until(instant end, const std::function<bool()>& done);

  // -- faults ----
  void crash(std::size_t node);
  void restart(std::size_t node);
  void freeze(std::size_t node, instant until) { nodes_[node].frozen_until = until; }
  void block_work(std::size_t node, instant until) { nodes_[node].work_blocked_until = until; }
  network& links() { return network_; }
  void report_death(std::size_t node); // the links of the others say that its process is gone

  // -- requests ----
  using answer = std::function<void(const cluster::outcome&)>;
  void submit(std::size_t node, cluster::command order, answer done);
  void read(std::size_t node);
  void stop(std::size_t node);
  /// A client that submits a run, again and again until it knows that it is accepted.
  void client(std::uint64_t number, std::uint32_t lost);

  // -- what there is to see ----
  bool up(std::size_t node) const { return nodes_[node].plane.has_value(); }
  const cluster::controller& plane(std::size_t node) const { return *nodes_[node].plane; }
  std::optional<std::size_t> leader() const;
  bool all_seated() const;
  const std::string& broken() const { return broken_; }
  const std::string& fatal(std::size_t node) const { return nodes_[node].fatal; }
  bool stopped(std::size_t node) const { return nodes_[node].stopped; }
  std::size_t accepted() const { return accepted_.size(); }
  std::size_t renewals() const { return renewals_; }
  std::uint32_t starts(const std::string& run) const;
  /// What is wrong after all was healed and had time to end; empty: nothing.
  std::string unfinished() const;
  chance& random() { return random_; }
  static node_uuid id_of(std::size_t node) { return {0x6e, node + 1}; }

private:
  struct write {
    std::uint64_t token = 0;
    std::optional<cluster::raft::hard_state> hard;
    std::optional<cluster::log_index> truncate_from;
    std::vector<cluster::raft::entry> append;
    std::optional<cluster::raft::snapshot_mark> mark;
    cluster::control_image image;
    bool whole = false, installs = false;
  };
  struct stored {
    cluster::raft::hard_state hard;
    cluster::raft::snapshot_mark mark;
    std::optional<cluster::control_image> image;
    std::deque<cluster::raft::entry> log;
    std::uint64_t incarnation = 0;
  };
  struct execution {
    std::string run;
    std::uint32_t attempt = 0;
  };
  struct body {
    std::optional<cluster::controller> plane;
    stored on_disk;
    disk<write> writes;
    local_clock clock;
    unsigned life = 0;
    instant frozen_until{0}, work_blocked_until{0};
    std::uint64_t timers = 0;
    std::string arriving;
    std::string fatal;
    bool stopped = false;
    std::map<std::uint64_t, answer> open;
    std::map<std::uint64_t, cluster::log_index> reads; // what must be seen
    std::set<std::pair<std::string, std::uint32_t>> executing;
  };
  struct event {
    std::size_t node = 0;
    unsigned life = 0; // 0: whichever it lives
    std::function<void()> run;
  };

  void plan(std::size_t node, instant at, std::function<void()> what);
  void step(std::size_t node, cluster::controller_event what);
  void perform(std::size_t node, cluster::controller_effect what);
  void on(std::size_t node, cluster::effects::send what);
  void on(std::size_t node, const cluster::effects::answer& what);
  void on(std::size_t node, const cluster::effects::readable& what);
  void on(std::size_t node, const cluster::effects::applied& what);
  void on(std::size_t node, const cluster::effects::replaced&) { execute_all(node); }
  void on(std::size_t node, const cluster::effects::seated&) { execute_all(node); }
  void on(std::size_t, const cluster::effects::lease&) {}
  void on(std::size_t node, cluster::effects::keep_snapshot what);
  void on(std::size_t node, const cluster::effects::set_timer& what);
  void on(std::size_t node, const cluster::effects::fatal& what) { nodes_[node].fatal = what.why.message; }
  void on(std::size_t node, const cluster::effects::stopped&) { nodes_[node].stopped = true; }
  void on(std::size_t node, cluster::raft::store what);
  void on(std::size_t node, const cluster::raft::keep_chunk& what);
  void on(std::size_t node, const cluster::raft::install& what);
  void on(std::size_t node, const cluster::raft::fetch_chunk& what);
  void on(std::size_t, const cluster::raft::role&) {}
  void put(std::size_t node, write what);
  void complete(std::size_t node);
  void work_loop(std::size_t node);
  void check(std::size_t node, const cluster::effects::applied& what);
  void check_seat_end(const cluster::facts::seat_ended& what);
  std::string misplaced(const cluster::control_state& state) const;
  void execute_all(std::size_t node);
  void execute(std::size_t node, const cluster::run_record& run);
  void start(std::size_t node, const std::string& run, std::uint32_t attempt);
  void finish(std::size_t node, const std::string& run, std::uint32_t attempt);
  void violated(const std::string& what);

  cluster_options how_;
  chance random_;
  timeline<event> timeline_;
  network network_;
  std::vector<body> nodes_;
  std::uint64_t next_request_ = 1;

  // the truth
  std::string broken_;
  cluster::log_index seen_ = 0; // entries up to here were checked
  std::map<cluster::log_index, std::uint64_t> digests_;
  std::map<std::string, std::pair<seat_id, hearth::epoch>> owners_;
  std::map<std::string, std::string> ends_; // of runs: their bytes
  std::map<std::string, std::uint32_t> starts_;
  std::set<std::string> at_most_once_;
  std::set<std::string> accepted_;
  cluster::log_index answered_ = 0; // the newest entry that somebody was told of
  std::size_t renewals_ = 0;
};

struct cluster_result {
  std::string broken; // empty: all held
  std::size_t accepted = 0;
  std::size_t renewals = 0;
};

/// 20 s with faults, then all is healed and must come to an end within 30 s.
cluster_result run_cluster(const cluster_options& how);

} // namespace hearth::sim
