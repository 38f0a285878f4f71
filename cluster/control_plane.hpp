#pragma once

#include "cluster/controller.hpp"
#include "cluster/placement.hpp"
#include "core/defaults.hpp"

#include <deque>
#include <map>
#include <set>

/// The inside of `controller`, by subject: the log (control_plane_log.cpp), submissions and reads
/// (control_plane_submissions.cpp), seats and leases (control_plane_leases.cpp), the duties of the leader
/// (control_plane_duties.cpp).
namespace hearth::cluster {

class control_plane {
public:
  control_plane(controller_config how, controller_start disk, instant now);

  controller_effects step(controller_event what, instant now);

  const control_state& state() const { return state_; }
  const raft::node& log() const { return log_; }
  seat_id seat() const { return seat_; }
  instant lease_until() const { return lease_; }
  std::vector<controller::sign_of_life> heard() const;

private:
  // What an internal submission is for; `asked` is somebody's outside.
  enum class purpose : std::uint8_t { asked, seat, departure, notice };

  struct waiting {
    command order;
    std::uint64_t request = 0;
    purpose why = purpose::asked;
    instant begun{}, again{};
    std::uint32_t handed = 0; // times that a leader may have had it
  };

  struct reading {
    std::uint64_t request = 0;
    instant begun{}, again{};
    std::optional<log_index> index; // of the state that may answer
  };

  // Something that was put to the consensus core, by its id there.
  struct asked {
    node_uuid origin;
    std::uint64_t number = 0;
    bool is_read = false;
  };

  // What the leader knows of a seat.
  struct life {
    instant heard{};
    std::uint64_t number = 0;
    bool fresh = false; // heard since the last renewal
    log_index applied = 0;
    std::uint64_t loop_lag_ms = 0;
    std::vector<node_uuid> reach;
    std::deque<std::pair<std::uint64_t, instant>> unseen; // committed renewals that its node has not acknowledged
    instant expire_again{};                               // the end of its seat was proposed
  };

  void on(events::tick what);
  void on(events::received what);
  void on(const events::link_up& what);
  void on(const events::link_down& what);
  void on(events::submit what);
  void on(const events::read& what);
  void on(const events::work_loop_turned& what);
  void on(events::installed what);
  void on(const events::stop& what);
  void on(const raft::snapshot_taken& what);
  template <class Event>
  void on(Event what) {
    feed(std::move(what));
  }

  // log
  void feed(raft::event what) { inbox_.push_back(std::move(what)); }
  void drain();
  void handle(raft::send what);
  void handle(raft::commit what);
  void handle(const raft::seal& what);
  void handle(const raft::proposed& what);
  void handle(const raft::refused& what);
  void handle(const raft::readable& what);
  void handle(const raft::role& what);
  void handle(const raft::set_timer& what) { log_timer_ = what.at; }
  void handle(raft::store what) { out_.emplace_back(std::move(what)); }
  void handle(raft::keep_chunk what) { out_.emplace_back(std::move(what)); }
  void handle(raft::install what);
  void handle(raft::fetch_chunk what) { out_.emplace_back(what); }
  void apply(const raft::entry& entry);
  void react(const std::vector<fact>& facts);
  void keep_snapshot(const raft::entry& entry);
  void tell_learners();
  void give_up(ec code, std::string why);

  // submissions
  void submit(command order, std::uint64_t request, purpose why);
  void hand_in(std::uint64_t number, waiting& what);
  void hand_in_read(std::uint64_t number, reading& what);
  void propose(node_uuid origin, std::uint64_t number, command order);
  void turn_down(node_uuid origin, std::uint64_t number, bool retry, outcome result);
  void turned_down(const messages::turned_down& what);
  void ask_core(node_uuid origin, std::uint64_t number);
  void decided(std::uint64_t number, const outcome& result);
  void conclude(const waiting& what, const outcome& result);
  void finish_reads();
  void look_after_submissions();
  void leader_changed();

  // leases
  void receive(node_uuid from, const messages::heartbeat& what);
  void send_heartbeat();
  void look_after_lease();
  void look_after_seats();
  void renewed(const renew& what);
  void renew_leases();
  void refresh_seat();
  void seated_by(std::uint64_t number, const std::vector<fact>& news);
  void set_lease(instant until);
  void ask_for_seat();
  void seat_answered(const outcome& result);
  instant patience(const life& of) const;
  bool alone() const;
  void seat_began(seat_id seat);

  // duties
  void look_after_orphans();
  void place_environments();
  void place_runs();
  void found();
  void raise_level_if_all_can();
  std::vector<candidate> candidates() const;
  bool may_ask(const std::string& duty);
  void propose_own(command order) { propose({}, 0, std::move(order)); }

  bool leads() const { return log_.role() == raft::role::kind::leader; }
  /// It leads, and has applied all that was committed before.
  bool in_charge() const { return leads() && applied_term_ == log_.term(); }
  bool mutated(controller_mutation which) const { return (how_.mutations & static_cast<std::uint32_t>(which)) != 0; }
  std::uint64_t unix_ms() const;
  void wake_at(instant at) { wake_ = std::min(wake_, at); }

  controller_config how_;
  instant now_{};
  raft::node log_;
  control_state state_;
  controller_effects out_;
  std::deque<raft::event> inbox_;
  bool lost_ = false; // fatal was said

  // log
  instant log_timer_ = raft::never, told_timer_ = raft::never, wake_ = raft::never;
  node_uuid leader_;
  raft::role role_;
  std::uint64_t applied_term_ = 0;
  std::size_t applied_since_snapshot_ = 0;
  std::uint64_t bytes_since_snapshot_ = 0;
  bool snapshot_pending_ = false, installing_ = false;
  std::vector<node_uuid> learners_;

  // submissions
  std::uint64_t next_number_ = 0, next_ask_ = 1;
  std::map<std::uint64_t, waiting> waiting_;
  std::map<std::uint64_t, reading> readings_;
  std::map<std::uint64_t, asked> asked_;
  instant look_at_ = raft::never;

  // leases
  std::uint64_t unix_ms_ = 0;
  instant unix_at_{};
  seat_id seat_{};
  instant lease_{};
  std::uint64_t heartbeat_number_ = 0, renew_seen_ = 0;
  std::deque<std::pair<std::uint64_t, instant>> sent_; // heartbeats of this lease
  instant next_heartbeat_{};
  bool work_turned_ = true;
  instant loop_lag_{};
  std::set<node_uuid> links_;
  std::uint64_t seat_request_ = 0; // number of the submission; 0: none is open
  instant seat_again_{}, refused_since_ = raft::never;

  // as the leader
  std::map<seat_id, life> lives_;
  instant elected_{}, next_renew_{}, renewed_at_{};
  std::uint64_t renewed_time_ms_ = 0;
  std::map<std::string, instant> duties_; // when each was asked for
  bool orphans_due_ = false;

  // leaving
  bool stopping_ = false, left_ = false, transferring_ = false, stopped_ = false;
  instant stop_at_ = raft::never;
};

} // namespace hearth::cluster
