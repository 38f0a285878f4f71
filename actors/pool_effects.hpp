#pragma once

#include "actors/autoscaler.hpp"
#include "core/errors.hpp"
#include "core/ids.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace hearth {

/// What a pool asks its shell to do, in order.
namespace pool_effect {

/// Start a replica under this id. `for_nested`: the call at the head of the queue has a parent that waits for it, and no other
/// replica of the pool will serve it. `rehearses`: only import the code; `replica_unmade` tells how that went.
struct start {
  replica_id replica;
  bool for_nested = false;
  bool rehearses = false;
};
/// The start of this replica waits for a resource, and has come to be `for_nested`.
struct promote {
  replica_id replica;
};
/// This replica waits to be started and is not wanted any more.
struct withdraw {
  replica_id replica;
};
/// Hand the call to the replica.
struct dispatch {
  replica_id replica;
  ticket call;
  std::uint16_t attempt;
};
/// Take these back if they have not begun; `recalled` tells which.
struct recall {
  replica_id replica;
  std::vector<ticket> calls;
};
/// The call must stop; its end or the replica's comes as an event.
struct stop {
  replica_id replica;
  ticket call;
};
/// No more calls come: the replica ends when its last one is done, or, with a reason, at once.
struct retire {
  replica_id replica;
  std::string at_once;
};
/// Answer the caller with this failure. The ticket's answer is given from here on.
struct fail {
  ticket call;
  failure why;
  std::uint16_t attempt;
  bool with_reply; // the failing execution's own reply (the user's exception) is the answer
};
/// The ticket is not used any more: whatever is kept for it can go.
struct release {
  ticket call;
};

/// A decision about the number of replicas was made; what follows from it comes as effects of its own.
struct decided {
  scaling::inputs in;
  scaling::decision what;
  std::string detail; // the replica that is replaced, and why; may be empty
};
/// The pool needs no zygote for now: its idle time is long over.
struct cool {};

using any = std::variant<start, promote, withdraw, dispatch, recall, stop, retire, fail, release, decided, cool>;

} // namespace pool_effect

using pool_effects = std::vector<pool_effect::any>;

} // namespace hearth
