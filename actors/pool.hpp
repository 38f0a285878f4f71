#pragma once

#include "actors/autoscaler.hpp"
#include "actors/environment.hpp"
#include "actors/fair_queue.hpp"
#include "actors/pool_effects.hpp"
#include "core/defaults.hpp"
#include "core/errors.hpp"
#include "core/ids.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace hearth {

/// How one version of an environment wants to be served.
struct pool_limits {
  std::uint32_t min_replicas = 0;
  std::uint32_t max_replicas = 1;
  std::uint32_t concurrency = 1;
  bool fresh = false;                                           // every replica serves one call
  std::chrono::milliseconds idle_ttl = defaults::idle_ttl;      // without calls; then all replicas end
  std::chrono::milliseconds scaledown_ttl = defaults::idle_ttl; // of one replica above the minimum, likewise
  std::chrono::milliseconds zygote_ttl = defaults::zygote_ttl;  // without replicas; then the zygote ends too
  bool prewarm = false;                                         // start a replica when the history says that calls come
  std::uint64_t recycle_calls = 0;                              // replace a replica after so many; 0: never
  std::chrono::milliseconds recycle_age{0};                     // or so old
  std::uint64_t recycle_growth = 0;                             // or when it has grown by so many bytes
  scaling::metric metric = scaling::metric::none;               // what the number of replicas follows
  std::uint32_t target = 0;                                     // of the metric, per replica
};

/// The queue and the replicas of one environment version: admission, dispatch order, calls ahead, slot lending, retries,
/// limits in time. Pure: an event in, effects out; no clock, no actor, no process. Not thread-safe.
///
/// A call is *queued*, or *sent* to a replica (where it may not have begun: the slot table knows), or *parked* (it waits
/// for its children and its slot is lent), or waits out a *backoff*. The pool counts what it has sent; the interpreter is
/// the authority on what runs and never runs more than `concurrency`.
class pool {
public:
  using instant = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  struct request {
    call_id root;
    std::uint16_t depth = 0;
    std::uint32_t task = 0;
    std::uint64_t size = 0;                // bytes of its arguments
    std::chrono::milliseconds deadline{0}; // that remains; 0: unlimited
  };

  struct refusal {
    failure why;
  };

  pool(std::shared_ptr<const environment_spec> spec, pool_limits limits, std::function<replica_id()> next_replica);

  // -- events ----

  /// Takes a call or refuses it; never refuses a nested one for lack of room. `serve` follows, once for several.
  std::variant<ticket, refusal> admit(const request& what, instant now);
  /// Hands out what was admitted, and decides about replicas.
  void serve(instant now, pool_effects& out) { pump(now, out); }

  /// `can_hold_ahead`: the replica keeps a slot table. `start_up`: what the next one will take; not said: the time since this
  /// one was asked for.
  void replica_ready(replica_id id, bool can_hold_ahead, instant now, pool_effects& out,
                     std::optional<duration> start_up = std::nullopt);
  void replica_unmade(replica_id id, const failure& why, instant now, pool_effects& out);
  void replica_lost(replica_id id, const failure& why, const std::vector<ticket>& begun, instant now,
                    pool_effects& out);

  /// The execution ended with `code`; `ec::none` has been answered already.
  void done(replica_id id, ticket call, ec code, bool unstarted, duration run, instant now, pool_effects& out);
  void parked(replica_id id, ticket call, instant now, pool_effects& out);
  void resumed(replica_id id, ticket call, instant now, pool_effects& out);
  void recalled(replica_id id, const std::vector<ticket>& calls, instant now, pool_effects& out);

  /// The caller gives up, or somebody aborts the call.
  void cancel(ticket call, const failure& why, instant now, pool_effects& out);

  /// The replica cannot start yet: this resource of the node is taken.
  void replica_waits(replica_id id, std::string resource, instant now, pool_effects& out);
  /// What the replica uses; the growth from the first report on counts.
  void replica_memory(replica_id id, std::uint64_t bytes, instant now, pool_effects& out);
  /// Another environment waits for what idle replicas hold: those beyond the minimum end now.
  void yield_idle(instant now, pool_effects& out);

  /// Runs what is due; call at or after `next_wake()`.
  void tick(instant now, pool_effects& out);

