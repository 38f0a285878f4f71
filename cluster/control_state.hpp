#pragma once

#include "cluster/commands.hpp"
#include "cluster/facts.hpp"
#include "cluster/records.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::cluster {

/// The state machine behind the control log: the same commands in the same order leave the same state on every node. Total:
/// any command gets an outcome; nothing throws but std::bad_alloc. Bounded: see "control log" in core/defaults.hpp.
/// One thread at a time.
class control_state {
public:
  /// Deliberate faults, each one bit, for tests of the tests. None is set outside them.
  enum mutation : std::uint32_t {
    complete_overwrites = 1U << 0,      // a second completion replaces the first
    rehome_same_attempt = 1U << 1,      // a new home, but the attempt stays
    rehome_drops = 1U << 2,             // a run without a home is forgotten
    roots_lost_with_snapshot = 1U << 3, // a state from an image does not know which submissions it has
    grant_takes_over = 1U << 4,         // who asks for an environment gets it
    seat_end_keeps_owner = 1U << 5,     // what a seat owned stays its own when it ends
    restart_after_claim = 1U << 6,      // with lost=0, too, a claimed run starts again
    anybody_claims = 1U << 7,           // a claim counts from who is not the home of the current attempt
    anybody_releases = 1U << 8,         // a former owner gives up what is another one's
    old_copies_sit = 1U << 9,           // a node takes a seat with an incarnation that is not its newest
    removed_nodes_sit = 1U << 10,       // a removed node takes a seat
  };

  struct decision {
    outcome result;
    std::vector<fact> facts; // in the order in which they happened
  };

  /// Before the first entry. `voters` are those with which the log began.
  explicit control_state(std::vector<node_uuid> voters, std::uint32_t mutations = 0);

  /// As it was when the image was taken.
  explicit control_state(control_image image, std::uint32_t mutations = 0);

  control_state(control_state&&) = default;
  control_state& operator=(control_state&&) = default;

  /// Applies the entry at `index`, which must be higher than `applied()`; otherwise nothing changes (`conflict`).
  decision apply(log_index index, const command& order);

  /// The seal of the log's generation, which its voters have decided: unlike `set_voters` it is never refused.
  decision seal(log_index index, std::vector<node_uuid> voters);

  /// Why these voters must not be chosen now.
  std::optional<outcome> refusal(const set_voters& order) const;

  /// An entry without a command.
  void pass(log_index index) noexcept;

  // -- queries: pointers and references stay valid until the next `apply` ----

  const control_image& image() const noexcept { return image_; }
  log_index applied() const noexcept { return image_.applied; }

  /// Alike on every node that has applied as much. Reads everything: for tests and checks.
  std::uint64_t digest() const { return digest_of(image_); }

  const member* find_member(node_uuid node) const;
  const seat_record* find_seat(seat_id seat) const; // live ones
  const seat_record* seat_of(node_uuid node) const;
  bool draining(seat_id seat) const;

  const environment_record* find_environment(std::string_view key) const;
  /// The live owner, or none.
  std::pair<seat_id, hearth::epoch> owner_of(std::string_view key) const;
  /// Environments without an owner that somebody needs: one version is deployed, a run is open, or the owner was lost. By key.
  std::vector<std::string> orphaned_environments() const;

  const run_record* find_run(std::string_view name) const;
  const run_record* find_run(call_id root) const;
  /// Open runs without a home, oldest first; at most `limit`.
  std::vector<const run_record*> orphaned_runs(std::size_t limit) const;
  /// Newest first, only those accepted before `before` (0: all); at most `limit`.
  std::vector<const run_record*> runs(std::size_t limit, log_index before = 0) const;
  /// Open runs whose home is this seat, oldest first.
  std::vector<const run_record*> runs_at(seat_id home) const;
  std::size_t open_runs() const noexcept { return open_.size(); }

  /// Below it nothing is served that was cached for `scope` before this index; 0: no bound.
  log_index generation_of(std::string_view scope) const;

  /// By the digest of its secret. Expiry is the caller's to check.
  const token_record* find_token(std::string_view digest) const;

private:
  struct need {
    std::size_t open = 0, kept = 0; // runs of an environment's version
  };
  using run_order = std::pair<log_index, log_index>; // ended, accepted
  using spec_name = std::pair<std::string, std::string>;

  // control_membership.cpp
  outcome on(const admit_node& order);
  outcome on(const remove_node& order);
  outcome on(const drain_node& order);
  outcome on(const take_seat& order);
  outcome on(const end_seat& order);
  outcome on(const renew& order);
  outcome on(const set_voters& order);
  outcome on(const raise_level& order);
  void vacate(seat_id seat, departure how);
  std::string free_member_name(const std::string& wanted) const;

  // control_environments.cpp
  outcome on(const put_spec& order);
  outcome on(const grant& order);
  outcome on(const release& order);
  void disown(environment_record& environment, bool lost);
  void prune(const std::string& key);
  bool make_room_for_spec(std::uint64_t size);
  environment_record* make_environment(const std::string& key);

  // control_runs.cpp
  outcome on(const accept_run& order);
  outcome on(const claim_run& order);
  outcome on(const complete_run& order);
  outcome on(const abort_run& order);
  outcome on(const rehome_runs& order);
  std::optional<outcome> refusal(const accept_run& order) const;
  void rehome(run_record& run, const rehome_runs& order);
  void end(run_record& run, complete_run how);
  void end_by_cluster(run_record& run, ec code, std::string sentence, std::uint64_t unix_ms);
  void forget_surplus();
  void forget(run_record& run);
  run_record* run_called(const std::string& name);

  // control_tokens.cpp
  outcome on(const raise_generation& order);
  outcome on(const put_token& order);
  outcome on(const revoke_token& order);
  outcome on(const limit_cache& order);
  outcome on(const undeploy& order);
  void merge_oldest_generation();

  outcome done() const;
  void happened(fact what) { facts_.push_back(std::move(what)); }
  void index_everything();
  void index_run(run_record& run);

  bool mutated(mutation which) const noexcept { return (mutations_ & which) != 0; }
  void choose_voters(std::vector<node_uuid> voters);

  std::uint32_t mutations_ = 0;
  control_image image_;
  std::vector<fact> facts_; // of the command that is being applied

  // Found again from the image.
  std::map<call_id, run_record*> by_root_;
  std::map<log_index, run_record*> by_age_;
  std::map<log_index, run_record*> open_;
  std::map<run_order, run_record*> ended_;
  std::map<spec_name, need> needs_;
  std::map<std::string, std::size_t> open_of_; // open runs per environment
  std::map<std::string, std::string> tokens_by_digest_;
  std::uint64_t open_bytes_ = 0, ended_bytes_ = 0, spec_bytes_ = 0;
};

/// A refusal. `message` is one sentence for a person.
outcome refused(ec code, std::string message);

} // namespace hearth::cluster
