#pragma once

#include "cluster/commands.hpp"
#include "core/errors.hpp"
#include "core/ids.hpp"

namespace hearth {

/// How a child of a durable run ended, as its home keeps it: when the parent runs again, the child is answered from here.
struct child_record {
  call_id root;  // of the run
  call_id child; // derived from its parent, its place and its inputs: the same when the parent runs again
  ec code = ec::none;
  bool is_text = false;        // a failure's value is one sentence by the node
  cluster::stored_value value; // small ones are here, larger ones a blob
};

} // namespace hearth
