#include "cluster/raft_core.hpp"

#include <algorithm>
#include <utility>

/// Snapshots (dissertation 5), and how one generation follows another (cluster/raft.hpp).
namespace hearth::cluster::raft {

void core::on(const snapshot_taken& what) {
  if (quiet() || what.index <= snapshot_.index || what.index > applied_)
    return;
  const auto term = log_.term_at(what.index);
  if (!term)
    return;
  snapshot_ = {what.index, *term, generation_, voters_};
  durable_ = std::max(durable_, what.index);
  if (what.index > how_.entries_behind_snapshot)
    log_.forget_before(what.index + 1 - how_.entries_behind_snapshot);
}

void core::on(const snapshot_stored& what) {
  const auto is_it = [&](const snapshot_mark& mark) {
    return mark.generation == what.generation && mark.index == what.index;
  };
  if (sealing_ && is_it(*sealing_))
    sealed();
  else if (installing_ && is_it(installing_->mark))
    installed();
}

void core::on(const snapshot_damaged& what) {
  if (!installing_ || installing_->mark.generation != what.generation || installing_->mark.index != what.index)
    return;
  installing_.reset();
  election_due_ = now_ + draw_timeout();
}

// -- sending ----

void core::start_transfer(const node_uuid& to) {
  if (sealing_ || transfers_.contains(to))
    return;
  transfers_[to] = {snapshot_, 0, now_, 0};
  out_.emplace_back(fetch_chunk{to, snapshot_.index, 0});
}

void core::on(const snapshot_data& what) {
  const auto found = transfers_.find(what.to);
  if (found == transfers_.end() || what.index != snapshot_.index)
    return; // asked for again in a moment
  auto& it = found->second;
  if (it.mark.index != snapshot_.index) {
    it = {snapshot_, 0, now_, 0};
    if (what.offset != 0)
      out_.emplace_back(fetch_chunk{what.to, it.mark.index, 0});
  }
  if (what.offset == it.offset)
    post(what.to, snapshot_chunk{it.mark, what.offset, what.data, what.last, what.digest});
}

void core::handle(const node_uuid& from, const snapshot_reply& what, std::uint64_t) {
  const auto peer = peers_.find(from);
  if (peer != peers_.end())
    peer->second.heard = now_;
  const auto found = transfers_.find(from);
  if (found == transfers_.end() || found->second.mark.index != what.index
      || found->second.mark.generation != what.generation)
    return;
  auto& it = found->second;
  if (!what.done) {
    it.tries = 0;
    if (what.offset == it.offset)
      return; // what it wants is on its way
    it.offset = what.offset;
    it.asked = now_;
    out_.emplace_back(fetch_chunk{from, it.mark.index, it.offset});
    return;
  }
  transfers_.erase(found);
  if (role_ == kind::leader && peer != peers_.end())
    accepted(from, peer->second, {true, what.index, 0, 0, 0});
}

void core::retry_transfers() {
  for (auto it = transfers_.begin(); it != transfers_.end();) {
    auto& [to, transfer] = *it;
    if (now_ - transfer.asked < how_.chunk_retry) {
      ++it;
      continue;
    }
    const bool mine_to_serve = role_ == kind::leader && peers_.contains(to);
    if (++transfer.tries > defaults::raft_chunk_tries_max && !mine_to_serve) {
      it = transfers_.erase(it);
      continue;
    }
    if (transfer.mark != snapshot_)
      transfer = {snapshot_, 0, now_, transfer.tries};
    transfer.asked = now_;
    out_.emplace_back(fetch_chunk{to, transfer.mark.index, transfer.offset});
    ++it;
  }
}

// -- receiving ----

void core::handle(const node_uuid& from, const snapshot_chunk& what, std::uint64_t term) {
  const auto& mark = what.mark;
  if (quiet() || mark.generation < generation_ || known_already(from, mark))
    return;
  const bool same_sender = !incoming_ || incoming_->from == from;
  const auto want = [&](std::uint64_t offset) {
    post(from, snapshot_reply{mark.index, mark.generation, offset, false});
  };
  const bool goes_on = incoming_ && same_sender && incoming_->mark == mark;
  if (goes_on && what.offset != incoming_->offset)
    return want(incoming_->offset);
  if (!goes_on) {
    // One state comes in at a time; a sender that fell silent loses its turn.
    const bool free = same_sender || now_ - incoming_->last > 4 * how_.chunk_retry;
    if (!free)
      return;
    if (what.offset != 0)
      return want(0);
    incoming_ = incoming{from, mark, 0, now_};
  }
  if (incoming_->offset + what.data.size() > defaults::raft_state_bytes_max)
    return incoming_.reset();
  incoming_->last = now_;
  incoming_->offset += what.data.size();
  out_.emplace_back(keep_chunk{mark, what.offset, what.data});
  if (!what.last)
    return want(incoming_->offset);
  // No entry of the mark's term is on the disk before that term is.
  if (term > hard_.term || role_ != idle_role())
    follow(std::max(term, hard_.term), {});
  installing_ = std::exchange(incoming_, std::nullopt);
  out_.emplace_back(install{mark, what.digest});
}

/// A state that the log covers is not needed: it only tells that it is committed.
bool core::known_already(const node_uuid& from, const snapshot_mark& mark) {
  if (mark.generation != generation_)
    return false;
  if (mark.index > applied_) {
    if (log_.term_at(mark.index) != mark.term)
      return false;
    verified_ = std::max(verified_, mark.index);
    commit_to(mark.index);
  }
  if (durable_ >= mark.index && !sealing_)
    post(from, snapshot_reply{mark.index, mark.generation, 0, true});
  return true;
}

void core::installed() {
  const auto done = *std::exchange(installing_, std::nullopt);
  const auto& mark = done.mark;
  const bool keep = mutant(mutation::install_keeps_suffix) && mark.generation == generation_;
  if (keep)
    log_.rebase(mark.index, mark.term);
  else
    log_.restart(mark.index, mark.term);
  forget_stores();
  seal_.reset();
  snapshot_ = mark;
  commit_ = applied_ = mark.index;
  durable_ = verified_ = keep ? log_.last_index() : mark.index;
  if (mark.generation != generation_) {
    generation_ = mark.generation;
    voters_ = mark.voters;
    origin_.reset();
    step_down(idle_role(), {});
  }
  election_due_ = now_ + draw_timeout();
  post(done.from, snapshot_reply{mark.index, mark.generation, 0, true});
}

// -- generations ----

void core::other_generation(const node_uuid& from, const message& what) {
  if (what.generation < generation_) {
    const auto* asks = std::get_if<behind>(&what.body);
    if (asks != nullptr && asks->needs_snapshot)
      handle(from, *asks, what.term);
    else if (const auto* reply = std::get_if<snapshot_reply>(&what.body))
      handle(from, *reply, what.term);
    else
      tell_generation(from);
    return;
  }
  if (quiet())
    return;
  if (const auto* notice = std::get_if<generation_notice>(&what.body))
    handle(from, *notice, what.term);
  else if (const auto* chunk = std::get_if<snapshot_chunk>(&what.body))
    handle(from, *chunk, what.term);
  else
    post(from, behind{});
}

void core::handle(const node_uuid& from, const behind& what, std::uint64_t) {
  if (what.needs_snapshot && !sealing_)
    start_transfer(from);
}

void core::tell_generation(const node_uuid& to) {
  post(to, generation_notice{origin_ ? *origin_ : snapshot_, origin_.has_value()});
}

void core::handle(const node_uuid& from, const generation_notice& what, std::uint64_t) {
  const auto& mark = what.mark;
  if (mark.generation <= generation_)
    return;
  if (what.origin && mark.index == 0 && generation_ == 0 && log_.last_index() == 0)
    return begin_generation(mark);
  const bool has_seal = what.origin && mark.generation == generation_ + 1 && seal_ == mark.index
                        && log_.term_at(mark.index) == mark.term;
  if (!has_seal)
    return post(from, behind{true});
  verified_ = std::max(verified_, mark.index);
  commit_to(mark.index);
}

/// Who hears of no leader and has no vote: the voters may not know that their generation has begun.
void core::announce() {
  for (const auto& voter : voters_)
    tell_generation(voter);
}

/// From here on only the new generation is spoken of; in it, once it is on the disk.
void core::begin_generation(snapshot_mark mark) {
  led_before_ = role_ == kind::leader;
  auto told = others();
  told.insert(told.end(), mark.voters.begin(), mark.voters.end());
  std::sort(told.begin(), told.end());
  told.erase(std::unique(told.begin(), told.end()), told.end());
  std::erase(told, how_.self);
  generation_ = mark.generation;
  voters_ = mark.voters;
  step_down(idle_role(), {});
  log_.restart(mark.index, mark.term);
  forget_stores();
  seal_.reset();
  transfers_.clear();
  incoming_.reset();
  commit_ = applied_ = verified_ = durable_ = mark.index;
  origin_ = mark;
  sealing_ = mark;
  out_.emplace_back(seal{std::move(mark)});
  if (led_before_)
    for (const auto& id : told)
      tell_generation(id);
}

/// The leader of the generation before is the first to campaign, when the others have had time to store theirs.
void core::sealed() {
  snapshot_ = *std::exchange(sealing_, std::nullopt);
  const bool first = led_before_ && votes_here(how_.self);
  const auto head_start = voters_.size() == 1 ? instant(0) : how_.heartbeat;
  election_due_ = now_ + (first ? head_start : draw_timeout());
}

} // namespace hearth::cluster::raft
