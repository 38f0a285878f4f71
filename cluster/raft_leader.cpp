#include "cluster/raft_core.hpp"

#include <algorithm>

/// What a leader does for those who follow: dissertation 3.5, 3.6.2, 6.2, 10.2.1.
namespace hearth::cluster::raft {

void core::handle(const node_uuid& from, const append_reply& what, std::uint64_t) {
  const auto found = peers_.find(from);
  if (role_ != kind::leader || found == peers_.end())
    return;
  auto& peer = found->second;
  peer.heard = now_;
  peer.link_down = false;
  peer.round = std::max(peer.round, what.round);
  if (what.accepted)
    accepted(from, peer, what);
  else
    rejected(peer, what);
}

void core::accepted(const node_uuid& from, progress& peer, const append_reply& what) {
  if (what.match >= peer.match) {
    peer.doubted = 0;
    peer.has_forgotten = false;
  }
  peer.match = std::max(peer.match, std::min(what.match, log_.last_index()));
  if (peer.how == progress::mode::snapshot) {
    if (peer.match + 1 < log_.first_index())
      return;
    transfers_.erase(from);
    peer.flights.clear();
    peer.next = peer.match + 1;
  }
  if (peer.how == progress::mode::probe && !peer.flights.empty())
    peer.next = peer.flights.back().last + 1; // if it was another message that fitted, the next one will not
  peer.how = progress::mode::replicate;
  peer.probing = false;
  while (!peer.flights.empty() && peer.flights.front().last <= peer.match)
    peer.flights.pop_front();
  peer.next = std::max(peer.next, peer.match + 1);
  if (successor_ == from)
    hand_over();
}

/// Late rejections, of what has been settled since, change nothing. Neither do those of a node that has lost what it
/// acknowledged (an old copy of its disk): it is asked again at the pace of heartbeats, and not at that of its answers. It
/// is told from a late one by the round: one that began after the acknowledgement was here.
void core::rejected(progress& peer, const append_reply& what) {
  if (what.rejected <= peer.match && peer.doubted == 0)
    peer.doubted = ++round_;
  else if (what.rejected <= peer.match && (what.round >= peer.doubted || mutant(mutation::late_rejections_count)))
    peer.has_forgotten = true;
  const bool late = what.rejected <= peer.match
                    || (peer.how == progress::mode::probe && what.rejected + 1 != peer.next);
  if (peer.how == progress::mode::snapshot || late)
    return;
  peer.next = std::max(peer.match + 1, std::min(what.hint + 1, std::max<log_index>(what.rejected, 1)));
  peer.how = progress::mode::probe;
  peer.probing = false;
  peer.flights.clear();
}

/// The first entry of a leader is of its own term: with it everything before is committed, and nothing is served earlier.
void core::lead() {
  step_down(kind::leader, how_.self);
  campaigns_ = 0;
  round_ = 0;
  follow_peers();
  first_of_mine_ = log_.last_index() + 1;
  append_entry({first_of_mine_, hard_.term, entry::kind::nothing, {}, {}});
  heartbeat();
}

void core::follow_peers() {
  const auto wanted = others();
  std::erase_if(peers_, [&](const auto& it) { return !std::binary_search(wanted.begin(), wanted.end(), it.first); });
  for (const auto& id : wanted) {
    const auto [it, added] = peers_.try_emplace(id);
    if (!added)
      continue;
    it->second.next = log_.last_index() + 1;
    it->second.heard = now_;
  }
  if (heartbeat_due_ == never)
    heartbeat_due_ = now_;
}

void core::replicate() {
  for (auto& [to, peer] : peers_)
    replicate_to(to, peer);
}

void core::replicate_to(const node_uuid& to, progress& peer) {
  if (peer.link_down || peer.how == progress::mode::snapshot)
    return;
  if (peer.how == progress::mode::probe) {
    if (!peer.probing)
      send_append(to, peer, true);
    return;
  }
  while (peer.how == progress::mode::replicate && peer.next <= log_.last_index()
         && peer.flights.size() < how_.appends_in_flight_max)
    send_append(to, peer, true);
  if (peer.told_commit < commit_)
    send_append(to, peer, false);
}

void core::send_append(const node_uuid& to, progress& peer, bool with_entries) {
  append what;
  what.commit = peer.told_commit = commit_;
  what.round = round_;
  const auto before = log_.term_at(peer.next - 1);
  if (!before && peer.how != progress::mode::snapshot) {
    peer.how = progress::mode::snapshot;
    peer.flights.clear();
    start_transfer(to);
  }
  if (before && peer.how != progress::mode::snapshot && !peer.link_down) {
    what.prev_index = peer.next - 1;
    what.prev_term = *before;
    if (with_entries)
      what.entries = log_.slice(peer.next, how_.append_entries_max, how_.append_bytes_max);
  }
  if (with_entries && peer.how == progress::mode::probe) {
    peer.probing = true;
    peer.flights.clear();
  }
  if (!what.entries.empty()) {
    peer.flights.push_back({what.entries.back().index});
    if (peer.how == progress::mode::replicate)
      peer.next = what.entries.back().index + 1;
  }
  post(to, std::move(what));
}

/// Tells that the leader lives, asks again what got no answer, and shows what was lost: a follower rejects what does not
/// follow its log.
void core::heartbeat() {
  heartbeat_due_ = now_ + how_.heartbeat;
  for (auto& [to, peer] : peers_) {
    if (peer.how == progress::mode::snapshot && !transfers_.contains(to)) {
      peer.how = progress::mode::probe;
      peer.next = peer.match + 1;
    }
    send_append(to, peer, peer.how == progress::mode::probe);
  }
  hand_over();
}

/// A leader that is cut off does not hold others up (6.2). It has as long as the slowest follower waits for a leader.
void core::check_quorum() {
  if (mutant(mutation::no_check_quorum))
    return;
  std::size_t heard = 1;
  for (const auto& [id, peer] : peers_)
    heard += votes_here(id) && now_ - peer.heard < 2 * how_.election_timeout ? 1 : 0;
  if (heard >= majority())
    return;
  step_down(idle_role(), {});
  election_due_ = now_ + draw_timeout();
}

void core::advance_commit() {
  const auto agreed = agreed_index();
  if (agreed > commit_ && (log_.term_at(agreed) == hard_.term || mutant(mutation::count_old_terms)))
    commit_to(agreed);
}

log_index core::agreed_index() const {
  std::vector<log_index> held{mutant(mutation::leader_counts_undurable) ? log_.last_index() : durable_};
  for (const auto& [id, peer] : peers_)
    if (votes_here(id) || mutant(mutation::count_learners))
      held.push_back(peer.match);
  std::sort(held.rbegin(), held.rend());
  return held[majority() - 1];
}

std::uint64_t core::agreed_round() const {
  std::vector<std::uint64_t> answered{round_};
  for (const auto& [id, peer] : peers_)
    if (votes_here(id))
      answered.push_back(peer.round);
  std::sort(answered.rbegin(), answered.rend());
  return answered[majority() - 1];
}

/// Its log is complete: it may lead. Called again when that may have come true.
void core::hand_over() {
  if (!successor_)
    return;
  const auto found = peers_.find(*successor_);
  if (found != peers_.end() && found->second.match == log_.last_index())
    post(*successor_, timeout_now{});
}

} // namespace hearth::cluster::raft
