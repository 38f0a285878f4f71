#pragma once

#include "actors/cache_asking.hpp"
#include "actors/cache_audit.hpp"
#include "actors/cache_bounds.hpp"
#include "actors/cache_desk.hpp"
#include "actors/cache_mender.hpp"
#include "actors/cache_messages.hpp"
#include "actors/cache_wire.hpp"
#include "core/defaults.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace hearth {

/// The CACHE answers whether a result is kept before any replica is involved, keeps results, and lets of serialized calls that
/// are equal one execute at a time. In a cluster an entry lies on the nodes that its key chooses, its holders; the first of them
/// is the key's home, which says who executes.
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
  node_uuid self{};
  switchboard_actor switchboard{}; // of a cluster; empty: the node is alone
  /// Whether the node may act for its cluster by this seat, this moment.
  std::function<bool(seat_id)> holds_lease = [](seat_id) { return true; };
  std::shared_ptr<cache_desk> desk = std::make_shared<cache_desk>();
};

class cache_state {
public:
  static inline const char* name = "cache";

  cache_state() = default;
  cache_state(const cache_state&) = delete;
  cache_state& operator=(const cache_state&) = delete;
  ~cache_state();

  cache_actor::behavior_type make_behavior(cache_actor::pointer self, cache_config config);

private:
  struct asker {
    cache_user_actor user;
    call_id call;
    bool overwrites = false; // it executes itself, whatever others have

    bool operator==(const asker& other) const { return call == other.call && user == other.user; }
  };

  /// A key that other nodes are asked for.
  struct search {
    std::vector<std::pair<cache_query, cache_user_actor>> waiting;
    std::size_t missing = 0;        // nodes that have not answered
    bool answered = false;          // one of them has
    std::vector<node_uuid> lacking; // nodes that should have it, and have not
  };

  /// A serialized key, as this node sees it: it waits for the key's home, or executes one of its calls.
  struct flight {
    cache_scope_ptr scope;
    std::deque<asker> waiting;
    std::optional<asker> owner; // executes
    std::uint64_t token = 0;    // that the home gave for it
    node_uuid home;             // that was asked
    cache_status status = cache_status::miss;
  };

  /// What somebody wants of the home of a serialized key: the result or leave to execute; leave, as what is kept is to be
  /// replaced; or to go on executing with the leave of a home that is gone.
  enum class intent : std::uint8_t { looks, goes_on, executes };

  /// What the home of a serialized key answers: the result, or leave to execute.
  struct verdict {
    std::optional<cache_entry> entry;
    std::uint64_t token = 0;
    ec code = ec::none; // node_lost: ask the key's present home
  };
  using verdict_handler = std::function<void(verdict)>;

  /// A serialized key at its home.
  struct reservation {
    std::uint64_t token = 0; // of who executes; 0: nobody yet
    node_uuid node;
    std::deque<std::pair<node_uuid, verdict_handler>> waiting;
  };

  /// Results that are being kept, here and elsewhere.
  struct keeping {
    std::vector<cache_key> keys;
    std::vector<call_id> calls;
    cache_user_actor user; // may be empty: nobody waits for it
    std::size_t missing = 0;
    bool kept = false;
  };

  // -- lookups: cache.cpp ----
  void find(std::vector<cache_query>& queries, const cache_user_actor& user);
  std::optional<shelved> here(const cache_key& key, const cache_scope& scope, bool& was_here);
  void look(cache_query& q, const cache_user_actor& user);
  std::optional<cache_entry> plain_hit(const cache_key& key, const cache_scope& scope);
  void read_elsewhere(cache_query q, cache_entry found, const cache_user_actor& user);
  void count_hit(const cache_entry& entry);
  void hit(const asker& who, cache_entry entry, const cache_scope* audited = nullptr);
  void missed(cache_query& q, const cache_user_actor& user, cache_status status);
  void executes(const asker& who, cache_status status, std::uint64_t token = 0, const cache_key& key = {});
  void store(std::vector<cache_result>& results, const cache_user_actor& user);
  void wait_for_a_seat();
  void look_for_a_seat();
  void take_early();
  void complete(cache_result& r) const;
  void remember(const cache_entry& entry);
  void stored(const std::vector<cache_key>& keys);
  void told(call_id call, const cache_user_actor& user, bool kept);
  void heed(const cache_user_actor& user);
  void heard(const control::facts& facts);
  void flush();

  // -- other nodes: cache_holders.cpp ----
  std::vector<node_uuid> holders_of(const cache_key& key) const;
  bool look_elsewhere(cache_query& q, const cache_user_actor& user);
  void send_searches();
  void searched(node_uuid node, const std::vector<cache_key>& keys, const payload* found);
  void end_search(const cache_key& key, std::optional<cache_entry> found);
  void keep(std::vector<cache_entry> entries, const std::vector<cache_scope_ptr>& scopes, std::vector<call_id> calls,
            const cache_user_actor& user);
  void keep_at(node_uuid node, std::vector<cache_entry> entries, std::vector<cache_scope> scopes,
               const std::shared_ptr<keeping>& what);
  void kept_at(const std::shared_ptr<keeping>& what, bool kept);
  caf::result<bool> invalidate(const std::string& scope);
  void confirm(cluster::log_index index, node_uuid node, seat_id seat, instant until,
               const std::shared_ptr<std::size_t>& missing, caf::typed_response_promise<bool> promise);
  caf::result<link::answer> respond(link::ask& what);
  void respond_with_entries(cache_reader from, const std::function<void(link::answer)>& done);
  void respond_when_heard(cluster::log_index index, const std::function<void(link::answer)>& done);
  void ask(node_uuid node, const char* verb, payload value, milliseconds patience, cache_answer_handler then);