  /// A warm replica of another owner is this pool's from now on; false when it has no use for it. `serve` follows.
  bool adopt(replica_id id, bool can_hold_ahead, instant now);
  /// Starts nothing until then, or until `release_starts`: warm replicas may be adopted instead.
  void hold_starts(instant until) { starts_held_until_ = until; }
  void release_starts(instant now, pool_effects& out);
  /// The replica's node takes no more work: it ends when it has none, and others take its place.
  void drain(replica_id id, instant now, pool_effects& out);
  /// Another owner has the environment: nothing is sent, started or ended any more. What waits stays for `hand_back`.
  void disown() { disowned_ = true; }
  /// Those that wait, each answered with this.
  void hand_back(const failure& why, instant now, pool_effects& out);

  /// Fails everything queued and stops everything running.
  void abort_all(const failure& why, instant now, pool_effects& out);

  // -- questions ----

  /// When `tick` has something to do; nothing when only events matter.
  std::optional<instant> next_wake() const;

  /// No calls, no replicas, and idle until its zygote and its history were not worth keeping: it can be forgotten.
  bool is_expired() const { return forgettable_ && replicas_.empty() && calls_open_ == 0; }

  /// It needs no zygote.
  bool is_cool() const { return cooled_; }
  /// The replica was told to end.
  bool is_draining(replica_id id) const {
    const auto s = replicas_.find(id);
    return s != replicas_.end() && s->second.draining;
  }

  const environment_spec& spec() const { return *spec_; }
  const std::shared_ptr<const environment_spec>& shared_spec() const { return spec_; }
  const pool_limits& limits() const { return limits_; }

  /// Somebody opened this version: the time in which it may be idle begins anew.
  void opened(instant now);
  /// This version is deployed: its minimum of replicas starts without a call. An app that keeps none is imported once, so
  /// that code which cannot be is known before the first request, and the interpreter that has it is warm.
  void deploy(instant now, pool_effects& out);
  /// Another version is deployed: this one ends as soon as nothing is open.
  void supersede(instant now, pool_effects& out);
  /// A newer version is in use: no zygote of this one outlives its replicas.
  void outdate(instant now, pool_effects& out);

  /// A changed policy acts on the running pool.
  void set_limits(pool_limits limits, instant now, pool_effects& out);

  std::uint16_t attempt_of(ticket call) const;
  bool is_open(ticket call) const { return find(call) != nullptr; }
  /// Open, and its caller has not been answered.
  bool is_awaited(ticket call) const {
    const auto* e = find(call);
    return e && !e->answered;
  }
  /// Open, and with no replica: in the queue, or waiting for its next attempt.
  bool is_waiting(ticket call) const {
    const auto* e = find(call);
    return e && (e->where == state::queued || e->where == state::backoff);
  }
  std::vector<ticket> open_tickets() const;
  /// Everything a replica holds, parked calls included.
  std::vector<ticket> sent_to(replica_id id) const;
  /// Time spent in the queue so far, all waits together, and whether it had to wait for a replica to start.
  struct waits {
    duration queued{0};
    duration start{0};
    bool cold = false;
  };
  waits waits_of(ticket call) const;

  struct counters {
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    std::uint64_t lost = 0;
    std::uint64_t cold_starts = 0;
    std::uint64_t recycled = 0;
    std::uint64_t prewarmed = 0;    // replicas that were started because calls were expected
    std::uint64_t prewarm_hits = 0; // of those that calls found
    duration prewarm_waste{0};      // that they were kept without a call
    duration run_total{0};
    std::uint64_t run_samples = 0;
  };
  const counters& count() const { return counters_; }
  const scaling::history& learned() const { return history_; }
  std::size_t queued() const { return queued_; }
  /// Places that the queue takes: with tickets that left it and are not swept yet.
  std::size_t tickets_queued() const { return queue_.size(); }
  std::size_t open() const { return calls_open_; }
  const failure& last_failure() const { return last_failure_; }
  /// Whether the last replica that was started did not become ready, or ended before it served.
  bool is_failing() const { return is_failing_; }
  /// How long no replica is started, because several have failed in a row; 0: it may be.
  duration paused_for(instant now) const { return is_paused(now) ? *broken_until_ - now : duration{0}; }

  struct replica_view {
    replica_id id;
    bool is_ready = false;
    bool is_draining = false;
    bool rehearses = false;    // imports the code, and is no replica
    std::string waits_for;     // the resource that it cannot start without; empty: none
    std::uint32_t running = 0; // sent and within its concurrency
    std::uint32_t parked = 0;
    std::uint32_t ahead = 0;
    std::uint64_t done = 0;
    instant since;
  };
  std::vector<replica_view> view() const;

private:
  enum class state : std::uint8_t { queued, sent, parked, backoff };

