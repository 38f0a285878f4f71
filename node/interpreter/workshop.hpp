#pragma once

#include "actors/interfaces.hpp"
#include "node/interpreter/cgroup.hpp"
#include "node/interpreter/interpreter_link.hpp"
#include "node/interpreter/sandbox_plan.hpp"
#include "node/interpreter/zygote.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hearth::node {

/// What every workshop of a foundry needs.
struct workshop_tools {
  work_loop& loop;
  std::string boot;                       // path of the SDK's hearth/_worker/boot.py
  std::vector<std::string> variables;     // "NAME=value" for every interpreter
  std::string default_python;             // of environments that tasks open without naming one
  std::uint64_t default_memory_limit = 0; // bytes per replica; 0: none
  bool force_spawn = false;               // never fork
  bool sets_gpus = false;                 // the node gives GPUs away: a replica sees its own and no others
  bool cpu_bars = false;                  // limits of cpu hold even while cores are idle
  cgroup_tree* groups = nullptr;          // null: memory limits are watched
  isolation_settings isolation;
  std::function<void()> on_change; // something ended; called on the loop, must not destroy the workshop
};

/// Makes the replicas of one environment version: keeps its zygote and forks, or spawns a process per replica where the
/// zygote says that it cannot be forked. Every order ends in exactly one `attach` or `unmade`; a rehearsal in `unmade` as soon
/// as a process has imported the code. Loop thread only.
class workshop final : public std::enable_shared_from_this<workshop>, private zygote::owner {
public:
  /// `tools` must outlive the workshop.
  workshop(const workshop_tools& tools, spec_ptr spec);

  /// Takes an order. True: a process has to be launched for it; `launch` or `refuse` must follow.
  bool take(replica_order order);

  /// Starts a process; `directory` is the unpacked bundle.
  void launch(const std::string& directory);

  /// The bundle cannot be had.
  void refuse(const failure& why);

  /// No replica is wanted any more: the zygote ends with the last one, unless another order comes before.
  void forget();

  /// Ends everything; orders that wait are refused.
  void stop();

  /// Nothing waits and no process is left.
  bool empty() const noexcept;
  /// No replica is left or on its way; a zygote may be.
  bool idle() const noexcept;
  bool forgotten() const noexcept { return forgotten_; }

  /// Ends a zygote that is not needed any more.
  void tidy();

  bool knows(pid_t pid) const noexcept;
  /// What replicas that have ended left behind in a sandbox that goes on.
  void strays(std::vector<pid_t>& into) const;
  /// The replicas whose memory is limited.
  void limited(std::vector<std::shared_ptr<interpreter_link>>& into) const;
  /// The replicas that are to be recycled by growth and have run calls since they were asked for here.
  void grown(std::vector<std::shared_ptr<interpreter_link>>& into) const;
  /// Replicas have a memory limit, and there are some or will be.
  bool is_limited() const noexcept;
  /// Replicas are to be recycled by growth, and there are some or will be.
  bool may_grow() const noexcept;
  void list(std::vector<std::pair<replica_id, std::uint64_t>>& into) const;

private:
  enum class stage { starting, parent, ending };

  using clock = std::chrono::steady_clock;

  struct hand {
    std::unique_ptr<zygote> process;
    stage at = stage::starting;
    clock::time_point started = clock::now();
  };

  /// An order that nothing was done for yet.
  struct wish {
    replica_order order;
    clock::time_point since = clock::now();
    nanoseconds import{0}; // of this time, it waited for an interpreter to import the code
  };

  /// Our ends of what a replica in the making was given.
  struct making {
    wish wanted;
    slot_table table;
    kj::AutoCloseFd socket;
    kj::AutoCloseFd output;
    pid_t zygote = 0;
  };

  struct made {
    std::shared_ptr<interpreter_link> link;
    pid_t zygote = 0; // that forked it; 0: none did
  };

  // zygote::owner
  void on_ready(zygote& from, const zygote_message::ready& what) override;
  void on_forked(zygote& from, const zygote_message::forked& what, kj::AutoCloseFd pidfd) override;
  void on_exited(zygote& from, const zygote_message::exited& what) override;
  void on_end(zygote& from, const failure& why) override;

  void start_process();
  void serve();
  void answer_rehearsals();
  void count_imports(const zygote& from);
  void fork(const wish& wanted);
  void become(zygote& from);
  void attach(making what, interpreter_link::process process);
  std::uint64_t memory_limit() const noexcept;
  std::shared_ptr<const cgroup> group_for(replica_id id, pid_t pid) const;
  void fail_waiting(const failure& why);
  void unmake(const replica_order& order, const failure& why);
  hand& hand_of(const zygote& process);
  std::size_t count(stage at) const noexcept;
  void end(hand& which);

  const workshop_tools& tools_;
  spec_ptr spec_;
  std::string directory_;
  std::deque<wish> waiting_;
  std::size_t launching_ = 0; // directories asked for
  std::vector<hand> hands_;
  zygote* parent_ = nullptr; // forks replicas
  bool has_slot_table_ = false;
  std::optional<std::string> spawn_reason_; // known once a process said that it cannot be forked
  std::unordered_map<replica_id, making> forking_;
  std::unordered_map<replica_id, made> made_;
  bool forgotten_ = false;
  bool stopping_ = false;
};

} // namespace hearth::node
