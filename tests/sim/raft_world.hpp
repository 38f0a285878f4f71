#pragma once

#include "cluster/raft.hpp"
#include "tests/sim/raft_oracle.hpp"
#include "tests/sim/world.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Nodes of the control log with simulated disks, clocks and links, and a shell around each as cluster/raft.hpp wants it.
namespace hearth::sim {

namespace raft = cluster::raft;
using cluster::log_index;

struct world_options {
  std::uint64_t seed = 1;
  std::size_t voters = 3;
  std::size_t nodes = 3; // the first ones are the voters
  std::uint32_t mutations = 0;
  log_index snapshot_every = 50;     // entries
  std::size_t snapshot_bytes = 300;  // in pieces of 128
  double clock_error = 0;            // rates are off by up to this share
  instant disk_latency = from_ms(3); // at most, until somebody changes it
  double damage = 0;                 // share of states that arrive damaged
  bool late_joiners = false;         // those that do not vote know nothing at first
  raft::config limits{};
  std::size_t lines_kept = 0; // of the trace; 0: none are made
  bool chronicle = false;     // only what a reader of a story wants to know
};

/// The simulated state machine: which entries it has applied.
struct machine {
  log_index index = 0;
  std::uint64_t hash = 0;
};

class raft_world {
public:
  explicit raft_world(world_options how);

  // -- time ----
  instant now() const { return timeline_.now(); }
  void run_until(instant end);
  void at(instant when, std::function<void()> what) { timeline_.plan(when, event{0, 0, action{std::move(what)}}); }

  // -- faults ----
  void crash(std::size_t node);
  void restart(std::size_t node);
  void freeze(std::size_t node, instant until);
  void set_disk(std::size_t node, instant low, instant high);
  void cut(std::size_t from, std::size_t to, bool is_cut = true);
  void cut_both(std::size_t one, std::size_t other, bool is_cut = true);
  network& links() { return network_; }

  // -- requests ----
  enum class result : std::uint8_t { done, refused, unknown };
  using answer = std::function<void(result, std::optional<std::size_t> leader)>;
  void propose(std::size_t node, std::string data, answer done, std::vector<std::size_t> voters = {});
  void read(std::size_t node, answer done);
  void transfer(std::size_t node);

  // -- what there is to see ----
  std::size_t size() const { return nodes_.size(); }
  bool up(std::size_t node) const { return nodes_[node].core.has_value(); }
  bool frozen(std::size_t node) const { return nodes_[node].frozen_until > now(); }
  const raft::node& core(std::size_t node) const { return *nodes_[node].core; }
  std::optional<std::size_t> leader() const; // of the highest generation and term
  log_index applied(std::size_t node) const { return nodes_[node].state.index; }
  /// Whose agreement may be needed before the newest generation can go on: voters and seals that are known anywhere.
  std::vector<std::vector<std::size_t>> electorates() const;
  /// A node whose disk is in the newest generation that is durable anywhere, and that generation.
  std::size_t in_newest_generation() const;
  std::uint32_t newest_generation() const { return nodes_[in_newest_generation()].on_disk.mark.generation; }
  const oracle& truth() const { return truth_; }
  chance& random() { return random_; }
  std::uint64_t steps() const { return steps_; }
  std::uint64_t trace_hash() const { return trace_.value(); }
  const std::deque<std::string>& lines() const { return lines_; }
  void tell(const std::string& line) { say(line, true); }
  bool telling() const { return how_.lines_kept > 0; }