  // -- for people: cache_upkeep.cpp ----
  void ask_everybody(const char* verb, const payload& question, milliseconds patience,
                     const std::function<void(std::vector<payload>, failure)>& then);
  template <class Item>
  caf::result<std::vector<Item>> gather(const char* verb, cache_writer question, milliseconds patience,
                                        Item (*read)(cache_reader&),
                                        std::function<std::vector<Item>(std::vector<Item>)> arrange);
  caf::result<std::vector<cache_report>> report();
  caf::result<cache_report> report_here();
  caf::result<std::vector<cache_row>> list(const cache_listing& what);
  caf::result<std::vector<cache_check>> check();
  caf::result<std::vector<cache_audit_row>> audit(const cache_audit_order& order);
  caf::result<std::uint64_t> forget(const cache_filter& filter);
  caf::result<payload> read(const cache_key& key);
  void limit(std::shared_ptr<const cache_bounds::limits> now);
  caf::result<bool> limit(const cluster::limit_cache& order);
  caf::result<cache_moved> move(const std::string& file, bool imports);
  void move_on(const std::string& file, bool imports, cache_moved done,
               caf::typed_response_promise<cache_moved> promise);
  void respond_to_person(const std::string& verb, cache_reader from, const std::function<void(link::answer)>& done);

  // -- serialized calls: cache_flights.cpp ----
  void serialize(cache_query& q, const cache_user_actor& user, cache_status status);
  void seek_leave(const cache_key& key);
  void decided(const cache_key& key, verdict what);
  void execute_next(const cache_key& key, flight& f);
  void answer_waiting(flight& f, const cache_entry& entry);
  void lose_leave(const cache_key& key, flight& f);
  void publish(cache_result& r, const cache_user_actor& user);
  void release(const cache_key& key, const asker& who);
  void leave(const caf::actor_addr& user);
  void seat_lost();
  void home_moved();
  void reserve(const cache_key& key, const cache_scope& scope, node_uuid node, intent wants, verdict_handler done);
  void grant(const cache_key& key, reservation& r);
  void watch_leave();
  bool executes_by(const cache_key& key, std::uint64_t token) const;
  bool accept(std::uint64_t token, cache_entry& entry, const cache_scope_ptr& scope);
  void give_back(const cache_key& key, std::uint64_t token, node_uuid node, node_uuid home);
  void node_gone(node_uuid node);
  /// A process that stood still may hear of the end of its seat later than of what it waited for.
  bool may_act() const { return standing_.holds && config_.holds_lease(standing_.seat); }
  bool may_serve(const cache_scope& scope, const cache_entry& entry) {
    return bounds_.allows(scope, entry, config_.unix_ms());
  }
  bool in_cluster() const { return static_cast<bool>(config_.switchboard); }
  node_uuid home_of(const cache_key& key) const;

  instant now() const { return self_->clock().now(); }

  cache_actor::pointer self_ = nullptr;
  cache_config config_;
  cache_mender_actor mender_; // in a cluster
  cache_bounds bounds_;
  std::vector<cache_limit_row> limits_;
  control::standing standing_;
  bool has_stood_ = false;                                      // since the start, or since it lost its seat
  instant stands_by_{};                                         // without a seat by then lookups wait no longer
  std::vector<std::pair<cache_query, cache_user_actor>> early_; // wait for that
  cache_counts counts_;
  cache_audit audit_;
  std::map<node_uuid, seat_id> nodes_;                // that are there, this one among them
  std::unordered_map<cache_key, cache_entry> recent_; // on their way to the disk
  std::unordered_map<cache_key, std::uint32_t> recent_uses_;
  std::uint64_t recent_bytes_ = 0;
  std::unordered_map<cache_key, search> searches_;
  std::unordered_map<cache_key, flight> flights_;
  std::unordered_map<cache_key, reservation> reservations_;
  std::uint64_t tokens_ = 0;
  bool watches_leave_ = false; // a timer runs
  instant quiet_until_{};      // no new leave to execute: who executes for a home that is gone says so first
  std::unordered_set<caf::actor_addr> users_; // monitored
  std::vector<std::pair<cluster::log_index, std::function<void(link::answer)>>> to_hear_;

  // Of the message being handled.
  std::vector<std::pair<cache_user_actor, std::vector<cache_answer>>> answers_;
  std::vector<std::pair<cache_user_actor, std::vector<cache_kept>>> kept_;
  std::vector<std::pair<node_uuid, std::vector<cache_key>>> sought_;
};

} // namespace hearth
