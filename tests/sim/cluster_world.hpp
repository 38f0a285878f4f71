#pragma once

#include "cluster/controller.hpp"
#include "tests/sim/cluster_oracle.hpp"
#include "tests/sim/cluster_words.hpp"
#include "tests/sim/world.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Whole nodes: the controller of each with a simulated disk, clock and links, and beside it a `cluster_site`, which is home
/// of runs, owner of environments and keeper of replicas. What may never happen is looked for at every step, by the oracle.
namespace hearth::sim {

class cluster_site;

/// Deliberate faults, by the room in which they are.
struct cluster_faults {
  std::uint32_t controller = 0; // bits of cluster::controller_mutation
  std::uint32_t state = 0;      // bits of cluster::control_state::mutation
  std::uint32_t home = 0;       // bits of cluster::home_mutation
  std::uint32_t raft = 0;       // bits of cluster::raft::mutation
  std::uint32_t site = 0;       // bits of site_mutation
};

/// Faults of what the simulation plays itself.
enum class site_mutation : std::uint32_t {
  none = 0,
  fence_is_open = 1U << 0,      // a node does what a former owner wants (see cluster::fence)
  owns_without_lease = 1U << 1, // an owner goes on when its lease is over
  records_by_place = 1U << 2,   // what a child returned is kept without the run that it belongs to
};

struct cluster_options {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::size_t voters = 3; // the first ones
  cluster_faults faults;
  double clock_error = 0.02;
  std::size_t snapshot_entries = 60, entries_behind_snapshot = 1024;
  std::size_t older = 0;      // so many of the last nodes understand feature level 1 only
  std::size_t founded = 0;    // so many nodes are members from the beginning
  std::size_t lines_kept = 0; // of the chronicle; 0: none is made
};

class cluster_world {
public:
  explicit cluster_world(cluster_options how);
  ~cluster_world();

  // -- time ----
  instant now() const { return timeline_.now(); }
  void run_until(instant end);
  /// Until `done` or the end; whether it is done.
  bool run_until(instant end, const std::function<bool()>& done);
  void at(instant when, std::function<void()> what);
  /// On this node, unless its process ends before.
  void later(std::size_t node, instant delay, std::function<void()> what);

  // -- faults ----
  void crash(std::size_t node);
  void restart(std::size_t node);
  void freeze(std::size_t node, instant until);
  void set_disk(std::size_t node, instant low, instant high);
  void block_work(std::size_t node, instant until) { nodes_[node].work_blocked_until = until; }
  network& links() { return network_; }
  /// It hears that others live, and what is long does not arrive.
  void starve(std::size_t node, bool is_starved) { nodes_[node].starved = is_starved; }
  /// The links of the others say that its process is gone.
  void report_death(std::size_t node);
  /// A copy of the disk of a node; and the same put into a node that is down.
  struct stored;
  std::shared_ptr<stored> copy_disk(std::size_t node) const;
  void put_disk(std::size_t node, const std::shared_ptr<stored>& copy);

  // -- requests ----
  using answer = std::function<void(const cluster::outcome&)>;
  void submit(std::size_t node, cluster::command order, answer done);
  void read(std::size_t node);
  void stop(std::size_t node);
  void tell(std::size_t from, std::size_t to, word what);

  // -- what there is to see ----
  std::size_t size() const { return nodes_.size(); }
  bool up(std::size_t node) const { return nodes_[node].plane.has_value(); }
  bool frozen(std::size_t node) const { return nodes_[node].frozen_until > now(); }
  const cluster::controller& plane(std::size_t node) const { return *nodes_[node].plane; }
  const cluster::control_state& state(std::size_t node) const { return plane(node).state(); }
  cluster_site& site(std::size_t node) { return *nodes_[node].site; }
  unsigned life(std::size_t node) const { return nodes_[node].life; }
  bool has_lease(std::size_t node) const;
  /// Of the highest generation and term.
  std::optional<std::size_t> leader() const;
  bool all_seated() const;
  const std::string& fatal(std::size_t node) const { return nodes_[node].fatal; }
  bool leaving(std::size_t node) const { return nodes_[node].leaving; }
  bool stopped(std::size_t node) const { return nodes_[node].stopped; }
  std::map<child_name, std::string>& records(std::size_t node) { return nodes_[node].records; }
  /// Whose agreement may be needed for progress: the voters that anybody knows, on a disk or in a log.
  std::vector<std::vector<std::size_t>> electorates() const;
  std::size_t in_newest_generation() const;
  std::uint32_t newest_generation() const;
  /// Requests that were not answered although their node could have, for this long.
  std::string unanswered(instant patience) const;
  cluster_oracle& truth() { return truth_; }
  const cluster_oracle& truth() const { return truth_; }
  chance& random() { return random_; }
  const cluster_options& how() const { return how_; }
  std::uint64_t steps() const { return steps_; }
  std::uint64_t trace_hash() const { return trace_.value(); }
  bool telling() const { return how_.lines_kept > 0; }
  void say(const std::string& line);
  const std::deque<std::string>& lines() const { return lines_; }