  static node_uuid id_of(std::size_t node) { return {0x6e, node + 1}; }
  static std::size_t node_of(const node_uuid& id) { return static_cast<std::size_t>(id.lo - 1); }

private:
  struct write {
    std::uint64_t token = 0; // of a store; 0: a snapshot
    std::optional<raft::hard_state> hard;
    std::optional<log_index> truncate_from;
    std::vector<raft::entry> append;
    raft::snapshot_mark mark;
    machine state;
    bool whole = false; // the log goes with it: of `seal` and `install`
    bool installs = false;
  };
  struct image {
    raft::hard_state hard;
    raft::snapshot_mark mark;
    machine state;
    std::deque<raft::entry> log;
    std::optional<std::uint64_t> term_at(log_index index) const;
  };
  struct arrival {
    std::size_t from;
    raft::message message;
  };
  struct timer {
    std::uint64_t number;
  };
  struct written {};
  struct piece {
    raft::snapshot_data data;
  };
  struct asked {
    raft::event what;
  };
  struct action {
    std::function<void()> run;
  };
  struct event {
    std::size_t node = 0;
    unsigned life = 0; // 0: whichever it lives
    std::variant<arrival, timer, written, piece, asked, action> what;
  };
  struct question {
    std::uint64_t term = 0;
    std::uint64_t id = 0;
  };
  struct request {
    std::size_t node = 0;
    log_index floor = 0; // of a read: it must see this
    answer done;
  };
  struct member {
    std::optional<raft::node> core;
    image on_disk;
    disk<write> writes;
    local_clock clock;
    machine state;
    unsigned life = 0;
    instant frozen_until{0};
    std::uint64_t timers = 0;
    bool snapshotting = false, replacing = false, led = false;
    std::string arriving; // pieces of a state
    std::map<log_index, question> open;
    // The digests of the log in memory, from `chain_base` on.
    log_index chain_base = 0;
    std::deque<std::uint64_t> chain;
    // I3: what it has shown to the world.
    std::uint64_t sent_term = 0;
    std::uint32_t sent_generation = 0;
    std::uint64_t term = 0;
    log_index commit = 0;
  };

  void deliver(event what);
  void step(std::size_t node, const raft::event& what);
  void check_foreign(std::size_t node, const raft::event& what, const raft::effects& effects) const;
  void check_step(std::size_t node);
  void perform(std::size_t node, raft::effect& what);
  void on(std::size_t node, raft::send& what);
  void on(std::size_t node, raft::store& what);
  void on(std::size_t node, raft::commit& what);
  void on(std::size_t node, raft::seal& what);
  void on(std::size_t node, raft::keep_chunk& what);
  void on(std::size_t node, raft::install& what);
  void on(std::size_t node, raft::fetch_chunk& what);
  void on(std::size_t node, raft::proposed& what);
  void on(std::size_t node, raft::refused& what);
  void on(std::size_t node, raft::readable& what);
  void on(std::size_t node, raft::role& what);
  void on(std::size_t node, raft::set_timer& what);
  void apply(std::size_t node, const raft::entry& what);
  void check_sent(std::size_t node, const raft::message& what);
  void check_durable(std::size_t node, const raft::entry& what);
  void check_complete(std::size_t node, const raft::role& what);
  void take_snapshot(std::size_t node);
  void put(std::size_t node, write what);
  void complete(std::size_t node);
  static void keep(image& on_disk, const write& what);
  void chain_from(std::size_t node, const raft::snapshot_mark& mark, std::uint64_t hash);
  std::uint64_t chain_at(const member& it, log_index index) const;
  std::string content(const machine& state) const;
  void reply(answer done, result how, std::optional<std::size_t> leader);
  void say(const std::string& line, bool story);

  world_options how_;
  chance random_;
  timeline<event> timeline_;
  network network_;
  std::vector<member> nodes_;
  oracle truth_;
  std::map<std::uint64_t, request> requests_;
  std::uint64_t next_request_ = 1;
  // Of the node that steps, before its step.
  std::uint32_t generation_before_ = 0;
  std::vector<node_uuid> voters_before_;
  std::uint64_t led_before_ = 0;              // the term that it led; 0: none
  std::vector<std::vector<node_uuid>> seals_; // all that were ever proposed
  std::uint64_t steps_ = 0;
  digest trace_;
  std::deque<std::string> lines_;
};

/// One line about a message, for traces.
std::string shown(const raft::message& what);

} // namespace hearth::sim
