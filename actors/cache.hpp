#pragma once

#include "actors/cache_bounds.hpp"
#include "actors/cache_messages.hpp"

#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hearth {

/// The CACHE answers whether a result is kept before any replica is involved, keeps results, and lets of serialized calls that
/// are equal one execute at a time.
///
/// Spawned by: the node, once.
/// Monitors:   the FRONTs that execute, or wait for, serialized calls.
/// Dies:       with the node.
/// Promises:   every query and every result is answered once. Nothing that was kept before an invalidation is served after it.
///             A failure is a miss: it stands in nobody's way, and is counted.
struct cache_config {
  std::string node; // its name
  std::shared_ptr<cache_shelf> shelf;
  cache_disk_actor disk;
  control_actor control;
  std::function<std::uint64_t()> unix_ms;
  std::uint64_t recent_bytes_max = defaults::cache_recent_bytes_max;
};

class cache_state {
public:
  static inline const char* name = "cache";

  cache_actor::behavior_type make_behavior(cache_actor::pointer self, cache_config config);

private:
  struct asker {
    cache_user_actor user;
    call_id call;

    bool operator==(const asker& other) const { return call == other.call && user == other.user; }
  };

  /// A serialized key that somebody executes.
  struct flight {
    std::uint64_t token = 0;
    asker owner;
    cache_scope_ptr scope;
    std::deque<asker> waiting;
  };

  void find(std::vector<cache_query>& queries, const cache_user_actor& user);
  void look(cache_query& q, const cache_user_actor& user);
  void missed(cache_query& q, const cache_user_actor& user, cache_status status);
  void read_elsewhere(cache_query q, cache_entry found, const cache_user_actor& user);
  void hit(const asker& who, cache_entry entry);
  void store(std::vector<cache_result>& results, const cache_user_actor& user);
  bool take(cache_result& r, const cache_user_actor& user);
  void stored(const std::vector<cache_key>& keys, const std::vector<call_id>& calls, const cache_user_actor& user, bool kept);
  void release(const cache_key& key, const asker& who);
  void leave(const caf::actor_addr& user);
  void execute(const cache_key& key, flight& f, asker who, cache_status status);
  caf::result<cache_report> report();
  caf::result<bool> invalidate(const std::string& scope);
  void heed(const cache_user_actor& user);
  void flush();

  cache_actor::pointer self_ = nullptr;
  cache_config config_;
  cache_bounds bounds_;
  control::standing standing_;
  cache_counts counts_;
  std::unordered_map<cache_key, cache_entry> recent_; // on their way to the disk
  std::uint64_t recent_bytes_ = 0;
  std::unordered_map<cache_key, flight> flights_;
  std::uint64_t tokens_ = 0;
  std::unordered_map<caf::actor_addr, std::size_t> users_; // monitored

  // Of the message being handled.
  std::vector<std::pair<cache_user_actor, std::vector<cache_answer>>> answers_;
  std::vector<std::pair<cache_user_actor, std::vector<cache_kept>>> kept_;
};

} // namespace hearth
