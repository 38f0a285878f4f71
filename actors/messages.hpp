#pragma once

#include "actors/environment.hpp"
#include "actors/rows.hpp"
#include "core/bytes.hpp"
#include "core/errors.hpp"
#include "core/ids.hpp"

#include <caf/actor_clock.hpp>
#include <caf/actor_control_block.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// The structs that travel between actors of one node. They never leave the process, so they carry handles and
/// shared memory freely. One message carries a batch: what one turn of the loop brought.
namespace hearth {

/// A point in the time of the actor system: real in a node, virtual under test.
using instant = caf::actor_clock::time_point;
using nanoseconds = std::chrono::nanoseconds;

using spec_ptr = std::shared_ptr<const environment_spec>;

struct trace_context {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  std::uint64_t span = 0;
};

/// What a call is, without where its answer goes.
struct call_header {
  call_id id;
  call_id root;
  call_id parent;
  std::uint16_t depth = 0;
  std::uint32_t task = 0;
  milliseconds deadline{0}; // that remains; 0: unlimited
  trace_context trace;
  std::uint16_t cache =
    0; // flags of a call (schema/frame.capnp): how its run uses the cache; inherited by its children
};

/// The answer of a call.
struct call_reply {
  call_id id;
  ec code = ec::none;
  bool is_text = false; // a failure in `value` is one sentence by the node, not the SDK's failure map
  bool cold = false;
  bool is_hit = false; // nothing was executed: the value was kept
  std::uint16_t attempt = 0;
  nanoseconds run{0};
  nanoseconds queued{0};
  nanoseconds start{0};
  nanoseconds fork{0};   // of a cold call: of its replica, as in `attachment`
  nanoseconds import{0}; // likewise
  nanoseconds init{0};   // of a cold call: from the process of its replica to the first call
  payload value;
};

/// A piece of output. `call` may be empty: written outside of any call.
struct log_text {
  call_id call;
  call_id root;
  std::uint64_t replica = 0;
  std::uint16_t stream = 0; // schema/frame.capnp: streamOut, streamErr, streamSystem
  std::uint32_t dropped = 0;
  std::uint64_t unix_ns = 0;
  bytes text;
};

/// A part of a reply that comes in parts; the `call_reply` with the rest follows.
struct reply_part {
  call_id id;
  std::uint16_t attempt = 0;
  bytes data;
};

/// What a caller has to say after the arguments of its call, as much as it was asked for.
struct input_part {
  call_id id;
  bytes data;
  bool is_last = false;
};

// -- replica <-> interpreter door ----

/// A call on its way into an interpreter. `slot` is the word of the slot table that decides who starts it.
struct sent_call {
  call_header header;
  std::uint16_t attempt = 1;
  std::uint32_t slot = 0;
  payload arguments;
  bool in_run = false;    // the ids of its children are derived
  bool streams = false;   // its caller takes the reply in parts
  bool has_input = false; // ... and says more when it is asked to
};

/// What an interpreter said or what became of it.
namespace interpreter {

struct hello {
  std::uint32_t pid = 0;
  std::string python;
};

/// The end of an execution.
struct outcome {
  std::uint32_t slot = 0;
  bool unstarted = false; // refused before user code ran
  call_reply reply;
};

/// A task calls a task.
struct child_call {
  std::uint32_t environment = 0; // handle that this replica gave
  bool parks = false;            // the parent waits from now on
  call_header header;
  payload arguments;
};

struct child_cancel {
  call_id id;
};

/// The next part of a reply.
struct part {
  std::uint32_t slot = 0;
  bytes data;
};

/// It has room for more of the call's input.
struct wanted {
  std::uint32_t slot = 0;
  std::uint64_t size = 0; // bytes
};

struct parked {
  std::uint32_t slot = 0;
};

struct resumed {
  std::uint32_t slot = 0;
};

/// Slots whose calls were taken back before they began.
struct recalled {
  std::vector<std::uint32_t> slots;
};

struct open_environment {
  std::uint32_t request = 0;
  spec_ptr spec;
};

struct output {
  log_text text; // `root` is filled by the replica
};

/// What the process uses, with all that it forked; pages that it shares with others count in part.
struct memory {
  std::uint64_t bytes = 0;
};

/// The process is gone, or was ended. `begun` names the slots whose user code had begun.
struct gone {
  ec code = ec::interpreter_lost;
  std::string message;
  std::vector<std::uint32_t> begun;
};

using event = std::variant<hello, outcome, child_call, child_cancel, part, wanted, parked, resumed, recalled,
                           open_environment, output, memory, gone>;
using events = std::vector<event>;

} // namespace interpreter

/// An answer to `interpreter::open_environment`.
struct opened_handle {
  std::uint32_t request = 0;
  std::uint32_t handle = 0;
  std::string version;
  bool is_new = false;
  failure error; // code none: opened
};

/// How a replica's process came to be; told once, when its interpreter is attached.
struct attachment {
  std::uint32_t slots = 0;     // words of its slot table
  bool can_hold_ahead = false; // keeps the slot table: calls may be sent before a slot is free
  bool forked = false;
  std::string spawn_reason; // why not forked
  nanoseconds fork{0};      // from the order to the process, without `import`
  nanoseconds import{0};    // that it waited for an interpreter to start and to import the code; 0: one was there
};

// -- supervisor <-> replica ----

struct dispatched_call {
  ticket id;
  std::uint16_t attempt = 1;
  bool cold = false;     // waited for a replica to start
  nanoseconds queued{0}; // all waits together
  call_header header;
  payload arguments;
  bool in_run = false;
  bool replays = false;         // as in `call`
  caf::strong_actor_ptr caller; // a `caller_actor`: hears the result
  // A `caller_actor`: hears the output of the call and of its children. Of a call in a run a `recorder_actor`, of one that
  // `streams` a `stream_caller_actor`.
  caf::strong_actor_ptr output;
  bool streams = false;   // as in `call`
  bool has_input = false; // likewise
};

// -- runs ----

/// What is kept of a run so that it can be run again.
struct kept_call {
  spec_ptr spec; // with its version
  std::uint32_t task = 0;
  std::uint16_t cache = 0; // flags of a call: how the run uses the cache
  payload arguments;
  std::string project, domain, inputs;
};

// -- the record of a run: its finished children ----

/// A call below a run has succeeded.
struct finished_child {
  call_id root;
  call_id id;
  call_reply reply;
};

/// What the record holds of a call that somebody asked for.
struct found_child {
  call_id id;
  std::optional<call_reply> reply; // nothing: it is not there
};

/// What a replica tells its supervisor, and the agent of a replica that is not there yet. `calls` are always its own.
namespace replica {

struct ready {
  replica_id id;
  caf::strong_actor_ptr self;
  attachment how;
  std::uint32_t pid = 0;
  nanoseconds start{0}; // from the request to hello
};

struct start_failed {
  replica_id id;
  failure why;
};

/// The execution ended; a success has been answered to the caller already, anything else is the supervisor's to
/// decide, with the reply it would send.
struct done {
  replica_id id;
  ticket call;
  ec code = ec::none;
  bool unstarted = false;
  nanoseconds run{0};
  call_reply failed; // filled when code != none
};

struct parked {
  replica_id id;
  ticket call;
};

struct resumed {
  replica_id id;
  ticket call;
};

struct recalled {
  replica_id id;
  std::vector<ticket> calls;
};

struct lost {
  replica_id id;
  failure why;
  std::vector<ticket> begun;   // may have had effects
  std::vector<ticket> unbegun; // certainly did not
};

/// From the AGENT: its start waits until the node has more of `resource` ("memory", "cpu" or "gpu"). Said once.
struct waiting {
  replica_id id;
  std::string resource;
};

/// From the AGENT: it starts although the node has no more of `resource`, because a call that runs waits for it.
struct overcommitted {
  replica_id id;
  std::string resource;
};

/// What its process uses, as `interpreter::memory`; only where the environment asks to be recycled by growth.
struct memory {
  replica_id id;
  std::uint64_t bytes = 0;
};

using event = std::variant<ready, start_failed, done, parked, resumed, recalled, lost, waiting, overcommitted, memory>;
using events = std::vector<event>;

} // namespace replica

/// A replica that was another supervisor's and is idle: warm, with the code of this version.
struct adoptable {
  replica_id id;
  caf::strong_actor_ptr self; // a `replica_actor`
  std::string version;
  std::uint32_t concurrency = 1;
  attachment how;
  std::uint32_t pid = 0;
  nanoseconds start{0};
};

/// Of an action in an environment that another node owns: what that node said of it.
struct far_action {
  node_uuid node;
  std::string key; // of the environment
  std::string task;
};

/// What happened to one action of a run; kept by the run keeper.
struct action_event {
  call_id root;
  call_id id;
  call_id parent;
  std::uint16_t depth = 0;
  std::string_view task;                 // points into what outlives the event: `keep`, or `far`
  spec_ptr keep;                         // of its environment, when this node owns that
  std::shared_ptr<const far_action> far; // when another one does
  enum class phase_t : std::uint8_t { queued, running, succeeded, failed, aborted, timed_out } phase = phase_t::queued;
  std::uint16_t attempt = 0;
  bool cold = false;
  nanoseconds queued{0}, start{0}, fork{0}, import{0}, run{0};
  std::uint64_t replica = 0;
  std::string error;
  std::string
    cache{}; // what came of its lookup (actors/cache_messages.hpp, cache_status); empty: not told by this event
  std::string producer{};           // of a hit: the run, or the call, that made the value
  caf::strong_actor_ptr supervisor; // who can cancel it: a `supervisor_actor`, or, when it is far, the SWITCHBOARD
};

} // namespace hearth
