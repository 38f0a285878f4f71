#include "cluster/raft_core.hpp"

#include <algorithm>
#include <utility>

namespace hearth::cluster::raft {

namespace {

std::vector<node_uuid> sorted(std::vector<node_uuid> nodes) {
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

} // namespace

core::core(config how, stored_state disk, instant now)
  : how_(how), random_(how.seed), now_(now), hard_(disk.hard),
    log_(disk.snapshot.index, disk.snapshot.term, std::move(disk.entries)), snapshot_(std::move(disk.snapshot)),
    generation_(snapshot_.generation), voters_(sorted(snapshot_.voters)), durable_(log_.last_index()),
    commit_(snapshot_.index), applied_(snapshot_.index), verified_(snapshot_.index) {
  snapshot_.voters = voters_;
  if (mutant(mutation::forget_vote))
    hard_.vote = {};
  if (mutant(mutation::whole_log_matches))
    verified_ = log_.last_index();
  apply_again_ = mutant(mutation::apply_twice) && log_.last_index() > applied_;
  for (auto index = log_.first_index(); index <= log_.last_index(); ++index)
    if (log_.at(index).type == entry::kind::seal)
      seal_ = index;
  if (snapshot_.index == 0 && generation_ != 0)
    origin_ = snapshot_;
  role_ = idle_role();
  if (generation_ != 0)
    election_due_ = voters_.size() == 1 && votes_here(how_.self) ? now_ : now_ + draw_timeout();
}

effects core::step(const event& what, instant now) {
  out_.clear();
  now_ = std::max(now_, now);
  if (now_ >= armed_)
    armed_ = never;
  std::visit([this](const auto& it) { on(it); }, what);
  pass_time();
  if (role_ == kind::leader)
    advance_commit();
  if (role_ == kind::leader) {
    take_waiting();
    serve_reads();
    replicate();
  }
  finish();
  return std::move(out_);
}

void core::on(const stored& what) {
  stored_ = std::max(stored_, what.token);
  const auto before = durable_;
  while (!unstored_.empty() && unstored_.front().token <= stored_) {
    durable_ = std::max(durable_, unstored_.front().last);
    unstored_.pop_front();
  }
  while (!held_.empty() && held_.front().token <= stored_) {
    out_.emplace_back(std::move(held_.front().what));
    held_.pop_front();
  }
  if (quiet())
    return;
  if (campaign_token_ != 0 && campaign_token_ <= stored_)
    request_votes();
  else if (durable_ > before && leader_ && role_ != kind::leader)
    acknowledge(leader_, 0);
}

void core::on(const learners& what) {
  learners_ = what.nodes;
  if (role_ == kind::leader)
    follow_peers();
}

void core::pass_time() {
  retry_transfers();
  if (quiet())
    return;
  if (role_ != kind::leader) {
    if (now_ >= election_due_)
      election_time();
    return;
  }
  if (now_ >= transfer_due_) {
    successor_.reset();
    transfer_due_ = never;
  }
  if (now_ >= heartbeat_due_) {
    check_quorum();
    if (role_ == kind::leader)
      heartbeat();
  }
}

/// One store per step, ahead of all other effects; then who this node is, and when it wants to be woken.
void core::finish() {
  if (pending_.hard || pending_.truncate_from || !pending_.append.empty()) {
    pending_.token = next_token_++;
    unstored_.push_back({pending_.token, pending_last_});
    out_.emplace(out_.begin(), std::move(pending_));
    pending_ = {};
    pending_last_ = 0;
  }
  if (const raft::role now{role_, generation_, hard_.term, leader_}; now != said_) {
    said_ = now;
    out_.emplace_back(now);
  }
  arm();
}

void core::arm() {
  auto next = never;
  for (const auto& [to, transfer] : transfers_)
    next = std::min(next, transfer.asked + how_.chunk_retry);
  if (!quiet()) {
    if (role_ == kind::leader)
      next = std::min({next, transfer_due_, peers_.empty() ? never : heartbeat_due_});
    else if (campaign_token_ == 0) // the disk wakes it otherwise
      next = std::min(next, election_due_);
  }
  if (next < armed_) {
    armed_ = next;
    out_.emplace_back(set_timer{next});
  }
}

void core::set_hard(std::uint64_t term, node_uuid vote) {
  if (term != hard_.term)
    verified_ = mutant(mutation::whole_log_matches) ? log_.last_index() : commit_;
  hard_ = {term, vote};
  pending_.hard = hard_;
  hard_token_ = next_token_;
}

void core::append_entry(entry next) {
  if (next.type == entry::kind::seal)
    seal_ = next.index;
  pending_last_ = next.index;
  pending_.append.push_back(next);
  log_.append(std::move(next));
}

void core::truncate(log_index from) {
  log_.truncate_from(from);
  pending_.truncate_from = from;
  durable_ = std::min(durable_, from - 1);
  for (auto& it : unstored_)
    it.last = std::min(it.last, from - 1);
  if (seal_ && *seal_ >= from)
    seal_.reset();
}

/// The log that these stores belong to is over.
void core::forget_stores() {
  pending_last_ = 0;
  for (auto& it : unstored_)
    it.last = 0;
}

void core::post(const node_uuid& to, decltype(message::body) body) { post_at(to, hard_.term, std::move(body)); }

void core::post_at(const node_uuid& to, std::uint64_t term, decltype(message::body) body) {
  send what{to, {generation_, term, std::move(body)}};
  if (hard_token_ > stored_ && !mutant(mutation::term_not_durable))
    held_.push_back({hard_token_, std::move(what)});
  else
    out_.emplace_back(std::move(what));
  if (held_.size() > defaults::raft_messages_held_max)
    held_.pop_front();
}

void core::commit_to(log_index index) {
  commit_ = std::max(commit_, std::min(index, log_.last_index()));
  commit batch;
  while (applied_ < commit_) {
    const auto& next = log_.at(++applied_);
    batch.entries.push_back(next);
    if (std::exchange(apply_again_, false))
      batch.entries.push_back(next);
    if (next.type == entry::kind::seal && !mutant(mutation::sealed_accepts))
      break;
  }
  if (batch.entries.empty())
    return;
  while (!in_flight_.empty() && in_flight_.front().index <= applied_) {
    proposal_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  out_.emplace_back(std::move(batch));
  if (seal_ && *seal_ <= applied_) {
    const auto& last = log_.at(*seal_);
    begin_generation({last.index, last.term, generation_ + 1, last.voters});
  }
}

bool core::votes_here(const node_uuid& id) const { return std::binary_search(voters_.begin(), voters_.end(), id); }

std::vector<node_uuid> core::others() const {
  std::set<node_uuid> all(voters_.begin(), voters_.end());
  all.insert(learners_.begin(), learners_.end());
  all.erase(how_.self);
  return {all.begin(), all.end()};
}

/// From the shortest timeout to its double (3.4); splitmix64.
instant core::draw_timeout() {
  auto bits = random_ += 0x9e3779b97f4a7c15ULL;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ULL;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebULL;
  bits ^= bits >> 31;
  const auto spread = static_cast<std::uint64_t>(std::max<instant::rep>(how_.election_timeout.count(), 1));
  return how_.election_timeout + instant(static_cast<instant::rep>(bits % spread));
}

std::vector<node::follower> core::followers() const {
  std::vector<node::follower> result;
  for (const auto& [id, peer] : peers_)
    result.push_back({id, peer.match, peer.heard});
  return result;
}

bool core::has_forgotten(const node_uuid& node) const {
  const auto found = peers_.find(node);
  return role_ == kind::leader && found != peers_.end() && found->second.has_forgotten;
}

// -- node ----

node::node(config how, stored_state disk, instant now) : core_(std::make_unique<core>(how, std::move(disk), now)) {}
node::node(node&&) noexcept = default;
node& node::operator=(node&&) noexcept = default;
node::~node() = default;

effects node::step(const event& what, instant now) { return core_->step(what, now); }
std::uint64_t node::term() const { return core_->term(); }
std::uint32_t node::generation() const { return core_->generation(); }
node_uuid node::leader() const { return core_->leader(); }
role::kind node::role() const { return core_->role_kind(); }
const std::vector<node_uuid>& node::voters() const { return core_->voters(); }
log_index node::commit_index() const { return core_->commit_index(); }
log_index node::last_index() const { return core_->entries().last_index(); }
std::optional<std::uint64_t> node::term_at(log_index index) const { return core_->entries().term_at(index); }
const snapshot_mark& node::snapshot() const { return core_->snapshot(); }
std::vector<node::follower> node::followers() const { return core_->followers(); }
bool node::has_forgotten(const node_uuid& node) const { return core_->has_forgotten(node); }

} // namespace hearth::cluster::raft
