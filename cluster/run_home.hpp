#pragma once

#include "core/errors.hpp"

#include <cstdint>
#include <optional>

/// What the home of a durable run does with it, and what becomes of a call that may have been lost. Pure: the run keeper and
/// the gates carry it out, and so do the simulated ones.
namespace hearth::cluster {

/// Deliberate faults, each one bit, for tests of the tests. None is set outside them.
enum class home_mutation : std::uint32_t {
  none = 0,
  start_before_claim = 1U << 0,     // a run with lost=0 starts before its claim is committed
  lost_zero_starts_again = 1U << 1, // a call that may have run with lost=0 runs again
  forgets_undecided = 1U << 2,      // what was not decided in time is not proposed again
  never_replays = 1U << 3,          // an attempt does not look for what the one before it left
};

/// A run, as the newest word of the control log has it on this node.
struct run_sight {
  bool ended = false;
  bool is_ours = false; // its home is the seat of this process
  bool is_to_end = false;
  std::uint32_t attempt = 0;
};

/// What is executed of it here.
struct run_hold {
  std::uint32_t attempt = 0;
  bool is_to_end = false; // known already
};

/// In this order.
struct run_turn {
  bool drops = false;  // what is executed here is stopped, and nobody hears of it
  bool begins = false; // this attempt
  bool aborts = false; // what is executed, because it is to end
};

/// The log has said something about the run.
run_turn turn_of(const run_sight& now, const std::optional<run_hold>& here);

/// What an attempt at its home needs next before its root call is made.
enum class run_need : std::uint8_t { arguments, environment, claim, nothing };

struct run_readiness {
  bool has_arguments = false, has_environment = false;
  bool is_claimed = false;  // in the log
  std::uint32_t lost = 0;   // so many losses are survived
};

run_need need_of(const run_readiness& what, std::uint32_t mutations = 0);

/// Whether the same may succeed later.
bool passes(ec code);

/// What the outcome of a claim or of a completion means: it holds; it is proposed again; the run goes on elsewhere or is over.
enum class run_verdict : std::uint8_t { holds, later, over };

run_verdict verdict_of(ec code, std::uint32_t mutations = 0);

/// A call may have begun and nobody will say what became of it; it is the `losses`th time. None: it is made again. Otherwise
/// it ends with this code.
ec after_loss(std::uint32_t allowed, std::uint32_t losses, std::uint32_t mutations = 0);

/// Whether the children of a root call are looked for in the record before they are made.
bool replays(std::uint32_t attempt, bool was_made_before, bool has_record_before, std::uint32_t mutations = 0);

} // namespace hearth::cluster
