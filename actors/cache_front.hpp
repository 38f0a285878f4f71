#pragma once

#include "actors/cache_key_item.hpp"
#include "actors/cache_messages.hpp"

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hearth {

/// The FRONT is what users of an environment that keeps results know of it: the calls of tasks whose results are kept it
/// answers from the cache, or hands them on as their caller and has their results kept. All else goes past it.
using front_actor = supervisor_actor::extend<
  // Facts from the node where a call ran.
  caf::reacts_to<atom::replies, std::vector<call_reply>>,
  // Output; it goes to `call::output`, never to a front.
  caf::reacts_to<atom::logged, std::vector<log_text>>,
  // From the CACHE.
  caf::reacts_to<atom::found, std::vector<cache_answer>>, caf::reacts_to<atom::done, std::vector<cache_kept>>>;

/// Spawned by: the AGENT, when somebody opens an environment that keeps results for the first time.
/// Monitors:   the supervisor behind it (of a node in a cluster the GATE), and the CACHE.
/// Dies:       with the supervisor behind it.
/// Promises:   every call taken is answered once, at its deadline at the latest. Without the cache, or while the node stops,
///             calls execute as if there were none.
struct front_config {
  std::string key; // "project/domain/name"
  supervisor_actor behind;
  cache_actor cache;
};

class front_state {
public:
  static inline const char* name = "front";

  front_actor::behavior_type make_behavior(front_actor::pointer self, front_config config);

private:
  struct held {
    call what; // as it came; its arguments only until it is handed on
    cache_key_item key;
    instant came;
    bool runs = false;            // it was handed on
    std::uint64_t generation = 0; // these as the cache has told them
    std::uint64_t token = 0;
  };

  /// A hit whose call executes once more.
  struct repetition_of {
    cache_scope_ptr scope;
    payload kept;
    std::string producer;
  };

  void invoke(std::vector<call>& calls);
  void admit(call& c, cache_key_item key);
  void refuse(const call& c, const char* why);
  void ask(held& h);
  void found(std::vector<cache_answer>& answers);
  void hand_on(held& h);
  void replied(std::vector<call_reply>& replies);
  void keep(held& h, const call_reply& reply);
  void repeat(const held& h, const cache_entry& kept);
  void repeated(call_reply& reply);
  void done(const std::vector<cache_kept>& kept);
  void cancel(std::vector<cancellation>& what);
  std::vector<call_id> cancelled_by(const cancellation& c) const;
  void give_up(call_id id, ec code, const std::string& text);
  void give_up_late();
  void finish(call_id id, call_reply reply);
  void pass_all(cache_status status);
  void lose_cache();
  void note(const call& c, action_event::phase_t phase, const std::string& status = {},
            const std::string& producer = {});
  caf::result<std::vector<call_id>> open_of(const caller_actor& caller, const std::vector<call_id>& asked);
  void flush();

  instant now() const { return self_->clock().now(); }
  static const task_spec& task_of(const call& c) { return c.spec->tasks[c.header.task]; }
  static cache_key key_of(const held& h) { return {task_of(h.what).caching.scope, h.key.inputs}; }

  front_actor::pointer self_ = nullptr;
  front_config config_;
  bool looks_up_ = true;
  bool keeps_ = true;
  std::unordered_map<call_id, held> calls_;
  std::set<std::pair<instant, call_id>> deadlines_; // of calls that wait for the cache
  std::optional<instant> wakes_at_;
  std::unordered_map<call_id, call> storing_; // of runs, which hear what became of their results; without arguments
  std::unordered_map<call_id, repetition_of> repetitions_;
  cache_scopes scopes_;

  // Of the message being handled.
  std::vector<call> passed_;
  std::vector<cancellation> cancels_;
  std::vector<cache_query> queries_;
  std::vector<cache_result> results_;
  std::vector<cache_release> releases_;
  std::vector<cache_repeated> repeated_;
  std::vector<std::pair<caller_actor, std::vector<call_reply>>> replies_;
  std::vector<std::pair<caller_actor, std::vector<action_event>>> notes_;
};

} // namespace hearth