  struct entry {
    request what;
    state where = state::queued;
    replica_id replica;
    std::uint16_t attempt = 0; // executions that were sent and began, as far as known
    std::uint16_t user_failures = 0;
    std::uint16_t losses = 0;
    bool answered = false; // nothing more is said to the caller
    bool stopping = false;
    failure stop_reason;  // why it was asked to stop; decides what its end means
    duration expected{0}; // estimate it was sent with
    instant queued_since;
    duration queued_total{0};
    bool cold = false;
    std::uint64_t ready_before = 0;  // how many replicas had become ready when it was queued
    std::optional<instant> deadline; // over all executions
    std::optional<instant> limit;    // of the present wait, execution or backoff
    std::uint32_t generation = 1;
    bool in_use = false;
  };

  enum class due : std::uint8_t { no, calls, age, memory };

  struct member { // a replica as the pool sees it
    bool ready = false;
    bool draining = false;
    bool is_promoted = false;              // its order says that a parent waits
    bool rehearses = false;                // imports the code, and serves nothing
    std::string waits_for;                 // a resource, before it can start
    std::optional<replica_id> replaces;    // ends when this one is ready
    std::optional<replica_id> replaced_by; // which is starting
    due is_due = due::no;                  // to be replaced, and why
    std::uint64_t first_bytes = 0;         // its first report of memory
    std::uint64_t bytes = 0;               // its last
    bool can_hold_ahead = false;
    bool recalling = false;   // an answer to `recall` is due
    bool begun_asked = false; // since its last progress: whether it began anything
    std::uint8_t recalls = 0; // answered since the last call was sent; after the second all it has has begun
    std::uint64_t done = 0;
    std::vector<ticket> parked;                           // their slots are lent
    std::map<std::uint16_t, std::uint32_t> parked_depths; // how many of them at which depth
    std::deque<ticket> sent;                              // not parked, oldest first
    duration expected{0};                                 // of all of them
    instant since;                                        // start requested
    instant ready_since;                                  // means something when it is ready
    std::uint64_t ready_number = 0;                       // how many became ready before, this one included
    instant progress;                                     // last event
    std::uint32_t in_flight() const { return static_cast<std::uint32_t>(sent.size()); }
    /// Whether it can take a call of this depth without a limit on waiting parents being passed: beyond it only calls
    /// deeper than every parent that waits here. The deepest parent's descendants always are, so it goes on.
    bool may_park(std::uint16_t depth) const {
      return parked.size() < defaults::parked_max || depth > parked_depths.rbegin()->first;
    }
  };

  using alarm = std::pair<instant, ticket>;

  entry* find(ticket call);
  const entry* find(ticket call) const;
  ticket make(const request& what, instant now);
  void release(ticket call, entry& e, instant now, pool_effects& out);
  void enqueue(ticket call, entry& e, bool front, instant now);
  void leave_queue(entry& e, instant now);
  void set_limit(ticket call, entry& e, std::chrono::milliseconds after, instant now);
  void clear_limit(ticket call, entry& e);

