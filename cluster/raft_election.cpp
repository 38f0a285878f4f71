#include "cluster/raft_core.hpp"

/// Who leads: dissertation 3.4, 3.6.1, 4.2.3, 9.6.
namespace hearth::cluster::raft {

namespace {

template <class Body>
bool is(const message& what) {
  return std::holds_alternative<Body>(what.body);
}

bool of_elections_or_replication(const message& what) {
  return is<vote_request>(what) || is<vote_reply>(what) || is<append>(what) || is<append_reply>(what);
}

} // namespace

void core::on(const received& what) {
  if (what.from != how_.self)
    receive(what.from, what.message);
}

void core::receive(const node_uuid& from, const message& what) {
  const bool any_generation = mutant(mutation::votes_in_both) && of_elections_or_replication(what) && generation_ != 0;
  if (what.generation != generation_ && !any_generation)
    return other_generation(from, what);
  // A generation that has not begun on the disk is not spoken in. Who installs a state only tells that it is alive.
  if (sealing_ || (installing_ && !is<append>(what)))
    return;
  if (admit_term(from, what))
    std::visit([&](const auto& body) { handle(from, body, what.term); }, what.body);
}

/// Takes over a higher term, answers a lower one. False: there is nothing more to do with the message.
bool core::admit_term(const node_uuid& from, const message& what) {
  if (what.term < hard_.term) {
    answer_older_term(from, what);
    return false;
  }
  if (what.term == hard_.term)
    return true;
  if (const auto* request = std::get_if<vote_request>(&what.body)) {
    // Who hears a leader does not let itself be disturbed (4.2.3); nor by who has no vote.
    if (!votes_here(from) || (!request->forced && hears_leader() && !mutant(mutation::no_pre_vote)))
      return false;
    if (request->pre)
      return true;
  }
  if (const auto* reply = std::get_if<vote_reply>(&what.body); reply && reply->pre && reply->granted)
    return true; // the term that this node would campaign for
  follow(what.term, is<append>(what) ? from : node_uuid{});
  return true;
}

/// A leader of an older term learns that it is over; so does a candidate.
void core::answer_older_term(const node_uuid& from, const message& what) {
  if (is<append>(what) || is<snapshot_chunk>(what))
    post(from, append_reply{});
  else if (const auto* request = std::get_if<vote_request>(&what.body); request && votes_here(from))
    post(from, vote_reply{request->pre, false});
}

void core::handle(const node_uuid& from, const vote_request& what, std::uint64_t term) {
  if (!votes_here(how_.self) || !votes_here(from))
    return;
  const bool has_all = what.last_term > log_.last_term()
                       || (what.last_term == log_.last_term() && what.last_index >= log_.last_index())
                       || mutant(mutation::vote_for_shorter_log);
  if (what.pre) {
    const bool granted = has_all && term > hard_.term;
    return post_at(from, granted ? term : hard_.term, vote_reply{true, granted});
  }
  const bool free = !hard_.vote || hard_.vote == from || mutant(mutation::vote_twice);
  if (!free || !has_all)
    return post(from, vote_reply{false, false});
  if (hard_.vote != from)
    set_hard(hard_.term, from);
  election_due_ = now_ + draw_timeout();
  post(from, vote_reply{false, true});
}

void core::handle(const node_uuid& from, const vote_reply& what, std::uint64_t term) {
  const bool wanted = what.pre ? role_ == kind::pre_candidate && term == hard_.term + 1
                               : role_ == kind::candidate && term == hard_.term && campaign_token_ == 0;
  if (!wanted || !what.granted || !votes_here(from))
    return;
  votes_.insert(from);
  count_votes();
}

void core::handle(const node_uuid& from, const timeout_now&, std::uint64_t) {
  if (from == leader_ && votes_here(how_.self) && role_ == kind::follower)
    campaign(true);
}

bool core::hears_leader() const { return leader_ && (role_ == kind::leader || now_ - heard_ < how_.election_timeout); }

void core::election_time() {
  election_due_ = now_ + draw_timeout();
  if (!votes_here(how_.self)) {
    leader_ = {};
    return announce();
  }
  if (campaign_token_ != 0)
    return; // its own vote is not on the disk yet
  if (role_ == kind::candidate)
    ++campaigns_;
  if (voters_.size() == 1 || mutant(mutation::no_pre_vote))
    return campaign(false);
  ask_whether_to_campaign();
}

void core::ask_whether_to_campaign() {
  step_down(kind::pre_candidate, {});
  votes_ = {how_.self};
  for (const auto& voter : voters_)
    if (voter != how_.self)
      post_at(voter, hard_.term + 1, vote_request{log_.last_index(), log_.last_term(), true, false});
}

/// The own vote, and the log that it is given to, are durable before anybody is asked: a campaign that a crash interrupts is
/// not repeated in the same term with a shorter log.
void core::campaign(bool forced) {
  step_down(kind::candidate, {});
  set_hard(hard_.term + 1, how_.self);
  forced_ = forced;
  campaign_token_ = hard_token_;
  election_due_ = now_ + draw_timeout();
}

void core::request_votes() {
  // Disks that are slower than elections: each campaign in a row has twice the time, up to eight times.
  constexpr unsigned doublings_max = 3;
  campaign_token_ = 0;
  votes_ = {how_.self};
  election_due_ = now_ + draw_timeout() * (1U << std::min(campaigns_, doublings_max));
  for (const auto& voter : voters_)
    if (voter != how_.self)
      post(voter, vote_request{log_.last_index(), log_.last_term(), false, forced_});
  count_votes();
}

void core::count_votes() {
  if (votes_.size() < majority())
    return;
  if (role_ == kind::pre_candidate)
    campaign(false);
  else
    lead();
}

void core::follow(std::uint64_t term, const node_uuid& leader) {
  step_down(idle_role(), leader);
  if (term > hard_.term)
    set_hard(term, {});
  if (leader)
    heard_ = now_;
  election_due_ = now_ + draw_timeout();
}

/// What was proposed to this leader is out of its hands; what it had not begun is refused.
void core::step_down(kind now, const node_uuid& leader) {
  role_ = now;
  leader_ = leader;
  campaign_token_ = 0;
  votes_.clear();
  for (const auto& it : in_flight_)
    out_.emplace_back(refused{it.id, refusal::leadership_lost, leader});
  for (const auto& it : waiting_)
    out_.emplace_back(refused{it.id, refusal::not_leader, leader});
  for (const auto& it : reads_)
    out_.emplace_back(refused{it.id, refusal::not_leader, leader});
  in_flight_.clear();
  waiting_.clear();
  reads_.clear();
  peers_.clear();
  proposal_bytes_ = 0;
  successor_.reset();
  transfer_due_ = never;
  heartbeat_due_ = never;
}

} // namespace hearth::cluster::raft
