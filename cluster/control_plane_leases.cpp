#include "cluster/control_plane.hpp"

#include <algorithm>
#include <utility>

/// The seat and the lease of this node, and, while it leads, of all.
namespace hearth::cluster {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// What a lease may last on another clock.
constexpr instant lease_elsewhere = instant(
  static_cast<instant::rep>(static_cast<double>(instant(defaults::lease_time).count()) * (1 + defaults::clock_drift)));

std::uint64_t ms_of(instant time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration_cast<milliseconds>(time).count()));
}

} // namespace

// Nobody else could take over, and nobody else decides.
bool control_plane::alone() const {
  const auto& image = state_.image();
  return seat_ && image.seats.size() == 1 && image.voters.size() == 1 && image.voters.front() == how_.self;
}

void control_plane::refresh_seat() {
  const auto* self = state_.find_member(how_.self);
  const bool mine = self != nullptr && self->incarnation == how_.incarnation && self->nonce == how_.nonce;
  const auto now_mine = mine && state_.find_seat(self->seat) != nullptr ? self->seat : seat_id{};
  if (now_mine != seat_) {
    seat_ = now_mine;
    sent_.clear();
    out_.emplace_back(effects::seated{seat_});
    set_lease(instant::min());
    next_heartbeat_ = now_;
  }
  if (alone())
    set_lease(raft::never);
  else if (lease_ == raft::never)
    set_lease(now_ + defaults::lease_time);
}

// The leader that applies the entry which begins a seat waits for a lease from then on, and it was not written before it
// was asked for. An entry that only finds the seat there says nothing about time: the leader may be about to end it.
void control_plane::seated_by(std::uint64_t number, const std::vector<fact>& news) {
  const bool begins = std::any_of(news.begin(), news.end(), [this](const fact& it) {
    const auto* began = std::get_if<facts::seat_began>(&it);
    return began != nullptr && began->seat == seat_;
  });
  const auto found = waiting_.find(number);
  if (seat_ && found != waiting_.end() && lease_ != raft::never
      && (begins || mutated(controller_mutation::any_seat_leases)))
    set_lease(std::max(lease_, found->second.begun + instant(defaults::lease_time)));
}

void control_plane::set_lease(instant until) {
  if (until != std::exchange(lease_, until))
    out_.emplace_back(effects::lease{until});
}

void control_plane::ask_for_seat() {
  if (seat_ || seat_request_ != 0 || !leader_ || stopping_ || lost_)
    return;
  if (seat_again_ > now_)
    return wake_at(seat_again_);
  submit(take_seat{how_.self, how_.incarnation, how_.address, how_.capacity, how_.level, how_.nonce}, 0, purpose::seat);
  drain();
}

void control_plane::seat_answered(const outcome& result) {
  seat_request_ = 0;
  seat_again_ = now_ + defaults::seat_retry;
  switch (result.code) {
    case ec::none:
      refused_since_ = raft::never;
      return;
    case ec::stale_epoch:
    case ec::version_mismatch: return give_up(result.code, result.message);
    case ec::not_a_member:
      if (refused_since_ == raft::never)
        refused_since_ = now_;
      if (now_ - refused_since_ > defaults::admission_patience)
        give_up(result.code, result.message);
      return;
    default: return;
  }
}

// -- the lease of this node ----

void control_plane::look_after_lease() {
  if (stopping_ && !stopped_) {
    if (left_ && stop_at_ > now_ + defaults::transfer_patience)
      stop_at_ = now_ + defaults::transfer_patience;
    if (left_ && leads() && log_.voters().size() > 1 && !std::exchange(transferring_, true))
      feed(raft::transfer{});
    drain();
    if ((left_ && (!leads() || log_.voters().size() == 1)) || stop_at_ <= now_) {
      stopped_ = true;
      out_.emplace_back(effects::stopped{});
    } else {
      wake_at(std::min(stop_at_, now_ + defaults::submission_pause));
    }
  }
  if (!seat_ || stopping_ || alone() || !leader_)
    return;
  if (next_heartbeat_ <= now_ && work_turned_)
    send_heartbeat();
  if (work_turned_)
    wake_at(next_heartbeat_);
}

void control_plane::send_heartbeat() {
  work_turned_ = false;
  next_heartbeat_ = now_ + defaults::heartbeat_interval;
  messages::heartbeat what{seat_,           ++heartbeat_number_, state_.applied(),
                           ms_of(loop_lag_), renew_seen_,        {links_.begin(), links_.end()}};
  sent_.emplace_back(heartbeat_number_, now_);
  while (!sent_.empty() && sent_.front().second + defaults::lease_time <= now_)
    sent_.pop_front();
  if (leads())
    receive(how_.self, what);
  else
    out_.emplace_back(effects::send{leader_, std::move(what)});
}

