#pragma once

#include "actors/cache_bounds.hpp"
#include "actors/cache_shelf.hpp"
#include "actors/control.hpp"
#include "actors/interfaces.hpp"

#include <caf/all.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace hearth {

/// The MENDER brings the node's cache to what the other holders have, whether or not anybody looks for it. It compares digests
/// of buckets (bucket_of) with one node after the other, then the keys of buckets that differ, and fetches what is missing or
/// worse here, some at a time (Demers et al. 1987, "Epidemic algorithms for replicated database maintenance": anti-entropy;
/// DeCandia et al. 2007, "Dynamo"). It fetches and never sends: each node brings what it has room for, as fast as it can take it.
/// It also has the node's entries read, bucket after bucket, so that damage is found that nobody meets, and what was invalidated
/// goes.
///
/// Spawned by: the CACHE, in a cluster.
/// Monitors:   nobody.
/// Dies:       with the CACHE, and this one with it.
/// Promises:   lookups do not wait for it. Nothing that was invalidated is brought or given. What went for lack of room is not
///             fetched again as long as there is none.
using cache_mender_actor = caf::typed_actor<
  // From the CACHE: what another node's MENDER asks (cache_mender.cpp).
  caf::replies_to<atom::ask, link::ask>::with<link::answer>,
  // From the CONTROL.
  caf::reacts_to<atom::events, control::facts>,
  // INTERNAL: compares, if nothing was decided meanwhile ...
  caf::reacts_to<atom::sum, std::uint64_t>,
  // ... fetches some more ...
  caf::reacts_to<atom::mend>,
  // ... and looks through some more.
  caf::reacts_to<atom::look, std::uint64_t>>;

struct cache_mender_config {
  node_uuid self;
  std::shared_ptr<cache_shelf> shelf;
  cache_disk_actor disk;
  control_actor control;
  switchboard_actor switchboard;
  std::function<std::uint64_t()> unix_ms;
  /// Whether the node may act for its cluster by this seat, this moment.
  std::function<bool(seat_id)> holds_lease = [](seat_id) { return true; };
};

/// Of what another node has, the keys that are missing or worse here, in its order. Entries that are as young as
/// `young_unix_ms` are left out. Pure.
std::vector<cache_key> wanted(const std::vector<cache_mark>& here, const std::vector<cache_mark>& there,
                              std::uint64_t young_unix_ms);

class cache_mender_state {
public:
  static inline const char* name = "mender";

  cache_mender_actor::behavior_type make_behavior(cache_mender_actor::pointer self, cache_mender_config config);

private:
  /// A round with all other nodes.
  struct comparison {
    std::vector<node_uuid> others;      // yet to come
    node_uuid other;                    // this one
    std::vector<std::uint32_t> buckets; // that differ from its own, yet to come
    std::vector<cache_key> wanted;      // of it, yet to come
    bool helps = false;                 // of these buckets something was brought
    bool has_helped = false;            // of any
  };

  void heard(const control::facts& facts);

  // Comparing, each step after the one before.
  void compare_in(nanoseconds time);
  void compare();
  void next_node();
  void differ(const cache_sums& here, const payload& there);
  void next_buckets();
  void next_batch();
  void brought(const payload& parcel);
  void end();

  void look_in(nanoseconds time);
  void look();

  caf::result<link::answer> respond(const link::ask& what);
  void ask(const char* verb, payload value, milliseconds patience, std::function<void(const payload&)> then);

  bool may_act() const { return standing_.holds && config_.holds_lease(standing_.seat) && nodes_.size() > 1; }

  cache_mender_actor::pointer self_ = nullptr;
  cache_mender_config config_;
  cache_bounds bounds_;
  std::shared_ptr<const cache_bounds::generations> generations_;
  control::standing standing_;
  std::map<node_uuid, seat_id> nodes_; // that are there, this one among them
  comparison round_;
  bool compares_ = false;
  bool compares_again_ = false;     // soon
  std::uint64_t compare_timer_ = 0; // the one that counts
  std::size_t turn_ = 0;            // each begins with another node, and another bucket
  std::uint32_t look_bucket_ = 0;
  bool looks_ = false;
  bool looks_again_ = false; // without rest
  std::uint64_t look_timer_ = 0;
};

} // namespace hearth