  void pump(instant now, pool_effects& out);
  bool has_head();
  member* choose(const entry& head, instant now, replica_id& id);
  bool waits_for_start(const entry& head, instant now);
  std::uint64_t replicas_needed(std::uint64_t calls, instant now) const;
  std::uint64_t load_of(const member& s) const { return s.in_flight() + (has_metric() ? s.parked.size() : 0); }
  member* choose_ahead(const request& what, instant now, replica_id& id);
  void send(ticket call, replica_id to, member& s, instant now, pool_effects& out);
  void park(member& s, ticket call, entry& e);
  void unpark(member& s, ticket call, const entry& e);
  void unsend(member& s, ticket call, entry& e, instant now);
  struct census {
    std::uint32_t ready = 0, starting = 0, lent = 0;
    std::uint32_t waiting = 0; // of those that start: for a resource, and perhaps for long
    std::uint64_t running = 0;
    std::uint64_t leaving = 0;                                 // calls of replicas that end
    std::uint32_t counted() const { return ready + starting; } // towards the maximum
    std::uint32_t alive() const { return ready + starting + lent; }
  };
  census count_members() const;
  std::uint32_t slots_each() const { return limits_.fresh ? 1 : limits_.concurrency; }
  instant oldest_start() const;
  scaling::inputs inputs_now(const census& members, instant now) const;
  bool has_metric() const { return limits_.metric != scaling::metric::none; }
  void observe(scaling::inputs& into, const census& members, instant now) const;
  std::uint32_t wanted(const census& members, instant now) const;
  void tell(const scaling::inputs& in, const scaling::decision& what, instant now, pool_effects& out,
            std::string detail = {});
  bool holds_starts(instant now) const { return starts_held_until_ && now < *starts_held_until_; }
  bool is_paused(instant now) const { return broken_until_ && now < *broken_until_; }
  void grow(instant now, pool_effects& out);
  replica_id start_one(instant now, bool for_nested, pool_effects& out);
  void rehearse(instant now, pool_effects& out);
  bool withdraw_waiting(std::uint32_t kept, const census& members, pool_effects& out);
  member* partner(const std::optional<replica_id>& id);
  void end_predecessor(member& s, pool_effects& out);
  bool is_stuck_parent(const census& members) const;
  void promote_waiting(const census& members, pool_effects& out);
  static void end_replica(replica_id id, member& s, pool_effects& out);
  std::uint32_t alive() const;
  bool can_grow() const;
  /// Processes at once, those that end and those whose calls all wait included.
  std::size_t processes_max() const {
    return limits_.max_replicas + (limits_.fresh ? defaults::parked_max : limits_.max_replicas);
  }
  bool has_ready() const;
  bool may_stall(const member& s) const;
  bool may_hang(const member& s) const;
  void replace(replica_id id, member& s, pool_effects& out);
  void recall_hanging(instant now, pool_effects& out);
  void recall_stalled(instant now, pool_effects& out);
  instant idle_until() const;
  bool is_surplus(const member& s) const;
  void end_surplus(instant now, duration after, scaling::rule why, pool_effects& out);
  void expire_idle(instant now, pool_effects& out);
  void cool_down(instant now, pool_effects& out);
  void prewarm(instant now, pool_effects& out);
  void end_prewarming(instant now);
  bool expects_calls(instant now) const;
  due due_of(const member& s, instant now) const;
  void recycle(instant now, pool_effects& out);
  void awake(instant now);
  void ring(ticket call, instant now, pool_effects& out);
  void settle(ticket call, entry& e, const failure& why, bool with_reply, instant now, pool_effects& out);
  void settle_loss(ticket call, entry& e, const failure& why, bool alone, instant now, pool_effects& out);
  void sweep_queue();
  bool retry(ticket call, entry& e, bool as_loss, instant now);
  void answer(ticket call, entry& e, failure why, bool with_reply, pool_effects& out);
  void stop(ticket call, entry& e, failure why, pool_effects& out);
  void fail_waiting(const failure& why, instant now, pool_effects& out);
  void count_crash(const failure& why, instant started, instant now, pool_effects& out);
  const task_spec& task_of(const entry& e) const { return spec_->tasks[e.what.task]; }
  std::optional<duration> estimate(std::uint32_t task) const;

  std::shared_ptr<const environment_spec> spec_;
  pool_limits limits_;
  std::function<replica_id()> next_replica_;

  std::vector<entry> entries_; // by the low half of the ticket
  std::vector<std::uint32_t> unused_;
  fair_queue queue_; // may name tickets that left it; `where` is the truth
  std::size_t queued_ = 0;
  std::size_t queued_roots_ = 0;
  std::uint64_t queued_bytes_ = 0;
  std::size_t calls_open_ = 0;
  std::size_t parked_calls_ = 0;
  std::optional<instant> saturated_since_; // every call has had to wait
  std::optional<instant> held_until_; // the head waits for a replica that starts, rather than take a slot that is lent
  std::map<replica_id, member> replicas_;
  std::set<alarm> alarms_;
  std::vector<double> service_ns_; // per task; negative: nothing learned
  scaling::history history_;
  std::optional<scaling::history::expectation> expected_; // while idle, of an environment that is warmed ahead
  instant surplus_stays_until_{};                         // what is over and may not end is looked at again
  struct prewarming {
    replica_id replica;
    std::optional<instant> since; // it is ready, and waits for expected calls
  };
  std::optional<prewarming> prewarmed_;
  scaling::rule told_ = scaling::rule::none; // the last decision that was told
  instant told_at_{};
  counters counters_;
  failure last_failure_;
  bool is_failing_ = false;
  bool wants_replicas_ = false;         // has been called since it was idle: keeps its minimum
  instant crashed_at_{};                // the last of those that count
  std::uint32_t crashes_ = 0;           // starts or losses in a row without a call served
  std::optional<instant> broken_until_; // no replica is started before
  instant idle_since_{};
  bool expired_ = false;           // its idle time is over
  std::optional<instant> cool_at_; // its zygote ends
  bool cooled_ = false;            // it has
  bool forgettable_ = false;
  bool superseded_ = false; // its idle time is over at once
  bool outdated_ = false;   // its zygote ends with its replicas
  std::uint64_t ready_count_ = 0;
  std::optional<instant> starts_held_until_;
  bool disowned_ = false;
};

} // namespace hearth
