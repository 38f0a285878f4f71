#include "cluster/raft_core.hpp"

#include <algorithm>

/// What is asked of a leader: proposals, reads (dissertation 6.4), to leave (3.10).
namespace hearth::cluster::raft {

void core::on(const propose& what) {
  if (const auto reason = obstacle(what)) {
    out_.emplace_back(refused{what.id, *reason, leader_ == how_.self ? node_uuid{} : leader_});
    return;
  }
  proposal_bytes_ += what.data.size();
  if (applied_ < first_of_mine_)
    waiting_.push_back(what);
  else
    append_proposal(what);
}

std::optional<refusal> core::obstacle(const propose& what) const {
  if (role_ != kind::leader || successor_)
    return refusal::not_leader;
  if (seal_ && !mutant(mutation::sealed_accepts))
    return refusal::sealed;
  const auto open = waiting_.size() + in_flight_.size();
  if (open >= how_.proposals_max || (open > 0 && proposal_bytes_ + what.data.size() > how_.proposal_bytes_max))
    return refusal::overloaded;
  if (!what.voters.empty() && !may_vote_next(what.voters))
    return refusal::bad_voters;
  return std::nullopt;
}

/// The next generation can begin at once: who is new has been heard within a timeout and has the log but for what one
/// window of appends brings; so has a majority of all.
bool core::may_vote_next(const std::vector<node_uuid>& voters) const {
  const std::set<node_uuid> distinct(voters.begin(), voters.end());
  if (distinct.size() != voters.size() || voters.size() == 2 || voters.size() > defaults::raft_voters_max)
    return false;
  const auto window = how_.append_entries_max * how_.appends_in_flight_max;
  std::size_t close = 0;
  for (const auto& id : voters) {
    const auto found = peers_.find(id);
    const bool follows = id == how_.self
                         || (found != peers_.end() && found->second.how == progress::mode::replicate
                             && now_ - found->second.heard < how_.election_timeout
                             && found->second.match + window >= log_.last_index());
    if (!follows && !votes_here(id))
      return false;
    close += follows ? 1 : 0;
  }
  return close >= voters.size() / 2 + 1;
}

void core::append_proposal(const propose& what) {
  entry next{log_.last_index() + 1, hard_.term, what.voters.empty() ? entry::kind::command : entry::kind::seal,
             what.data, what.voters};
  std::sort(next.voters.begin(), next.voters.end());
  in_flight_.push_back({what.id, next.index, what.data.size()});
  out_.emplace_back(proposed{what.id, next.index, next.term});
  append_entry(std::move(next));
}

void core::take_waiting() {
  if (applied_ < first_of_mine_)
    return;
  for (; !waiting_.empty(); waiting_.pop_front()) {
    const auto& next = waiting_.front();
    if (!seal_) {
      append_proposal(next);
      continue;
    }
    proposal_bytes_ -= next.data.size();
    out_.emplace_back(refused{next.id, refusal::sealed, {}});
  }
}

void core::on(const read& what) {
  if (role_ != kind::leader || reads_.size() >= how_.reads_max) {
    const auto reason = role_ == kind::leader ? refusal::overloaded : refusal::not_leader;
    out_.emplace_back(refused{what.id, reason, role_ == kind::leader ? node_uuid{} : leader_});
    return;
  }
  reads_.push_back({what.id, 0, 0});
}

/// A read is answered by a round of the voters that began after it came: nobody else led when it did. Reads that come during
/// a round share the next one.
void core::serve_reads() {
  if (reads_.empty() || (applied_ < first_of_mine_ && !mutant(mutation::read_before_first_commit)))
    return;
  if (mutant(mutation::read_without_round)) {
    for (const auto& it : reads_)
      out_.emplace_back(readable{it.id, applied_});
    reads_.clear();
    return;
  }
  const auto answer = [this] {
    const auto confirmed = agreed_round();
    while (!reads_.empty() && reads_.front().round != 0 && reads_.front().round <= confirmed) {
      out_.emplace_back(readable{reads_.front().id, reads_.front().index});
      reads_.pop_front();
    }
    return confirmed;
  };
  if (answer() < round_ || reads_.empty() || reads_.back().round != 0)
    return;
  ++round_;
  for (auto& it : reads_)
    if (it.round == 0) {
      it.round = round_;
      it.index = applied_;
    }
  for (auto& [to, peer] : peers_)
    if (votes_here(to))
      send_append(to, peer, false);
  answer();
}

/// Heartbeats only, and none of what is on its way counts as sent.
void core::on(const unreachable& what) {
  const auto found = peers_.find(what.node);
  if (found == peers_.end())
    return;
  auto& peer = found->second;
  peer.link_down = true;
  peer.flights.clear();
  peer.probing = false;
  if (peer.how == progress::mode::replicate) {
    peer.how = progress::mode::probe;
    peer.next = peer.match + 1;
  }
}

void core::on(const transfer& what) {
  if (role_ != kind::leader)
    return;
  const progress* best = nullptr;
  for (const auto& [id, peer] : peers_) {
    if (!votes_here(id) || (what.to && id != what.to) || (best != nullptr && peer.match <= best->match))
      continue;
    best = &peer;
    successor_ = id;
  }
  if (best == nullptr)
    return;
  transfer_due_ = now_ + 2 * how_.election_timeout;
  hand_over();
}

} // namespace hearth::cluster::raft
