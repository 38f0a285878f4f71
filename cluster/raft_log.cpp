#include "cluster/raft_log.hpp"

#include <iterator>

namespace hearth::cluster::raft {

std::size_t weight(const entry& what) noexcept {
  // Besides the data: index, term, kind and length as they travel.
  constexpr std::size_t frame = 32;
  return frame + what.data.size() + what.voters.size() * sizeof(node_uuid);
}

log::log(log_index base, std::uint64_t base_term, std::vector<entry> entries)
  : base_(base), base_term_(base_term),
    entries_(std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end())) {}

std::optional<std::uint64_t> log::term_at(log_index index) const {
  if (index == base_)
    return base_term_;
  if (index < base_ || index > last_index())
    return std::nullopt;
  return at(index).term;
}

const entry& log::at(log_index index) const { return entries_[index - base_ - 1]; }

log_index log::begin_of_term(log_index index) const {
  const auto term = at(index).term;
  while (index > first_index() && at(index - 1).term == term)
    --index;
  return index;
}

std::vector<entry> log::slice(log_index from, std::size_t count_max, std::size_t bytes_max) const {
  std::vector<entry> result;
  std::size_t bytes = 0;
  for (auto index = from; index <= last_index() && result.size() < count_max; ++index) {
    const auto& next = at(index);
    bytes += weight(next);
    if (!result.empty() && bytes > bytes_max)
      break;
    result.push_back(next);
  }
  return result;
}

void log::append(entry next) { entries_.push_back(std::move(next)); }

void log::truncate_from(log_index index) {
  if (index <= last_index())
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index - base_ - 1), entries_.end());
}

void log::forget_before(log_index index) {
  if (index <= first_index())
    return;
  base_term_ = at(index - 1).term;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(index - base_ - 1));
  base_ = index - 1;
}

void log::restart(log_index base, std::uint64_t base_term) {
  base_ = base;
  base_term_ = base_term;
  entries_.clear();
}

void log::rebase(log_index base, std::uint64_t base_term) {
  if (base < base_ || base >= last_index())
    return restart(base, base_term);
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(base - base_));
  base_ = base;
  base_term_ = base_term;
}

} // namespace hearth::cluster::raft
