#include "core/errors.hpp"

#include <array>

namespace hearth {

namespace {

struct entry {
  ec code;
  error_kind kind;
  std::string_view name;
  std::string_view sentence;
};

constexpr auto user = error_kind::user;
constexpr auto sys = error_kind::system;

constexpr std::array entries{
  entry{ec::none, error_kind::unknown, "none", "No error."},
  entry{ec::user_error, user, "user_error", "The task raised an exception."},
  entry{ec::non_recoverable, user, "non_recoverable", "The task raised an exception that forbids retries."},
  entry{ec::data_validation, user, "data_validation", "A value does not fit the task's annotations."},
  entry{ec::module_load, user, "module_load", "The environment's code cannot be imported."},
  entry{ec::inline_io_too_large, user, "inline_io_too_large", "A value exceeds the task's max_inline_io_bytes."},
  entry{ec::value_too_large, user, "value_too_large", "A value exceeds the largest size the node accepts."},
  entry{ec::timeout_runtime, user, "timeout_runtime", "The task ran longer than its max_runtime."},
  entry{ec::timeout_queued, user, "timeout_queued", "The call waited longer than its max_queued_time."},
  entry{ec::deadline_exceeded, user, "deadline_exceeded", "The call's deadline passed."},
  entry{ec::aborted, user, "aborted", "The call was aborted."},
  entry{ec::interpreter_lost, sys, "interpreter_lost", "The interpreter ended while the call ran."},
  entry{ec::out_of_memory, sys, "out_of_memory", "The replica exceeded its memory limit."},
  entry{ec::maybe_executed, sys, "maybe_executed",
        "The interpreter ended while the call ran; with lost=0 it is not run again."},
  entry{ec::crash_loop, sys, "crash_loop", "Replicas of this environment end again and again before they serve."},
  entry{ec::start_failed, sys, "start_failed", "The interpreter cannot be started."},
  entry{ec::protocol_broken, sys, "protocol_broken", "The interpreter sent what is not a frame."},
  entry{ec::queue_full, sys, "queue_full", "The environment's queue is full; try again later."},
  entry{ec::unknown_environment, sys, "unknown_environment", "The node does not know this environment."},
  entry{ec::unknown_task, user, "unknown_task", "The environment has no such task."},
  entry{ec::unknown_run, user, "unknown_run", "The node does not know this run."},
  entry{ec::unknown_bundle, sys, "unknown_bundle", "The node does not have this code bundle."},
  entry{ec::bundle_too_large, user, "bundle_too_large", "The code bundle exceeds the size the node accepts."},
  entry{ec::bad_request, sys, "bad_request", "The request is not understood."},
  entry{ec::version_mismatch, sys, "version_mismatch", "Client and node speak different protocol versions."},
  entry{ec::not_permitted, sys, "not_permitted", "This is not permitted."},
  entry{ec::shutting_down, sys, "shutting_down", "The node is stopping."},
  entry{ec::name_taken, user, "name_taken", "A run of this name exists."},
  entry{ec::storage_failed, sys, "storage_failed", "The node cannot write to its state directory."},
  entry{ec::too_deep, user, "too_deep", "Calls are nested deeper than the node allows."},
  entry{ec::does_not_fit, user, "does_not_fit", "The environment asks for more than this node has."},
  entry{ec::no_quorum, sys, "no_quorum",
        "This node reaches too few voters of its cluster; nothing is decided until a majority of them is reached."},
  entry{ec::stale_epoch, sys, "stale_epoch", "Another node owns this by now."},
  entry{ec::conflict, user, "conflict", "The same id was used before for something else."},
  entry{ec::gone, user, "gone", "This was known once and is forgotten by now."},
  entry{ec::not_a_member, sys, "not_a_member", "The node does not belong to this cluster."},
  entry{ec::node_lost, sys, "node_lost", "The node on which it ran is gone."},
  entry{ec::overloaded, sys, "overloaded", "The node has more to do than it can hold; try again later."},
  entry{ec::undecided, sys, "undecided",
        "The voters did not decide in time; it may have been accepted. Ask again under the same id."},
  entry{ec::unauthenticated, sys, "unauthenticated", "The cluster does not accept this client's token."},
  entry{ec::internal_error, sys, "internal_error", "The node failed; this is a defect of Hearth."},
};

const entry& find(ec code) noexcept {
  for (const auto& e : entries)
    if (e.code == code)
      return e;
  return entries.back();
}

} // namespace

std::string_view name(ec code) noexcept { return find(code).name; }

std::string_view sentence(ec code) noexcept { return find(code).sentence; }

error_kind kind(ec code) noexcept { return find(code).kind; }

bool is_loss(ec code) noexcept {
  switch (code) {
    case ec::interpreter_lost:
    case ec::out_of_memory:
    case ec::protocol_broken:
    case ec::node_lost:
      return true;
    default:
      return false;
  }
}

} // namespace hearth
