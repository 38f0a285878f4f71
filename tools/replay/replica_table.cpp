#include "tools/replay/replica_table.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <bit>

namespace hearth::replay {

namespace {

constexpr std::uint32_t gone = ~0u;

void set_bit(std::vector<std::uint64_t>& set, std::uint32_t at, bool present) {
  const auto mask = std::uint64_t{1} << (at % 64);
  if (present)
    set[at / 64] |= mask;
  else
    set[at / 64] &= ~mask;
}

} // namespace

replica_table::replica_table(std::vector<replica>& replicas, std::uint32_t concurrency)
  : replicas_(replicas), concurrency_(concurrency),
    fill_(std::max(1u, static_cast<std::uint32_t>(defaults::pack_share * concurrency + 0.999))),
    levels_(concurrency + 1), level_size_(concurrency + 1) {}

replica& replica_table::add(seconds now) {
  const auto id = static_cast<std::uint32_t>(positions_.size());
  const auto at = static_cast<std::uint32_t>(replicas_.size());
  positions_.push_back(at);
  replicas_.push_back({.id = id, .requested = now});
  if (const auto words = at / 64 + 1; below_.size() < words) {
    below_.resize(words);
    for (auto& level : levels_)
      level.resize(words);
  }
  return replicas_.back();
}

void replica_table::remove(std::uint32_t id) {
  const auto at = positions_[id];
  replicas_.erase(replicas_.begin() + at);
  positions_[id] = gone;
  for (auto i = at; i < replicas_.size(); ++i)
    positions_[replicas_[i].id] = i;
  rebuild();
}

replica* replica_table::find(std::uint32_t id) noexcept {
  const auto at = positions_[id];
  return at == gone ? nullptr : &replicas_[at];
}

void replica_table::open(replica& one) { mark(one, true); }

void replica_table::close(replica& one) { mark(one, false); }

void replica_table::mark(const replica& one, bool present) {
  const auto at = position(one);
  set_bit(levels_[one.in_use], at, present);
  level_size_[one.in_use] += present ? 1 : -1u;
  if (one.in_use < fill_)
    set_bit(below_, at, present);
}

void replica_table::rebuild() {
  std::fill(below_.begin(), below_.end(), 0);
  std::fill(level_size_.begin(), level_size_.end(), 0);
  for (auto& level : levels_)
    std::fill(level.begin(), level.end(), 0);
  for (const auto& one : replicas_)
    if (one.ready && !one.draining)
      mark(one, true);
}

std::optional<std::uint32_t> replica_table::first(const bits& set) noexcept {
  for (std::uint32_t word = 0; word < set.size(); ++word)
    if (set[word] != 0)
      return word * 64 + static_cast<std::uint32_t>(std::countr_zero(set[word]));
  return std::nullopt;
}

replica* replica_table::take() {
  auto at = first(below_);
  for (auto level = fill_; !at && level < concurrency_; ++level)
    if (level_size_[level] > 0)
      at = first(levels_[level]);
  if (!at)
    return nullptr;
  auto& one = replicas_[*at];
  mark(one, false);
  ++one.in_use;
  mark(one, true);
  return &one;
}

void replica_table::give_back(replica& one) {
  if (one.draining) {
    --one.in_use;
    return;
  }
  mark(one, false);
  --one.in_use;
  mark(one, true);
}

} // namespace hearth::replay
