#pragma once

#include "cluster/raft.hpp"
#include "cluster/raft_log.hpp"

#include <deque>
#include <map>
#include <set>
#include <vector>

namespace hearth::cluster::raft {

/// What a leader knows of another node.
struct progress {
  enum class mode : std::uint8_t {
    probe,     // one append at a time, until one fits
    replicate, // appends follow each other without waiting
    snapshot   // what it needs is no longer in the log
  };
  struct flight {
    log_index last = 0;
  };

  mode how = mode::probe;
  log_index match = 0;
  log_index next = 1;
  std::deque<flight> flights;
  bool probing = false;   // an append is out and not answered
  bool link_down = false; // heartbeats only
  instant heard{};
  std::uint64_t round = 0;   // the last one that it answered
  std::uint64_t doubted = 0; // from this round on, a rejection of what it has acknowledged is no late one; 0: no doubt
  bool has_forgotten = false;
  log_index told_commit = 0; // in the last message to it
};

/// The state of a node; `node` in cluster/raft.hpp has the contract. The parts are in raft_core (dispatch, stores, time),
/// raft_election, raft_leader (what only a leader does), raft_follower and raft_generation (snapshots, generations).
class core {
public:
  core(config how, stored_state disk, instant now);

  effects step(const event& what, instant now);

  const auto& voters() const noexcept { return voters_; }
  const auto& entries() const noexcept { return log_; }
  const auto& snapshot() const noexcept { return snapshot_; }
  auto term() const noexcept { return hard_.term; }
  auto generation() const noexcept { return generation_; }
  auto leader() const noexcept { return leader_; }
  auto role_kind() const noexcept { return role_; }
  auto commit_index() const noexcept { return applied_; }
  std::vector<node::follower> followers() const;
  bool has_forgotten(const node_uuid& node) const;

private:
  using kind = role::kind;

  struct unstored {
    std::uint64_t token = 0;
    log_index last = 0; // the log is durable up to here then, if a truncation has not lowered it
  };
  struct held_message {
    std::uint64_t token = 0;
    send what;
  };
  struct in_flight {
    std::uint64_t id = 0;
    log_index index = 0;
    std::size_t bytes = 0;
  };
  struct waiting_read {
    std::uint64_t id = 0;
    std::uint64_t round = 0; // 0: none yet
    log_index index = 0;
  };
  struct outgoing {
    snapshot_mark mark;
    std::uint64_t offset = 0;
    instant asked{};
    std::uint32_t tries = 0;
  };
  struct incoming {
    node_uuid from;
    snapshot_mark mark;
    std::uint64_t offset = 0;
    instant last{};
  };

  // -- raft_core.cpp ----
  void on(const tick&) { armed_ = never; } // however early it comes, the next one is asked for again
  void on(const stored& what);
  void on(const learners& what);
  void pass_time();
  void finish();
  void arm();
  void set_hard(std::uint64_t term, node_uuid vote);
  void append_entry(entry next);
  void truncate(log_index from);
  void forget_stores();
  void post(const node_uuid& to, decltype(message::body) body);
  void post_at(const node_uuid& to, std::uint64_t term, decltype(message::body) body);
  void commit_to(log_index index);
  bool mutant(mutation which) const noexcept { return (how_.mutations & static_cast<std::uint32_t>(which)) != 0; }
  bool votes_here(const node_uuid& id) const;
  bool quiet() const noexcept { return sealing_.has_value() || installing_.has_value(); }
  std::size_t majority() const noexcept { return voters_.size() / 2 + 1; }
  std::vector<node_uuid> others() const;
  instant draw_timeout();
  kind idle_role() const { return votes_here(how_.self) ? kind::follower : kind::learner; }

  // -- raft_election.cpp ----
  void on(const received& what);
  void receive(const node_uuid& from, const message& what);
  bool admit_term(const node_uuid& from, const message& what);
  void answer_older_term(const node_uuid& from, const message& what);
  void handle(const node_uuid& from, const vote_request& what, std::uint64_t term);
  void handle(const node_uuid& from, const vote_reply& what, std::uint64_t term);
  void handle(const node_uuid& from, const timeout_now& what, std::uint64_t term);
  bool hears_leader() const;
  void election_time();
  void ask_whether_to_campaign();
  void campaign(bool forced);
  void request_votes();
  void count_votes();
  void follow(std::uint64_t term, const node_uuid& leader);
  void step_down(kind now, const node_uuid& leader);

