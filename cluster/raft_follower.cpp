#include "cluster/raft_core.hpp"

#include <algorithm>

/// What a follower does with the leader's entries: dissertation 3.5.
namespace hearth::cluster::raft {

void core::handle(const node_uuid& from, const append& what, std::uint64_t) {
  if (role_ == kind::leader)
    return; // no other node leads this term
  if (leader_ != from || role_ != idle_role())
    step_down(idle_role(), from);
  heard_ = now_;
  campaigns_ = 0;
  election_due_ = now_ + draw_timeout();
  if (installing_)
    return acknowledge(from, what.round);
  const auto end = what.prev_index + what.entries.size();
  if (!what.entries.empty() && (what.entries.front().index != what.prev_index + 1 || what.entries.back().index != end))
    return; // no leader of ours sends a log with gaps
  if (!fits(what))
    return reject(from, what);
  take_entries(what);
  commit_to(std::min(what.commit, mutant(mutation::commit_beyond_match) ? log_.last_index() : verified_));
  if (!sealing_)
    acknowledge(from, what.round);
}

/// What is committed is the same everywhere, so a position within it needs no comparison.
bool core::fits(const append& what) const {
  if (what.prev_index <= commit_)
    return true;
  if (mutant(mutation::no_prev_check))
    return what.prev_index <= log_.last_index();
  return log_.term_at(what.prev_index) == what.prev_term;
}

/// Names a position before all entries of the term that does not fit, so that the leader skips them in one step.
void core::reject(const node_uuid& from, const append& what) {
  auto hint = log_.last_index();
  if (what.prev_index <= hint)
    hint = log_.begin_of_term(what.prev_index) - 1;
  post(from, append_reply{false, 0, what.prev_index, std::max(hint, commit_), what.round});
}

void core::take_entries(const append& what) {
  if (mutant(mutation::truncate_always) && !what.entries.empty())
    truncate(std::max(what.prev_index, commit_) + 1);
  for (const auto& next : what.entries) {
    if (next.index <= commit_)
      continue;
    if (next.index <= log_.last_index()) {
      if (log_.term_at(next.index) == next.term || mutant(mutation::no_truncation))
        continue;
      truncate(next.index);
    }
    append_entry(next);
  }
  verified_ = std::max(verified_, what.prev_index + what.entries.size());
  if (mutant(mutation::uncommitted_seal_counts) && seal_)
    commit_to(*seal_);
}

void core::acknowledge(const node_uuid& to, std::uint64_t round) {
  post(to, append_reply{true, vouched(), 0, 0, round});
}

log_index core::vouched() const {
  return mutant(mutation::ack_before_durable) ? verified_ : std::min(verified_, durable_);
}

} // namespace hearth::cluster::raft
