#pragma once

#include "actors/interfaces.hpp"
#include "node/interpreter/orphans.hpp"
#include "node/interpreter/workshop.hpp"
#include "node/store/off_loop.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth::node {

struct foundry_config {
  work_loop& loop;
  std::string boot; // path of the SDK's hearth/_worker/boot.py
  bundles_actor bundles;
  std::vector<std::string> variables;     // "NAME=value" for every interpreter
  std::string default_python;             // of environments that name none
  std::uint64_t default_memory_limit = 0; // bytes per replica; 0: none
  bool force_spawn = false;               // never fork
  bool sets_gpus = false;                 // the node gives GPUs away: a replica sees its own and no others
  bool cpu_bars = false;                  // limits of cpu hold even while cores are idle
  /// Makes the groups in which the kernel limits replicas; null: the foundry watches their memory. Outlives the foundry.
  cgroup_tree* groups = nullptr;
  /// Children of this process that the foundry did not start are what interpreters left behind, and are killed. True in
  /// a daemon, whose only children are these.
  bool ends_orphans = true;
  isolation_settings isolation{};
  /// Children of this process that others started.
  std::function<bool(pid_t)> is_known_child = [](pid_t) { return false; };
  /// Hears the digest of a bundle that was opened and that no process of the environment version uses any more; once for
  /// each `open` that was answered.
  std::function<void(const std::string&)> on_bundle_unused = [](const std::string&) {};
};

/// foundry_actor, its own clock, and what the thread that looks at memory has found.
using foundry_shell = foundry_actor::extend<caf::reacts_to<atom::tick>, takes_completions>;

/// The FOUNDRY is the door to processes: a workshop per environment version, the memory watch over all replicas, the
/// orphans of all of them. It answers each order through the replica that the order names.
///
/// Spawned by: the node, once. Spawns an INTERPRETER for each replica that it makes.
/// Monitors:   no actor; processes, by their pidfds. An INTERPRETER ends with its replica by itself.
/// Dies:       with the node; `stop`, after which no process of it is left, comes before.
class foundry_state {
public:
  static inline const char* name = "foundry";

  foundry_shell::behavior_type make_behavior(foundry_shell::pointer self, const foundry_config& config);

private:
  void start(replica_order& order);
  void launch(const std::shared_ptr<workshop>& shop, const spec_ptr& spec, const std::string& directory);
  struct looked_at {
    std::weak_ptr<interpreter_link> link; // the thread that looks is to own none
    bool is_measured = false;             // for its growth; otherwise for its limit alone
  };

  void look_at_memory(bool with_growth);
  void found(const std::vector<looked_at>& links, const std::vector<std::uint64_t>& used);
  void look_again();
  void tick();
  void tick_soon();
  bool is_empty();

  foundry_shell::pointer self_ = nullptr;
  bundles_actor bundles_;
  std::optional<workshop_tools> tools_;                                  // before the workshops, which refer to it
  std::unordered_map<std::string, std::shared_ptr<workshop>> workshops_; // by key and version
  std::unordered_map<std::string, std::string> bundles_in_use_;          // digest, by key and version of the workshop
  std::function<void(const std::string&)> on_bundle_unused_;
  std::unique_ptr<orphans> orphans_;
  std::unique_ptr<loop_timer> memory_timer_;
  std::unique_ptr<loop_timer> growth_timer_;
  bool is_looking_ = false;
  std::optional<writer> watcher_; // looks at memory; not the disk's thread, which may be stuck while memory runs out
  std::vector<caf::typed_response_promise<bool>> stopping_;
  bool tick_is_coming_ = false;
};

/// Throws std::system_error when this process cannot adopt orphans.
foundry_actor spawn_foundry(const foundry_config& config);

} // namespace hearth::node
