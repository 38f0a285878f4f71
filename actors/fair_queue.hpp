#pragma once

#include "core/ids.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

namespace hearth {

/// Tickets in the order in which they may run: deeper calls first, because a waiting parent's slot comes back only when
/// its descendants finish; within a depth the roots take turns, so that no caller starves another; within a root first
/// come, first served. All operations take constant time (in the number of tickets).
class fair_queue {
public:
  struct key {
    call_id root;
    std::uint16_t depth = 0;
  };

  void push_back(ticket id, const key& where) { line_of(where).push_back(id), ++size_; }

  /// Before everything of the same root and depth: a call that comes back unstarted keeps its place.
  void push_front(ticket id, const key& where) { line_of(where).push_front(id), ++size_; }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  struct head_t {
    ticket id;
    std::uint16_t depth = 0;
  };

  /// The next ticket; the queue must not be empty.
  head_t head() const {
    const auto& [depth, level] = *levels_.begin();
    return {level.lines.find(level.turns.front())->second.front(), depth};
  }

  /// Takes the next ticket; its root goes to the end of the turns.
  ticket pop() {
    auto level = levels_.begin();
    auto root = level->second.turns.front();
    level->second.turns.pop_front();
    auto line = level->second.lines.find(root);
    auto id = line->second.front();
    line->second.pop_front();
    if (line->second.empty()) {
      level->second.lines.erase(line);
      if (level->second.turns.empty())
        levels_.erase(level);
    } else {
      level->second.turns.push_back(root);
    }
    --size_;
    return id;
  }

  /// Keeps the tickets for which `wanted` answers true, in their order. Takes time in the number of tickets.
  template <class Predicate>
  void keep_if(Predicate&& wanted) {
    size_ = 0;
    for (auto& [depth, level] : levels_) {
      for (auto& [root, line] : level.lines) {
        std::erase_if(line, [&](ticket id) { return !wanted(id); });
        size_ += line.size();
      }
      std::erase_if(level.lines, [](const auto& line) { return line.second.empty(); });
      std::erase_if(level.turns, [&lines = level.lines](const call_id& root) { return lines.count(root) == 0; });
    }
    std::erase_if(levels_, [](const auto& level) { return level.second.lines.empty(); });
  }

private:
  struct level_t {
    std::deque<call_id> turns; // roots with tickets, next first
    std::unordered_map<call_id, std::deque<ticket>> lines;
  };

  std::deque<ticket>& line_of(const key& where) {
    auto& level = levels_[where.depth];
    auto [line, is_new] = level.lines.try_emplace(where.root);
    if (is_new)
      level.turns.push_back(where.root);
    return line->second;
  }

  std::map<std::uint16_t, level_t, std::greater<>> levels_; // deepest first
  std::size_t size_ = 0;
};

} // namespace hearth
