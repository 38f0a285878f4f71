#pragma once

#include "actors/messages.hpp"
#include "core/defaults.hpp"

#include <caf/actor_addr.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth {

/// What is known of one run: enough to list it, to show its actions and to answer who asks for its result.
struct run_record {
  run_row row;
  std::vector<action_row> actions;                           // the first `run_actions_kept`
  std::unordered_map<call_id, std::size_t> index;            // of those
  std::unordered_map<call_id, caf::actor_addr> open_actions; // that have not ended, with who can cancel them
  std::optional<call_reply> result;                          // once ended
  // What it was made of, kept as long as its result.
  spec_ptr spec; // null: no longer
  std::uint32_t task = 0;
  payload arguments;
  call_id record; // the root of the run whose record is used too; empty: none

  bool ended() const { return result.has_value(); }
};

/// Where runs live. The interface behind which durable runs can take the place of memory.
class run_store {
public:
  virtual ~run_store() = default;

  /// Null when a run of this name exists.
  virtual run_record* insert(run_row row) = 0;
  virtual run_record* find(const std::string& name) = 0;
  /// By the id of its root call.
  virtual run_record* find(call_id root) = 0;
  /// Newest first.
  virtual std::vector<run_record*> newest(std::size_t limit) = 0;
  /// The run has its result; from now on it may be forgotten to make room, and its result before it.
  virtual void ended(run_record& run, instant now) = 0;
  /// Forgets the results that are too old; when the next one will be, if there is one.
  virtual std::optional<instant> forget_old_results(instant now) = 0;
  virtual std::size_t open_count() const = 0;
  /// The roots of runs that were forgotten since the last question.
  virtual std::vector<call_id> take_forgotten() = 0;
};

struct run_limits {
  std::size_t ended_max = defaults::runs_kept;
  std::uint64_t results_bytes = defaults::results_bytes_kept; // of all results together
  std::chrono::nanoseconds result_age = defaults::result_age_max;
};

/// Runs in the memory of the node: they end with it. Keeps the newest ended ones, and the newest results of those with what
/// the runs were made of; who asks for what is gone gets an answer that says so.
std::unique_ptr<run_store> make_memory_run_store(run_limits limits = {});

} // namespace hearth
