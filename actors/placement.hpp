#pragma once

#include "actors/capacity.hpp"
#include "actors/control.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hearth {

/// What a node of a cluster knows of the others when it looks for a place for a replica. Pure: no clock, no actor. Bounded by
/// the members of the cluster. Not thread-safe.
class node_views {
public:
  struct view {
    member_row member;
    bool is_up = false;                      // it can be spoken to
    std::optional<link::free_capacity> free; // as it said last, less what was ordered there since
    bool is_full = false;                    // it sent an order back, and has said nothing since

    bool takes_replicas() const { return is_up && !member.draining && free && !is_full; }
  };

  /// `own`: this node, which is no view of its own.
  explicit node_views(node_uuid own) : own_(own) {}

  void changed(const member_row& now) { views_[now.node].member = now; }
  void up(node_uuid node) { views_[node].is_up = true; }
  void down(node_uuid node);
  void reported(node_uuid node, const link::free_capacity& what);
  /// A replica that wants this was ordered there.
  void ordered(node_uuid node, const demand& wanted);
  /// An order came back.
  void refused(node_uuid node) { views_[node].is_full = true; }

  /// By their ids.
  const std::map<node_uuid, view>& all() const { return views_; }
  bool is_up(node_uuid node) const;
  bool is_draining(node_uuid node) const;
  /// Its name, for people.
  std::string name(node_uuid node) const;
  /// How many can be spoken to.
  std::uint32_t count_up() const;
  /// Of all nodes that have a seat, this one excepted.
  std::uint32_t other_cores() const;
  /// Whether another node that has a seat could hold one such replica if nothing else were there.
  bool could_fit(const demand& wanted) const;

private:
  node_uuid own_;
  std::map<node_uuid, view> views_;
};

/// The first of "gpu", "memory" and "cpu" of which the node has too little free; empty: it fits.
std::string lacking(const link::free_capacity& free, const demand& wanted);

/// A node where a replica fits.
struct place {
  node_uuid node;
  bool is_own = false;          // of the supervisor: no link between it and the replica
  std::uint32_t cpu_millis = 0; // that the node has
  std::uint32_t replicas = 0;   // of the environment, that are there
  std::uint64_t load = 0;       // calls that run there, of all environments
  std::uint64_t free_memory = 0;
};

/// The order in which places are tried, the best first, and the reason of the first.
///
/// Spread: where the environment has the fewest replicas for the node's cores, so that its calls have the cores of all nodes
/// and the loss of one node costs few of them. Pack: where it has the most, so that the other nodes stay free for replicas
/// that need a whole one, and few nodes keep a zygote for it. Among equals the owner's node, then the one that does least,
/// then, of those that pack, the one with the least free memory. Deterministic.
void rank(std::vector<place>& places, bool packs);

/// "the fewest replicas of the environment there": why `best` was the first of so many places.
std::string reason_of(const place& best, std::size_t places, bool packs);

} // namespace hearth
