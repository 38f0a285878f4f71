#pragma once

#include "actors/cache_entry.hpp"
#include "actors/cache_shelf.hpp"
#include "actors/control.hpp"
#include "actors/interfaces.hpp"
#include "core/defaults.hpp"

#include <caf/all.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

/// What FRONTs and the CACHE of a node say to each other.
namespace hearth {

using cache_scope_ptr = std::shared_ptr<const cache_scope>;

/// The scopes of tasks whose results are kept, each made once. Forgets all when there are too many. One thread.
class cache_scopes {
public:
  const cache_scope_ptr& of(const environment_spec& spec, const task_spec& task) {
    if (known_.size() >= defaults::front_scopes_max)
      known_.clear();
    auto& scope = known_[task.caching.scope];
    if (!scope)
      scope = std::make_shared<const cache_scope>(scope_of(spec, task));
    return scope;
  }

private:
  std::unordered_map<digest, cache_scope_ptr> known_;
};

/// Is there a result for this call?
struct cache_query {
  call_id call;
  cache_key key;
  cache_scope_ptr scope;
  bool overwrite = false;  // no lookup: it executes, and its result replaces what is kept
  bool serialize = false;  // while another such call executes, this one waits for its result
  std::uint32_t tries = 0; // INTERNAL: lookups that no other node has answered
};

/// What came of a lookup, as listings of actions show it.
enum class cache_status : std::uint8_t {
  disabled,       // results of the task are not kept, or the run wants no lookup
  miss,           // nothing was there: it executed
  hit,            // answered from the cache
  populated,      // executed, and its result is kept
  lookup_failure, // the lookup failed: it executed
  put_failure,    // executed, and its result could not be kept
  skipped,        // no lookup was wanted: it executed
  evicted,        // what was there had gone for lack of room, or was invalidated: it executed
};

/// "HIT" and so on.
const char* word_of(cache_status status) noexcept;

struct cache_answer {
  call_id call;
  cache_status status = cache_status::miss;
  cache_entry entry;            // of a hit; of a call with a token its key alone
  std::uint64_t generation = 0; // to be told with the result of what executes now
  std::uint64_t token = 0;      // likewise; of a serialized call
  bool repeats = false;         // of a hit: its call is to execute once more, to compare
};

/// What an execution has returned, to be kept.
struct cache_result {
  call_id call;
  cache_scope_ptr scope;
  cache_entry entry; // with its content; the cache fills in when, and the digest of the value
  milliseconds ttl{0};
  std::uint64_t token = 0;
  bool overwrite = false;
};

/// Whether it is kept.
struct cache_kept {
  call_id call;
  cache_status status = cache_status::populated;
};

/// A serialized call that executes no more, or waits no more, without a result.
struct cache_release {
  call_id call;
  cache_key key;
};

/// What came of a hit whose call executed once more.
struct cache_repeated {
  cache_scope_ptr scope;
  repetition outcome = repetition::same;
  std::string producer; // of what was kept
};

/// Whoever looks up: FRONT.
using cache_user_actor = caf::typed_actor<
  // Answers of `find`, each once.
  caf::reacts_to<atom::found, std::vector<cache_answer>>,
  // Answers of `store`, each once.
  caf::reacts_to<atom::done, std::vector<cache_kept>>>;

/// The CACHE of a node: answers whether a result is kept, here or on another node, and keeps results.
using cache_actor = caf::typed_actor<
  // From a FRONT.
  caf::reacts_to<atom::find, std::vector<cache_query>, cache_user_actor>,
  caf::reacts_to<atom::store, std::vector<cache_result>, cache_user_actor>,
  caf::reacts_to<atom::yield, std::vector<cache_release>, cache_user_actor>,
  caf::reacts_to<atom::record, std::vector<cache_repeated>>,
  // What this node has, and has counted.
  caf::replies_to<atom::report>::with<cache_report>,
  // Of all nodes that answer in time.
  caf::replies_to<atom::status>::with<std::vector<cache_report>>,
  // Entries of a listing that are served; likewise.
  caf::replies_to<atom::list, cache_listing>::with<std::vector<cache_row>>,
  // The content of an entry, wherever it is; error gone.
  caf::replies_to<atom::read, cache_key>::with<payload>,
  // Removes what matches, everywhere; how many copies there were.
  caf::replies_to<atom::forget, cache_filter>::with<std::uint64_t>,
  // Reads everything, on all nodes, and removes what is damaged.
  caf::replies_to<atom::check>::with<std::vector<cache_check>>,
  // Has all nodes execute a share of their hits once more; what came of that so far.
  caf::replies_to<atom::rerun, cache_audit_order>::with<std::vector<cache_audit_row>>,
  // To and from an archive, which is a file of this node's machine. Of what is imported other nodes get their copies when they
  // look for them, or next compare.
  caf::replies_to<atom::save, std::string>::with<cache_moved>,
  caf::replies_to<atom::load, std::string>::with<cache_moved>,
  // Nothing below this scope (cluster/commands.hpp, raise_generation) that is kept now is served any more, on any node, when
  // this is answered.
  caf::replies_to<atom::disown, std::string>::with<bool>,
  // What projects may have, of which something is said; and says it. It holds here when it is answered, on other nodes when
  // they have heard of it.
  caf::replies_to<atom::limit>::with<std::vector<cache_limit_row>>,
  caf::replies_to<atom::limit, cluster::limit_cache>::with<bool>,
  // From the SWITCHBOARD: what the cache of another node asks.
  caf::replies_to<atom::ask, link::ask>::with<link::answer>,
  // From the CONTROL.
  caf::reacts_to<atom::events, control::facts>,
  // INTERNAL: whether lookups have to wait any longer for the node to have its place in the cluster.
  caf::reacts_to<atom::tick>,
  // INTERNAL: the home of a serialized key is asked again ...
  caf::reacts_to<atom::retry, cache_key>,
  // ... gives leave again ...
  caf::reacts_to<atom::promote, cache_key>,
  // ... and asks whether it is made use of.
  caf::reacts_to<atom::watch>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_query>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_answer>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_result>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_kept>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_release>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_repeated>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_report>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_check>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cache_audit_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_audit_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cache_limit_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cluster::limit_cache)
