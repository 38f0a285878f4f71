#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

/// Why a call, a request or a start did not succeed. A value exists only where somebody can react to it differently.
/// The numbers travel (`Reply.code`, `Failure.code`) and are mirrored in the SDK; they are never reused.
enum class ec : std::uint16_t {
  none = 0,
  // -- by the user's code or input (kind user) ----
  user_error = 1,          // the task raised; its retries apply
  non_recoverable = 2,     // the task raised NonRecoverableError; no retry
  data_validation = 3,     // arguments or result do not fit the annotations
  module_load = 4,         // the environment's code cannot be imported
  inline_io_too_large = 5, // a value is larger than the task's max_inline_io_bytes
  value_too_large = 6,     // a value is larger than the node accepts
  // -- limits the user set (kind user) ----
  timeout_runtime = 10,   // one execution ran longer than max_runtime
  timeout_queued = 11,    // waited longer than max_queued_time for a slot
  deadline_exceeded = 12, // all executions together ran out of time
  aborted = 13,           // somebody asked for it, or the caller is gone
  // -- loss (kind system) ----
  interpreter_lost = 20, // the interpreter ended while the call ran, retries are used up
  out_of_memory = 21,    // the replica exceeded its memory limit
  maybe_executed = 22,   // lost=0 and the call had begun: it may have taken effect and is not run again
  crash_loop = 23,       // replicas of the environment end again and again before they serve
  start_failed = 24,     // the interpreter cannot be started
  protocol_broken = 25,  // the interpreter sent what is not a frame
  // -- refusals (kind system, before anything ran) ----
  queue_full = 30,
  unknown_environment = 31,
  unknown_task = 32,
  unknown_run = 33,
  unknown_bundle = 34,
  bundle_too_large = 35,
  bad_request = 36,
  version_mismatch = 37,
  not_permitted = 38,
  shutting_down = 39,
  name_taken = 40,
  storage_failed = 41,
  too_deep = 42,       // nesting beyond the node's limit
  does_not_fit = 43,   // asks for more than the node has
  internal_error = 44, // a bug of ours, with its text
  // -- the cluster (kind system) ----
  no_quorum = 50,    // the voters of the control log that this node reaches are not a majority
  stale_epoch = 51,  // somebody else owns it by now
  conflict = 52,     // the same id came before with other content
  gone = 53,         // it was known, and is forgotten
  not_a_member = 54, // the node does not belong to the cluster, or no longer
  node_lost = 55,    // the node on which it ran is gone
  overloaded = 56,   // a bounded queue is full; nothing was accepted
  undecided = 57,    // handed to the voters, who did not decide in time; it may be decided yet
  // -- who asks (kind system) ----
  unauthenticated = 60, // the token of a remote client is unknown, revoked or expired
};

enum class error_kind : std::uint8_t { user, system, unknown };

/// Stable lower-case name ("queue_full"); never empty.
std::string_view name(ec code) noexcept;

/// One sentence for a person; used where nothing more precise is known.
std::string_view sentence(ec code) noexcept;

error_kind kind(ec code) noexcept;

/// Whether the loss rule (`RetryStrategy.lost`) may run the call again.
bool is_loss(ec code) noexcept;

/// A failure on its way to a person: the code and what happened, where, what to do next.
struct failure {
  ec code = ec::none;
  std::string message;
};

} // namespace hearth
