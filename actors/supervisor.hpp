#pragma once

#include "actors/interfaces.hpp"
#include "actors/pool.hpp"

#include <memory>
#include <string>
#include <unordered_map>

namespace hearth {

/// The SUPERVISOR owns one environment (project, domain, name): one `pool` per version (and run, where the reuse policy is
/// of that scope) with its queue, and the replicas that the agent makes for it. It is the shell around `pool`: messages become events, effects become messages.
///
/// Spawned by: the AGENT, when the environment is opened for the first time.
/// Monitors:   its REPLICAs (one that dies without a word counts as lost with all its calls) and the AGENT.
/// Dies:       when the AGENT says `halt`, which it does when no environment of the node has open calls; after `disown`, when
///             nothing runs and its replicas are another's, or nobody claims them in time; with the AGENT.
/// Promises:   every call taken is answered once: by the replica with its result, or from here with a failure.
struct supervisor_config {
  std::string key; // "project/domain/name"
  agent_actor agent;
  std::shared_ptr<std::uint64_t> replica_numbers; // the node's counter
  std::shared_ptr<const std::uint32_t>
    cores;               // of the node or cluster: bounds replicas of an environment without `reusable`
  journal_actor journal; // may be empty: then nothing is written
  milliseconds zygote_ttl = defaults::zygote_ttl; // how long a zygote outlives the replicas
  hearth::epoch epoch{};                          // of the ownership; none: the node is alone
};

/// The limits that a spec asks for on a node or cluster of this many cores.
pool_limits limits_of(const environment_spec& spec, std::uint32_t cores,
                      milliseconds zygote_ttl = defaults::zygote_ttl);

class supervisor_state {
public:
  static inline const char* name = "supervisor";

  supervisor_actor::behavior_type make_behavior(supervisor_actor::pointer self, supervisor_config config);

private:
  struct known_replica {
    replica_actor handle;
    attachment how;
    std::uint32_t pid = 0;
    nanoseconds start{0};
    bool retire_when_ready = false;
  };

  struct version {
    explicit version(pool p) : calls(std::move(p)) {}

    pool calls;
    std::vector<call> kept; // by the low half of the ticket
    std::unordered_map<replica_id, known_replica> replicas;
    std::uint32_t starts = 0;
    nanoseconds start_total{0};
    std::string spawn_reason;
    bool forked = false;
    spec_ptr latest;                  // whose policy acts on it
    std::string reason;               // why it is not the pool that was there before
    std::uint64_t failed_replica = 0; // the last one that was lost, or not made
  };

  void invoke(std::vector<call>& calls);
  void cancel(const std::vector<cancellation>& what);
  std::vector<call_id> open_of(const caller_actor& caller, const std::vector<call_id>& asked) const;
  bool open(const spec_ptr& spec, bool deploy);
  void take(replica::events& events);
  void take(version& v, replica::ready& e);
  void take(version& v, replica::start_failed& e);
  void take(version& v, replica::done& e);
  void take(version& v, replica::parked& e);
  void take(version& v, replica::resumed& e);
  void take(version& v, replica::recalled& e);
  void take(version& v, replica::lost& e);
  void take(version& v, replica::waiting& e);
  void take(version& v, replica::overcommitted& e);
  void take(version& v, replica::memory& e);
  void replica_down(const caf::down_msg& down);
  void tick();
  void stop(milliseconds grace);
  void list(std::vector<environment_row>& environments, std::vector<replica_row>& replicas) const;
  environment_row row_of(const std::string& version_name, const version& v) const;
  replica_row row_of(const version& v, const pool::replica_view& member) const;
  static void count(const pool::counters& count, environment_row& into);
  void keep_totals(const pool::counters& count);

  bool knows(const std::string& version_name) const;
  /// The pool that serves calls of this root: one per version, or, where the policy says so, one per version and run.
  version& pool_of(const spec_ptr& spec, call_id root);
  version* version_with(replica_id id);
  void apply(version& v);
  void perform(version& v, const pool_effect::start& e);
  void perform(version& v, const pool_effect::promote& e);
  void perform(version& v, const pool_effect::withdraw& e);
  void perform(version& v, const pool_effect::decided& e);
  void perform(version& v, const pool_effect::cool& e);
  void perform(version& v, const pool_effect::dispatch& e);
  void perform(version& v, const pool_effect::recall& e);
  void perform(version& v, const pool_effect::stop& e);
  void perform(version& v, const pool_effect::retire& e);
  void perform(version& v, const pool_effect::fail& e);
  void perform(version& v, const pool_effect::release& e);
  replica_actor reach(version& v, replica_id id);
  void refuse(call& c, failure why);
  void reply(const caller_actor& to, call_reply answer);
  void record(const version& v, ticket id, const call& c, action_event::phase_t phase, ec code, nanoseconds run,
              replica_id where, std::string error);
  void note(const version& v, journal_entry::kind_t kind, replica_id about, std::string detail);
  void flush();
  void settle_turn();
  void settle_stop();
  void halt();
  void disown();
  void settle_disowned();
  void adopt(std::vector<adoptable>& found, bool are_all);
  bool claim(version& v, const adoptable& found);
  void claim_for(version& v);
  void end_unclaimed();
  void drain(const std::vector<replica_id>& replicas);
  void forget_expired();
  void arm();
  instant now() const { return self_->clock().now(); }

  supervisor_actor::pointer self_ = nullptr;
  supervisor_config config_;
  std::unordered_map<std::string, std::unique_ptr<version>> versions_;
  std::unordered_map<replica_id, version*> replica_index_;
  pool_totals forgotten_; // of pools that are
  spec_ptr newest_;       // that was opened
  spec_ptr before_;       // the one before it

  // Of the message being handled.
  pool_effects effects_;
  call_reply* failed_ = nullptr; // the reply of the execution that just failed
  std::vector<std::pair<replica_actor, std::vector<dispatched_call>>> dispatches_;
  std::vector<std::pair<caller_actor, std::vector<call_reply>>> replies_;
  std::vector<std::pair<caller_actor, std::vector<action_event>>> actions_; // by recorder
  std::vector<journal_entry> journal_;

  std::optional<instant> armed_;
  std::optional<instant> stop_at_;
  bool aborted_ = false; // the grace of a stop is over
  bool drained_ = false; // as the agent knows it

  struct unclaimed {
    adoptable what;
    instant until;
  };
  std::vector<unclaimed> unclaimed_;      // warm, of versions that nobody has opened yet
  std::optional<instant> adopting_until_; // no replica starts before: warm ones may be found
  std::optional<instant> disowned_until_; // set: another node owns the environment
};

} // namespace hearth
