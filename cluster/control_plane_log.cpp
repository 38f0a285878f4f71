#include "cluster/control_plane.hpp"

#include <algorithm>
#include <utility>

/// Between the consensus core and the state that its entries make.
namespace hearth::cluster {

void control_plane::drain() {
  while (!inbox_.empty() && !lost_) {
    const auto event = std::move(inbox_.front());
    inbox_.pop_front();
    for (auto& effect : log_.step(event, now_))
      std::visit([this](auto&& what) { handle(std::forward<decltype(what)>(what)); }, std::move(effect));
  }
}

void control_plane::handle(raft::send what) { out_.emplace_back(effects::send{what.to, std::move(what.message)}); }

void control_plane::handle(raft::commit what) {
  for (const auto& entry : what.entries) {
    if (lost_)
      return;
    apply(entry);
  }
  finish_reads();
}

void control_plane::apply(const raft::entry& entry) {
  applied_term_ = std::max(applied_term_, entry.term);
  ++applied_since_snapshot_;
  bytes_since_snapshot_ += entry.data.size();
  if (entry.type == raft::entry::kind::nothing) {
    state_.pass(entry.index);
    orphans_due_ = true; // perhaps the first entry of this leader
  } else {
    auto what = how_.decode(entry.data);
    if (!what)
      return give_up(ec::storage_failed, "Entry " + std::to_string(entry.index)
                                           + " of the control log cannot be read here: it is damaged, or of a newer "
                                             "Hearth. Install that one, or join again with an empty state directory.");
    auto decision = entry.type == raft::entry::kind::seal ? state_.seal(entry.index, entry.voters)
                                                          : state_.apply(entry.index, what->order);
    if (const auto* renewal = std::get_if<renew>(&what->order))
      renewed(*renewal);
    react(decision.facts);
    if (std::holds_alternative<take_seat>(what->order) && what->origin == how_.self)
      seated_by(what->number, decision.facts);
    const auto result = decision.result;
    out_.emplace_back(effects::applied{entry.index, what->origin, std::move(what->order), std::move(decision.result),
                                       std::move(decision.facts)});
    if (what->origin == how_.self)
      decided(what->number, result);
  }
  keep_snapshot(entry);
}

void control_plane::react(const std::vector<fact>& facts) {
  for (const auto& what : facts) {
    if (const auto* began = std::get_if<facts::seat_began>(&what))
      seat_began(began->seat);
    else if (const auto* ended = std::get_if<facts::seat_ended>(&what))
      lives_.erase(ended->seat);
    else if (std::holds_alternative<facts::member_changed>(what))
      tell_learners();
    else if (std::holds_alternative<facts::owner_changed>(what) || std::holds_alternative<facts::run_orphaned>(what))
      orphans_due_ = true;
  }
  if (!facts.empty())
    refresh_seat();
  if (const auto* self = state_.find_member(how_.self); self != nullptr && self->removed)
    give_up(ec::not_a_member, "This node was removed from the cluster; an empty state directory lets it join again.");
}

void control_plane::tell_learners() {
  std::vector<node_uuid> nodes;
  for (const auto& [id, node] : state_.image().members)
    if (!node.removed)
      nodes.push_back(id);
  if (nodes == learners_)
    return;
  learners_ = nodes;
  feed(raft::learners{std::move(nodes)});
}

void control_plane::keep_snapshot(const raft::entry& entry) {
  if (snapshot_pending_ || installing_ || entry.type == raft::entry::kind::seal
      || (applied_since_snapshot_ < how_.snapshot_entries && bytes_since_snapshot_ < defaults::snapshot_log_bytes))
    return;
  snapshot_pending_ = true;
  applied_since_snapshot_ = 0;
  bytes_since_snapshot_ = 0;
  out_.emplace_back(effects::keep_snapshot{
    {entry.index, entry.term, log_.generation(), log_.voters()}, state_.image(), false});
}

void control_plane::on(const raft::snapshot_taken& what) {
  snapshot_pending_ = false;
  feed(what);
}

// One that was under way is of no use any more, and may never be said to be taken.
void control_plane::handle(const raft::seal& what) {
  snapshot_pending_ = false;
  applied_since_snapshot_ = 0;
  bytes_since_snapshot_ = 0;
  out_.emplace_back(effects::keep_snapshot{what.mark, state_.image(), true});
}

void control_plane::handle(raft::install what) {
  installing_ = true;
  out_.emplace_back(std::move(what));
}

void control_plane::on(events::installed what) {
  installing_ = false;
  snapshot_pending_ = false;
  applied_since_snapshot_ = 0;
  bytes_since_snapshot_ = 0;
  state_ = control_state(std::move(what.image), how_.state_mutations);
  out_.emplace_back(effects::replaced{});
  tell_learners();
  lives_.clear();
  refresh_seat();
  feed(raft::snapshot_stored{what.generation, what.index});
  drain();
  finish_reads();
}

void control_plane::handle(const raft::role& what) {
  const bool leads_now = what.now == raft::role::kind::leader;
  const bool led = role_.now == raft::role::kind::leader && role_.term == what.term
                   && role_.generation == what.generation;
  const bool other_leader = what.leader != leader_ || what.term != role_.term;
  role_ = what;
  leader_ = what.leader;
  if (!leads_now || !led) {
    lives_.clear();
    duties_.clear();
  }
  if (leads_now && !led) {
    elected_ = now_;
    next_renew_ = now_;
    renewed_at_ = now_;
    renewed_time_ms_ = state_.image().cluster_time_ms;
    orphans_due_ = true;
    for (const auto& [seat, record] : state_.image().seats)
      seat_began(seat);
  }
  out_.emplace_back(what);
  if (other_leader && leader_)
    leader_changed();
}

} // namespace hearth::cluster