  // -- raft_leader.cpp ----
  void on(const propose& what);
  void on(const read& what);
  void on(const unreachable& what);
  void on(const transfer& what);
  void handle(const node_uuid& from, const append_reply& what, std::uint64_t term);
  void accepted(const node_uuid& from, progress& peer, const append_reply& what);
  void rejected(progress& peer, const append_reply& what);
  void lead();
  void follow_peers();
  void append_proposal(const propose& what);
  std::optional<refusal> obstacle(const propose& what) const;
  bool may_vote_next(const std::vector<node_uuid>& voters) const;
  void take_waiting();
  void replicate();
  void replicate_to(const node_uuid& to, progress& peer);
  void send_append(const node_uuid& to, progress& peer, bool with_entries);
  void heartbeat();
  void check_quorum();
  void advance_commit();
  log_index agreed_index() const;
  std::uint64_t agreed_round() const;
  void serve_reads();
  void hand_over();

  // -- raft_follower.cpp ----
  void handle(const node_uuid& from, const append& what, std::uint64_t term);
  bool fits(const append& what) const;
  void reject(const node_uuid& from, const append& what);
  void take_entries(const append& what);
  void acknowledge(const node_uuid& to, std::uint64_t round);
  log_index vouched() const;

  // -- raft_generation.cpp ----
  void on(const snapshot_taken& what);
  void on(const snapshot_stored& what);
  void on(const snapshot_damaged& what);
  void on(const snapshot_data& what);
  void handle(const node_uuid& from, const snapshot_chunk& what, std::uint64_t term);
  void handle(const node_uuid& from, const snapshot_reply& what, std::uint64_t term);
  void handle(const node_uuid& from, const generation_notice& what, std::uint64_t term);
  void handle(const node_uuid& from, const behind& what, std::uint64_t term);
  void other_generation(const node_uuid& from, const message& what);
  bool known_already(const node_uuid& from, const snapshot_mark& mark);
  void start_transfer(const node_uuid& to);
  void retry_transfers();
  void tell_generation(const node_uuid& to);
  void announce();
  void begin_generation(snapshot_mark mark);
  void sealed();
  void installed();

  config how_;
  std::uint64_t random_;
  instant now_;
  effects out_;

  // Durable, or on its way to the disk.
  hard_state hard_;
  log log_;
  snapshot_mark snapshot_;
  std::uint32_t generation_;
  std::vector<node_uuid> voters_;

  // The way to the disk.
  std::uint64_t next_token_ = 1; // of the store that this step may make
  std::uint64_t stored_ = 0;
  std::uint64_t hard_token_ = 0; // the store that holds `hard_`
  store pending_;
  log_index pending_last_ = 0;
  std::deque<unstored> unstored_;
  std::deque<held_message> held_;
  log_index durable_;

  // What is known of the cluster.
  kind role_ = kind::learner;
  node_uuid leader_;
  role said_;
  instant heard_{}; // from the leader
  log_index commit_;
  log_index applied_;
  log_index verified_; // the log is the current leader's up to here
  std::vector<node_uuid> learners_;
  std::optional<log_index> seal_; // in the log, not applied

  // Elections.
  instant election_due_ = never;
  std::set<node_uuid> votes_;
  std::uint64_t campaign_token_ = 0; // votes are asked for when this is stored; 0: they have been
  bool forced_ = false;
  unsigned campaigns_ = 0; // in a row that came to nothing

  // As a leader.
  std::map<node_uuid, progress> peers_;
  log_index first_of_mine_ = 0;
  instant heartbeat_due_ = never;
  std::deque<propose> waiting_; // until the first entry is committed
  std::deque<in_flight> in_flight_;
  std::size_t proposal_bytes_ = 0;
  std::uint64_t round_ = 0;
  std::deque<waiting_read> reads_;
  std::optional<node_uuid> successor_;
  instant transfer_due_ = never;

  // Snapshots and generations.
  std::map<node_uuid, outgoing> transfers_;
  std::optional<incoming> incoming_;
  std::optional<incoming> installing_;
  std::optional<snapshot_mark> sealing_; // has begun in memory, not on the disk
  std::optional<snapshot_mark> origin_;  // of the current generation, if this node saw it begin
  bool led_before_ = false;

  instant armed_ = never;
  bool apply_again_ = false; // see mutation::apply_twice
};

} // namespace hearth::cluster::raft