  static node_uuid id_of(std::size_t node) { return {0x6e, node + 1}; }
  static std::size_t node_of(const node_uuid& id) { return static_cast<std::size_t>(id.lo - 1); }

private:
  struct write {
    std::uint64_t token = 0;
    std::optional<cluster::raft::hard_state> hard;
    std::optional<cluster::log_index> truncate_from;
    std::vector<cluster::raft::entry> append;
    std::optional<cluster::raft::snapshot_mark> mark;
    std::shared_ptr<const cluster::control_image> image;
    bool whole = false, installs = false;
  };
  struct arrival {
    std::size_t from;
    cluster::control_message message;
  };
  struct said {
    std::size_t from;
    unsigned life_of_sender;
    word what;
  };
  struct timer {
    std::uint64_t number;
  };
  struct written {};
  struct turn {}; // of the work loop
  struct action {
    std::function<void()> run;
  };
  struct event {
    std::size_t node = 0;
    unsigned life = 0; // 0: whichever it lives
    std::variant<arrival, said, timer, written, turn, action> what;
  };
  struct request {
    answer done;
    instant begun{};
  };
  struct reading {
    cluster::log_index floor = 0; // what must be seen
    instant begun{};
  };
  struct body {
    std::optional<cluster::controller> plane;
    std::unique_ptr<cluster_site> site;
    std::shared_ptr<stored> on_disk;
    std::map<child_name, std::string> records; // on disk, too
    disk<write> writes;
    local_clock clock;
    unsigned life = 0;
    instant frozen_until{0}, work_blocked_until{0}, thawed{0};
    std::uint64_t timers = 0;
    std::string arriving;
    std::string fatal;
    bool leaving = false, stopped = false, starved = false;
    std::map<std::uint64_t, request> open;
    std::map<std::uint64_t, reading> reads;
    cluster::raft::role role;
  };

  void deliver(event what);
  void step(std::size_t node, cluster::controller_event what);
  void on(std::size_t node, cluster::effects::send what);
  void on(std::size_t node, const cluster::effects::answer& what);
  void on(std::size_t node, const cluster::effects::readable& what);
  void on(std::size_t node, const cluster::effects::applied& what);
  void on(std::size_t node, const cluster::effects::replaced&);
  void on(std::size_t node, const cluster::effects::seated& what);
  void on(std::size_t, const cluster::effects::lease&) {} // asked for when it is needed
  void on(std::size_t node, cluster::effects::keep_snapshot what);
  void on(std::size_t node, const cluster::effects::set_timer& what);
  void on(std::size_t node, const cluster::effects::fatal& what);
  void on(std::size_t node, const cluster::effects::stopped&);
  void on(std::size_t node, cluster::raft::store what);
  void on(std::size_t node, const cluster::raft::keep_chunk& what);
  void on(std::size_t node, const cluster::raft::install& what);
  void on(std::size_t node, const cluster::raft::fetch_chunk& what);
  void on(std::size_t node, const cluster::raft::role& what);
  void put(std::size_t node, write what);
  void complete(std::size_t node);
  void hear(std::size_t node, const said& what);
  void break_link(std::size_t one, std::size_t other);
  void end_site(std::size_t node);
  void tell_story(std::size_t node, const cluster::effects::applied& what);

  cluster_options how_;
  chance random_;
  timeline<event> timeline_;
  network network_;
  std::vector<body> nodes_;
  std::map<std::pair<std::size_t, std::size_t>, instant> last_word_; // words arrive in their order
  std::uint64_t next_request_ = 1;
  cluster_oracle truth_;
  std::uint64_t steps_ = 0;
  digest trace_;
  std::vector<std::shared_ptr<const cluster::control_image>> images_; // travel as their number
  std::deque<std::string> lines_;
};

struct cluster_world::stored {
  cluster::raft::hard_state hard;
  cluster::raft::snapshot_mark mark;
  std::shared_ptr<const cluster::control_image> image;
  std::deque<cluster::raft::entry> log;
  std::uint64_t incarnation = 0;
};

} // namespace hearth::sim
