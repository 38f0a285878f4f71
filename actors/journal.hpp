#pragma once

#include "actors/interfaces.hpp"

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

namespace hearth {

/// The JOURNAL keeps what happened to environments and why: decisions about replicas with all that they depended on, and
/// what became of replicas.
///
/// Spawned by: the node, once.
/// Monitors:   nobody; whoever writes to it does not wait.
/// Dies:       with the node. It keeps the last entries of each environment in memory, and of no more environments than it
///             may: the one that was silent longest goes first.
struct journal_config {
  std::function<std::uint64_t()> unix_ms;
  std::function<void(const journal_entry&)> also_told{}; // of each entry; may be empty
};

class journal_state {
public:
  static inline const char* name = "journal";

  journal_actor::behavior_type make_behavior(journal_actor::pointer self, journal_config config);

private:
  struct page {
    std::deque<journal_entry> entries;
    std::uint64_t last = 0; // number of the last message that wrote here
  };

  void append(std::vector<journal_entry>& entries);
  std::vector<event_row> list(const std::string& environment, std::uint32_t limit) const;
  void count(const std::string& key, const journal_entry& entry);
  std::vector<journal_counts> counts() const;
  void forget_silent();

  journal_config config_;
  std::unordered_map<std::string, page> pages_;            // by key of the environment
  std::unordered_map<std::string, journal_counts> counts_; // likewise; of more environments than have a page
  std::uint64_t messages_ = 0;
};

} // namespace hearth
