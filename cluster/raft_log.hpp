#pragma once

#include "cluster/raft_types.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace hearth::cluster::raft {

/// The entries of one generation that a node holds in memory: a run without a gap behind a base, of which only index and
/// term are known.
class log {
public:
  log(log_index base, std::uint64_t base_term, std::vector<entry> entries);

  /// The first index held.
  log_index first_index() const noexcept { return base_ + 1; }
  log_index last_index() const noexcept { return base_ + entries_.size(); }
  std::uint64_t last_term() const noexcept { return entries_.empty() ? base_term_ : entries_.back().term; }

  /// Of the base or an entry held; nothing for any other index.
  std::optional<std::uint64_t> term_at(log_index index) const;
  /// `index` must be held.
  const entry& at(log_index index) const;
  /// The lowest index held from which on all entries up to `index` have the term of that one.
  log_index begin_of_term(log_index index) const;
  /// Entries from `from` on: at least one if there is one, then within both limits.
  std::vector<entry> slice(log_index from, std::size_t count_max, std::size_t bytes_max) const;

  /// Its index must be the next one.
  void append(entry next);
  void truncate_from(log_index index);
  /// What lies before `index` is forgotten; `index - 1` must be held or be the base.
  void forget_before(log_index index);
  /// Nothing is held, and the next index is base + 1.
  void restart(log_index base, std::uint64_t base_term);
  /// Everything up to `base` goes; what follows it stays.
  void rebase(log_index base, std::uint64_t base_term);

private:
  log_index base_;
  std::uint64_t base_term_;
  std::deque<entry> entries_;
};

/// What an entry counts against limits of bytes.
std::size_t weight(const entry& what) noexcept;

} // namespace hearth::cluster::raft
