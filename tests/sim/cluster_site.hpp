#pragma once

#include "cluster/fence.hpp"
#include "cluster/run_home.hpp"
#include "tests/sim/cluster_world.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace hearth::sim {

/// What runs on one node beside its controller, for the life of its process: the home of runs, the owner of environments and
/// the replicas of the node. What is decided about a run and at the fence is decided by the product's own `turn_of`,
/// `need_of`, `verdict_of`, `after_loss`, `replays` and `fence`; what carries it out is played here.
class cluster_site {
public:
  cluster_site(cluster_world& where, std::size_t node);

  /// The log said something.
  void take(const cluster::effects::applied& what);
  /// Everything may have changed.
  void look_at_all();
  void hear(std::size_t from, const word& what);
  /// It ended at `when`; what was said later went over the next one.
  void link_ended(std::size_t peer, instant when);
  /// Gives up an environment that this node owns, a little later: by then it may be another one's.
  void release(const std::string& key, instant after);

private:
  enum class stage : std::uint8_t { preparing, running, ending };

  // A run whose home this node is.
  struct execution {
    std::uint32_t attempt = 0;
    std::uint32_t lost = 0, losses = 0;
    std::string key;
    stage at = stage::preparing;
    bool has_environment = false, is_claimed = false, is_to_end = false, was_made = false;
    std::uint32_t call = 0; // the newest
    instant made{};
    std::size_t owner = 0;
    std::optional<std::size_t> replica;
    ec code = ec::none; // how it ended
    std::string value;
  };

  // A root call that runs in a replica of this node.
  struct root_call {
    std::size_t home = 0, owner = 0;
    std::uint32_t attempt = 0;
    bool replays = false;
    instant begun{};
    std::uint32_t child = 0; // the next one
    bool is_sought = false, excused = false;
    std::string value;
  };
  using call_name = std::pair<std::uint64_t, std::uint32_t>; // run, call

  // cluster_home.cpp
  void submit(cluster::command order, cluster_world::answer then);
  void look_at(std::uint64_t run);
  void look_at_runs();
  cluster::run_sight sight_of(std::uint64_t run) const;
  void prepare(std::uint64_t run);
  void open_environment(std::uint64_t run);
  void claim(std::uint64_t run);
  void make_call(std::uint64_t run);
  void lose(std::uint64_t run);
  void end(std::uint64_t run, ec code, const std::string& value);
  void complete(std::uint64_t run);
  void again(std::uint64_t run, instant after);
  execution* executed(std::uint64_t run, std::uint32_t attempt);
  execution* waits_for(const word& what);
  void answer_seek(std::size_t from, const word& what);
  void keep_record(const word& what);
  child_name kept_as(child_name child) const;

  // cluster_site.cpp
  bool owns(const std::string& key, hearth::epoch epoch) const;
  void own(const std::string& key, hearth::epoch epoch);
  void give_up(const std::string& key, hearth::epoch epoch);
  void place(std::size_t home, const word& what);
  void admit(std::size_t owner, const word& what);
  void go_on(call_name which);
  void run_child(call_name which, bool excused);
  void child_returned(call_name which, std::uint32_t child, const std::string& value);
  bool mutated(site_mutation which) const {
    return (world_.how().faults.site & static_cast<std::uint32_t>(which)) != 0;
  }
  word about(word::kind what, call_name which) const;
  root_call* called_here(call_name which);

  cluster_world& world_;
  std::size_t node_;
  cluster::fence fence_;
  std::map<std::uint64_t, execution> executions_;
  std::map<call_name, root_call> calls_;                                                // in replicas here
  std::map<std::pair<std::size_t, call_name>, std::pair<std::size_t, instant>> placed_; // by homes: on which node, when
  std::map<std::string, hearth::epoch> adopted_;                                        // for what this node owns
  std::set<std::string> warm_; // environments that have a replica here
  std::map<std::size_t, instant> link_ends_;
  std::set<std::pair<std::string, hearth::epoch>> given_up_;
  std::uint32_t next_call_; // unlike those of other nodes and processes
};

} // namespace hearth::sim