void control_plane::renewed(const renew& what) {
  for (const auto& heard : what.heard) {
    if (const auto found = lives_.find(heard.seat); found != lives_.end()) {
      auto& unseen = found->second.unseen;
      if (unseen.size() < defaults::renewals_unseen_max)
        unseen.emplace_back(heard.number, now_);
    }
    if (heard.seat != seat_ || !seat_)
      continue;
    renew_seen_ = std::max(renew_seen_, heard.number);
    for (const auto& [number, at] : sent_)
      if (number == heard.number && lease_ != raft::never) {
        const auto from = mutated(controller_mutation::lease_from_commit) ? now_ : at;
        set_lease(std::max(lease_, from + instant(defaults::lease_time)));
      }
  }
}

// -- those of all, as the leader ----

void control_plane::seat_began(seat_id seat) {
  if (leads()) {
    auto& life = lives_[seat];
    life = {};
    life.heard = now_;
    if (mutated(controller_mutation::no_leader_grace) && elected_ == now_)
      life.heard = now_ - instant(lease_elsewhere) + instant(defaults::heartbeat_interval);
  }
}

void control_plane::receive(node_uuid from, const messages::heartbeat& what) {
  const auto* seat = state_.find_seat(what.seat);
  const auto found = lives_.find(what.seat);
  if (!leads() || seat == nullptr || seat->node != from || found == lives_.end() || what.number <= found->second.number)
    return;
  auto& life = found->second;
  life.number = what.number;
  life.applied = what.applied;
  life.loop_lag_ms = what.loop_lag_ms;
  life.reach = what.reach;
  while (!life.unseen.empty() && life.unseen.front().first <= what.renew_seen)
    life.unseen.pop_front();
  if (!life.unseen.empty() && life.unseen.front().second + defaults::lease_time <= now_
      && !mutated(controller_mutation::deaf_nodes_count))
    return;
  life.heard = now_;
  life.fresh = true;
}

instant control_plane::patience(const life& of) const {
  if (mutated(controller_mutation::impatient))
    return defaults::lease_time * 3 / 4;
  // A late loop here makes late what the others send, too.
  const auto lag = std::max<instant>(milliseconds(std::min<std::uint64_t>(of.loop_lag_ms, 60'000)), loop_lag_);
  if (lag <= defaults::loop_lag_bearable)
    return lease_elsewhere;
  const auto steps = 2 + lag / instant(defaults::loop_lag_step);
  return lease_elsewhere * std::min<std::int64_t>(steps, defaults::patience_max);
}

void control_plane::look_after_seats() {
  if (!leads() || alone())
    return;
  if (next_renew_ <= now_) {
    next_renew_ = now_ + defaults::heartbeat_interval;
    renew_leases();
  }
  wake_at(next_renew_);
  for (auto& [seat, life] : lives_) {
    const auto* taken = state_.find_seat(seat);
    const bool is_unfit = taken != nullptr && log_.has_forgotten(taken->node);
    const auto end = std::max(is_unfit ? now_ : life.heard + patience(life), life.expire_again);
    if (end > now_) {
      wake_at(end);
      continue;
    }
    life.expire_again = now_ + defaults::duty_retry;
    wake_at(life.expire_again);
    propose_own(end_seat{seat, departure::expired});
  }
}

void control_plane::renew_leases() {
  renew order;
  for (auto& [seat, life] : lives_)
    if (std::exchange(life.fresh, false))
      order.heard.push_back({seat, life.number});
  if (order.heard.empty())
    return;
  // At most twice as fast as time goes by, whatever the calendar of this node says.
  const auto limit = renewed_time_ms_ + 2 * ms_of(now_ - renewed_at_);
  const auto wanted = std::max(unix_ms(), renewed_time_ms_);
  renewed_time_ms_ = renewed_time_ms_ == 0 ? wanted : std::min(limit, wanted);
  renewed_at_ = now_;
  order.cluster_time_ms = renewed_time_ms_;
  if (mutated(controller_mutation::lease_before_commit))
    renewed(order);
  propose_own(std::move(order));
}

std::vector<controller::sign_of_life> control_plane::heard() const {
  std::vector<controller::sign_of_life> result;
  for (const auto& [seat, life] : lives_)
    result.push_back({seat, life.heard, life.applied, life.loop_lag_ms, life.reach});
  return result;
}

} // namespace hearth::cluster
