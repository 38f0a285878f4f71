#pragma once

#include "actors/atoms.hpp"
#include "actors/client_messages.hpp"
#include "actors/control_messages.hpp"
#include "actors/messages.hpp"

#include <caf/all.hpp>

/// Every typed interface of the cast, one comment per message: read this file to learn the system.
///
///   client -> CONNECTION -> SESSION -> SUPERVISOR -> REPLICA -> INTERPRETER -> python
///   python -> INTERPRETER -> REPLICA -> CALLER (a session, a run keeper or a replica), SUPERVISOR hears `done`
///
/// CONNECTION, INTERPRETER, FOUNDRY, BUNDLES and LOGS are doors: implemented in `node/`, faked under test. All messages
/// are one-way batches on the way of a call, so a turn of the loop costs one message per pair of actors; what needs an
/// answer elsewhere is a CAF request. Only this file contains CAF's interface syntax.
namespace hearth {

/// Whoever has open calls and takes output: SESSION, RUN KEEPER, REPLICA.
using caller_actor = caf::typed_actor<
  // Fact: these calls are answered, each exactly once.
  caf::reacts_to<atom::replies, std::vector<call_reply>>,
  // Fact: output of calls below this caller. May be dropped under pressure, then counted in `dropped`.
  caf::reacts_to<atom::logged, std::vector<log_text>>>;

/// A caller that takes replies in parts, wherever their replicas are: HTTP CONNECTION.
using stream_caller_actor = caller_actor::extend<
  // Facts: parts of replies, in order; the reply with the rest follows by `replies`. The sender is who hears `more`.
  caf::reacts_to<atom::parts, std::vector<reply_part>>,
  // The callee has room for so many bytes more of what this caller has to say in the call. The sender is who hears `input`.
  caf::reacts_to<atom::more, call_id, std::uint64_t>>;

/// Who asks for the record of a run: REPLICA.
using seeker_actor = caf::typed_actor<
  // The answer of `seek`, perhaps in parts.
  caf::reacts_to<atom::found, std::vector<found_child>>>;

/// Keeps what happens below a run, and what its calls have returned, for a parent that runs again: RUN KEEPER of the run's
/// home, or who stands for it on another node.
using recorder_actor = caller_actor::extend<
  // Facts from SUPERVISORs: what happened to calls of the run. May be dropped under pressure, then listings lack them.
  caf::reacts_to<atom::actions, std::vector<action_event>>,
  // Facts from REPLICAs: children of their calls have succeeded. May be dropped under pressure: they then run again.
  caf::reacts_to<atom::record, std::vector<finished_child>>,
  // Which of these calls below the root are recorded? Answered by `found`, or never: who asks does not wait for long.
  caf::reacts_to<atom::seek, call_id, std::vector<call_id>, seeker_actor>>;

/// A call inside the node: what it is and who waits for it.
struct call {
  call_header header;
  payload arguments;
  spec_ptr spec;       // with its version: names the pool
  caller_actor caller; // gets the reply
  caller_actor output; // gets the output; inherited by children. In a run it is its `recorder_actor`
  bool in_run = false; // `output` records its actions
  // It, or a call above it, ran before: the record may know its children, or itself. Inherited by children.
  bool replays = false;
  // `output` is a `stream_caller_actor`, which takes the reply in parts before `caller` has the rest ...
  bool streams = false;
  // ... and has more to say than the arguments. What it was asked for is lost with the replica: such a call runs once.
  bool has_input = false;
};

/// "Stop this call": by its caller, which hears the reply `aborted` unless another reply was faster.
struct cancellation {
  caller_actor caller; // empty: whoever it is (somebody aborts an action of a run)
  call_id id;          // none: all that this caller has open
  ec code = ec::aborted;
  std::string reason;
};

/// The SUPERVISOR owns one environment: its queue, and a pool of replicas per version.
using supervisor_actor = caf::typed_actor<
  // Runs these calls; each is answered to its caller by a REPLICA, or by us with a reason.
  caf::reacts_to<atom::invoke, std::vector<call>>,
  // Stops these calls.
  caf::reacts_to<atom::cancel, std::vector<cancellation>>,
  // Which of these calls of this caller are open?
  caf::replies_to<atom::has, caller_actor, std::vector<call_id>>::with<std::vector<call_id>>,
  // Makes sure a pool of this version exists. Deployed (the flag), its replicas start without a call, and pools of other
  // versions end as soon as nothing is open there. True: it is new.
  caf::replies_to<atom::open, spec_ptr, bool>::with<bool>,
  // Facts from its REPLICAs, and from the AGENT about those that are still to start.
  caf::reacts_to<atom::events, replica::events>,
  // From the AGENT: another environment waits for memory or a device; idle replicas beyond the minimum end now.
  caf::reacts_to<atom::yield>,
  // What listings show.
  caf::replies_to<atom::list>::with<std::vector<environment_row>, std::vector<replica_row>>,
  // Refuses new roots and finishes what runs, calls of running tasks included; everything left at the deadline is
  // aborted. The AGENT hears `drained` each time that nothing is open, or something is again.
  caf::reacts_to<atom::stop, milliseconds>,
  // Nothing is open anywhere on the node: ends replicas and quits.
  caf::reacts_to<atom::halt>,
  // Another node owns the environment: answers what has not begun with `stale_epoch`, and quits when what runs has ended and
  // its replicas are another's.
  caf::reacts_to<atom::disown>,
  // From REPLICAs of a former owner, and from the AGENT for those on other nodes: they are ours now. The flag, from the AGENT:
  // that were all that are idle; others follow as they become so.
  caf::reacts_to<atom::adopt, std::vector<adoptable>, bool>,
  // From the AGENT: their node takes no more work; they end when they are idle, and others take their place elsewhere.
  caf::reacts_to<atom::drain, std::vector<replica_id>>,
  // INTERNAL: the pools' clock.
  caf::reacts_to<atom::tick>>;

/// An INTERPRETER is the door to one Python process: frames out, events in (sent to its replica).
using interpreter_actor = caf::typed_actor<
  // Writes these calls.
  caf::reacts_to<atom::dispatch, std::vector<sent_call>>,
  // Takes back what has not begun; answered by the event `recalled` (possibly with no slot).
  caf::reacts_to<atom::recall, std::vector<std::uint32_t>>,
  // Asks the call in this slot to stop: a signal to a sync task, a frame to an async one.
  caf::reacts_to<atom::cancel, std::uint32_t, call_id>,
  // The caller has taken so many bytes of the parts of this call's reply.
  caf::reacts_to<atom::more, std::uint32_t, call_id, std::uint64_t>,
  // More of the input of the call in this slot.
  caf::reacts_to<atom::input, std::uint32_t, input_part>,
  // Replies of child calls.
  caf::reacts_to<atom::replies, std::vector<call_reply>>,
  // Answers of `open_environment`.
  caf::reacts_to<atom::open, opened_handle>,
  // Ends the process: politely (it has no calls), or at once with everything it forked. The event `gone` follows.
  caf::reacts_to<atom::halt, bool, ec, std::string>>;

/// A REPLICA hands at most `concurrency` calls (and a few ahead) to its interpreter, and speaks for it.
using replica_actor = caller_actor::extend<
  // From the FOUNDRY: the process exists; `hello` will follow as an event.
  caf::reacts_to<atom::attach, interpreter_actor, attachment>,
  // From the FOUNDRY: it cannot be started.
  caf::reacts_to<atom::unmade, failure>,
  // From its INTERPRETER.
  caf::reacts_to<atom::events, interpreter::events>,
  // From its SUPERVISOR: run these.
  caf::reacts_to<atom::dispatch, std::vector<dispatched_call>>,
  // Give back what has not begun.
  caf::reacts_to<atom::recall, std::vector<ticket>>,
  // Stop this call; its replica ends when it does not stop in time.
  caf::reacts_to<atom::cancel, ticket>,
  // No more calls come: end when the last is done (false), or at once with this reason (true).
  caf::reacts_to<atom::retire, bool, std::string>,
  // From a caller that takes a reply in parts: so many bytes of them are taken.
  caf::reacts_to<atom::more, call_id, std::uint64_t>,
  // From a caller that was asked for more: that, or a part of it.
  caf::reacts_to<atom::input, input_part>,
  // From the recorder of a run: the answer of `seek`.
  caf::reacts_to<atom::found, std::vector<found_child>>,
  // From the AGENT: another supervisor owns it from now on, and hears so (`adopt`) as soon as nothing runs; the former one
  // hears of its calls until then, and of a loss without calls after it. Answers whether that is at once.
  caf::replies_to<atom::adopt, supervisor_actor>::with<bool>,
  // INTERNAL: a call did not stop in time (its slot's use count tells a later call apart), or start timed out.
  caf::reacts_to<atom::tick, ticket>,
  // INTERNAL: the record of a run has had its time to answer for these calls.
  caf::reacts_to<atom::retry, std::vector<call_id>>>;

/// What the FOUNDRY needs to make an interpreter.
struct replica_order {
  spec_ptr spec;
  replica_id id;
  std::uint32_t concurrency = 1;
  std::uint32_t slots = 1;
  bool fresh = false; // serves one call, then ends
  // Wanted for a call whose caller keeps what it waits for: it may start beyond the node's memory and cpu.
  bool for_nested = false;
  bool rehearses = false;          // only imports the code: then it is `unmade`, with ec::none when that has worked
  std::vector<std::uint32_t> gpus; // indices that are its own; the agent fills them
  replica_actor replica;           // hears `attach` or `unmade`, then events
};

/// The FOUNDRY is the door to processes: zygotes, forks, spawns.
using foundry_actor = caf::typed_actor<
  // Makes an interpreter; the replica named in the order hears of it.
  caf::reacts_to<atom::start, replica_order>,
  // No replica of this environment version is wanted any more: its zygote may end. (key, version)
  caf::reacts_to<atom::forget, std::string, std::string>,
  // Resident bytes of replicas, by id.
  caf::replies_to<atom::list>::with<std::vector<std::pair<replica_id, std::uint64_t>>>,
  // Ends everything it started; answered when nothing is left.
  caf::replies_to<atom::stop>::with<bool>>;

/// The INSPECTOR looks whether this node is fit for a program.
using inspector_actor = caf::typed_actor<
  // What it found. (the question of `hearth check`, JSON: node/interpreter/inspection.hpp; empty: of no program)
  caf::replies_to<atom::check, std::string>::with<std::vector<finding>>>;

/// BUNDLES is the door to the content-addressed code on disk.
using bundles_actor = caf::typed_actor<
  // Whether this digest is stored (and marks it as used).
  caf::replies_to<atom::has, std::string>::with<bool>,
  // Stores a bundle; checks size and digest, unpacks it, answers when it is complete on disk.
  caf::replies_to<atom::store, std::string, std::vector<bytes>>::with<bool>,
  // The directory of the unpacked bundle; error unknown_bundle.
  caf::replies_to<atom::open, std::string>::with<std::string>,
  // The bundle as it came, for another node; error unknown_bundle.
  caf::replies_to<atom::read, std::string>::with<std::vector<bytes>>>;

/// LOGS is the door to log files of runs and replicas. Writing happens on a thread of its own; a full queue drops and counts.
using logs_actor = caf::typed_actor<
  // Appends to the log `name`.
  caf::reacts_to<atom::append, std::string, std::vector<log_text>>,
  // The last `lines` lines of the log `name` (0: all that is kept).
  caf::replies_to<atom::read, std::string, std::uint32_t>::with<std::vector<log_text>>>;

/// The JOURNAL keeps what happened to environments and why.
using journal_actor = caf::typed_actor<
  // Facts from SUPERVISORs.
  caf::reacts_to<atom::append, std::vector<journal_entry>>,
  // The newest entries of an environment (name, or project/domain/name; empty: all), oldest first; 0: the usual limit.
  caf::replies_to<atom::list, std::string, std::uint32_t>::with<std::vector<event_row>>,
  caf::replies_to<atom::status>::with<std::vector<journal_counts>>>;

/// A SESSION is one client: it decodes nothing, admits, and answers exactly once.
using session_actor = caller_actor::extend<
  // From its CONNECTION, in the order in which the client sent it.
  caf::reacts_to<atom::events, client::events>,
  // From the RUN KEEPER: a watched run went on (root, actions done) ...
  caf::reacts_to<atom::watch, call_id, std::uint64_t>,
  // INTERNAL: the hello deadline.
  caf::reacts_to<atom::tick>>;

/// A CONNECTION is the door to a client's socket.
using connection_actor = caf::typed_actor<caf::reacts_to<atom::effects, client::effects>>;

struct opened_environment {
  supervisor_actor supervisor;
  spec_ptr spec; // with its version
  bool is_new = false;
};

/// The AGENT of a node knows its environments and its capacity, and makes replicas.
using agent_actor = caf::typed_actor<
  // Finds or makes the supervisor and the pool of this environment; the flag deploys it.
  caf::replies_to<atom::open, spec_ptr, bool>::with<opened_environment>,
  // In a cluster: the same, where this node owns the environment in this epoch; its supervisor lives here.
  caf::replies_to<atom::own, spec_ptr, bool, epoch>::with<opened_environment>,
  // In a cluster: this node does not own the environment any more.
  caf::reacts_to<atom::disown, std::string>,
  // From a SUPERVISOR: make a replica (the order's `replica` and `gpus` are ours to fill); `replica::ready` or
  // `replica::start_failed` will follow as an event, perhaps after `replica::waiting`.
  caf::reacts_to<atom::start, replica_order, supervisor_actor>,
  // From a SUPERVISOR: the order of this replica, if it waits still, has come to be for a nested call.
  caf::reacts_to<atom::promote, replica_id>,
  // From a SUPERVISOR: it wants this replica no longer and has forgotten it. An order that waits is dropped, a replica
  // that has started meanwhile ends.
  caf::reacts_to<atom::withdraw, replica_id>,
  // From a SUPERVISOR: this version is not used any more.
  caf::reacts_to<atom::forget, std::string, std::string>,
  // From a new SUPERVISOR of a cluster: which of the former owners' replicas are there? `adopt` will follow.
  caf::reacts_to<atom::adopt, std::string, epoch, supervisor_actor>,
  // A SESSION begins or ends.
  caf::reacts_to<atom::join, caf::actor_addr>, caf::reacts_to<atom::leave, caf::actor_addr>,
  // Rows: environments and replicas of the whole node.
  caf::replies_to<atom::list>::with<std::vector<environment_row>, std::vector<replica_row>>,
  caf::replies_to<atom::status>::with<node_row>,
  // From a SUPERVISOR that was told to stop: whether it has nothing open.
  caf::reacts_to<atom::drained, caf::actor_addr, bool>,
  // Drains the node (grace), ends every interpreter, then answers.
  caf::replies_to<atom::stop, milliseconds, std::string>::with<bool>,
  // INTERNAL: idle clock, and the clock of orders that wait.
  caf::reacts_to<atom::tick>, caf::reacts_to<atom::retry>>;

/// What the RUN KEEPER needs to have a run accepted.
struct run_order {
  std::string name;     // empty: from the call id
  std::string rerun_of; // the run whose record is used too; empty: none
  bool detach = false;
  bool logs = false;
  std::string project, domain, inputs;
  std::string principal; // who submits it; empty: the user to whom the node belongs
  call root;             // `caller` and `output` are set by the run keeper
  supervisor_actor supervisor;
  spec_ptr spec;
  session_actor session; // hears output and the reply, unless it is gone; may be empty
};

/// The RUN KEEPER executes the runs whose home this node is, and knows of all others.
using run_keeper_actor = recorder_actor::extend<
  // Its agent, for environments. Only then it begins to listen to the control log.
  caf::reacts_to<atom::attach, agent_actor>,
  // Has a run accepted; answered with its name when it is sure to be executed. The session hears the reply of the root call
  // as a reply. The same root again, with the same content, is the same run.
  caf::replies_to<atom::accept, run_order>::with<std::string>,
  // Rows of runs (empty name: all), of the actions of one run.
  caf::replies_to<atom::list, std::string, std::uint32_t>::with<std::vector<run_row>>,
  caf::replies_to<atom::actions, std::string, std::uint32_t>::with<std::vector<action_row>>,
  // Answers when the run has ended.
  caf::replies_to<atom::await, std::string>::with<run_row>,
  // The reply of an ended run's root call (waits for its end).
  caf::replies_to<atom::result, std::string>::with<call_reply>,
  // Stops a run, or one action of it (id in hex, a prefix is enough when it is unique).
  caf::replies_to<atom::abort, std::string, std::string, std::string>::with<run_row>,
  // Sends a session the output of a run that is kept, and what comes until the run ends when the flag says so; then answers.
  // (run, session, beginning of the id of the only action that matters, last lines of what is kept, follow)
  caf::replies_to<atom::watch, std::string, session_actor, std::string, std::uint32_t, bool>::with<bool>,
  // What a run was made of.
  caf::replies_to<atom::rerun, std::string>::with<kept_call>,
  // A session is gone: it hears no more of its runs, which go on.
  caf::reacts_to<atom::leave, session_actor>,
  // How many runs have not ended.
  caf::replies_to<atom::status>::with<std::uint64_t>,
  // From CONTROL: what it decided, in its order.
  caf::reacts_to<atom::events, control::facts>,
  // INTERNAL: another try for the run with this root.
  caf::reacts_to<atom::retry, call_id>,
  // INTERNAL: time to say which blobs are needed.
  caf::reacts_to<atom::pin>>;

} // namespace hearth

// -- message types: they stay in the process, so CAF need not serialize them ----
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::call_reply>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::reply_part>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::input_part)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::control::facts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::log_text>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::call>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cancellation>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::spec_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::replica::events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::environment_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::replica_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::milliseconds)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::sent_call>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::call_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::call_id>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::epoch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::opened_handle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::ec)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::attachment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::failure)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::interpreter::events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::dispatched_call>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::ticket)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::ticket>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::replica_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::replica_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::replica_id>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::adoptable>)
using hearth_replica_memory = std::vector<std::pair<hearth::replica_id, std::uint64_t>>;
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth_replica_memory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::bytes>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::client::events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::client::effects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::opened_environment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::node_row)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::finding>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::run_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::action_event>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::run_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::action_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::run_row)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::call_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::journal_entry>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::event_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::journal_counts>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::finished_child>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::found_child>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::kept_call)
