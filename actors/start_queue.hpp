#pragma once

#include "actors/capacity.hpp"
#include "actors/interfaces.hpp"

#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>

namespace hearth {

/// Orders that wait until the node has room: a line per environment, served round robin, so that one that wants many
/// replicas does not keep out another that wants one. Within a line, orders for nested calls come first.
///
/// An order that others have passed often (defaults::start_passes_max), because they want less, keeps what it waits for
/// from them for a time (defaults::start_hold): what becomes free meanwhile adds up to what it wants. Pure; bounded by
/// defaults::starts_waiting_max.
class start_queue {
public:
  struct entry {
    replica_order order;
    supervisor_actor supervisor;
    std::string lacks;    // what it waits for; empty: it was not tried yet
    bool is_told = false; // that it waits
    std::uint32_t passed = 0;
    std::optional<instant> holds_since;
    bool stays = false; // another node ordered it: it starts here or not at all
  };

  bool empty() const { return lines_.empty(); }
  std::size_t size() const { return size_; }
  bool is_full() const { return size_ >= defaults::starts_waiting_max; }

  void push(replica_order order, supervisor_actor supervisor, bool stays = false);

  /// An order that waits turns out to be for a nested call.
  void advance(replica_id id);

  /// False when it does not wait.
  bool withdraw(replica_id id);

  /// That supervisor wants nothing any more.
  void forget(const caf::actor_addr& supervisor);

  /// Offers the first order of each line in turn until none of them can start. `start` answers with the resource that is
  /// lacking; when it answers with none, the order has started and is gone.
  void serve(instant now, const std::function<std::string(entry&)>& start);

  /// Each order of this node that waits for the first time: what it, or the one at the head of its line, waits for.
  void tell(const std::function<void(const entry&, const std::string& resource)>& to);

  /// Whether anybody but this supervisor waits.
  bool waits_beside(const supervisor_actor& supervisor) const;

private:
  struct line {
    std::string key; // of the environment
    std::deque<entry> orders;
  };
  using lines = std::list<line>;

  void hold(instant now);
  std::string held_back(const line& of) const;
  void pass(lines::iterator by, const demand& taken);

  lines lines_; // the next one to be served first; none is empty
  std::size_t size_ = 0;
};

} // namespace hearth
