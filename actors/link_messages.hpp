#pragma once

#include "actors/app_rows.hpp"
#include "actors/messages.hpp"
#include "core/ids.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

/// What nodes say to each other about calls, replicas and runs; the twin of schema/link.capnp. Frames of one pair of nodes
/// arrive in the order in which they were sent. Actors are named by the node they live on and a number or a key, never by
/// handles of CAF. Large values travel beside: a message waits for its own, not for those of others.
namespace hearth::link {

/// Somebody who waits for replies or takes output (a `caller_actor`). Inside a node it is `here`: whoever writes a message
/// fills that, and whoever reads one finds it. Between nodes it is the node on which the actor lives, and the number that
/// node gave it when it first let another one know of it. The SWITCHBOARD turns one into the other.
struct caller_ref {
  caf::strong_actor_ptr here; // empty: nobody
  node_uuid node;
  std::uint64_t number = 0; // 0: nobody

  friend bool operator==(const caller_ref& a, const caller_ref& b) { return a.node == b.node && a.number == b.number; }
  friend auto operator<=>(const caller_ref& a, const caller_ref& b) {
    return std::tie(a.node, a.number) <=> std::tie(b.node, b.number);
  }
};

// -- to the owner of an environment ----

struct open_environment {
  std::uint64_t request = 0;
  spec_ptr spec;
  bool deploy = false;
  hearth::epoch
    epoch; // of the ownership that the sender knows; a receiver that does not own it so answers `stale_epoch`
};

/// With the error, or opened.
struct opened {
  std::uint64_t request = 0;
  bool is_new = false;
  failure error;
};

struct call {
  call_header header;
  payload arguments;
  std::string version; // of an environment that this node opened there before
  caller_ref caller, output;
  bool in_run = false;
  bool replays = false;
  bool streams = false;
  bool has_input = false;
};

/// Calls that the receiver does not take, because it does not own the environment in that epoch or does not know their
/// version, are answered with `stale_epoch`: they certainly did not begin.
struct invoke {
  std::string key;
  hearth::epoch epoch;
  std::vector<call> calls;
};

struct cancel {
  struct item {
    caller_ref caller; // nobody: whoever it is
    call_id id;
    ec code = ec::aborted;
    std::string reason;
  };

  std::string key;
  std::vector<item> items;
};

/// "Are these still open at you?" Those that are not come back as `strays`: asked when a link ended on which answers may
/// have been lost.
struct probe {
  std::string key;
  hearth::epoch epoch;
  caller_ref caller;
  std::vector<call_id> calls;
};

/// These calls of the epoch are not open at their owner any more (none named: all of the environment are not, its
/// supervisor failed). What was not answered is lost.
struct strays {
  std::string key;
  hearth::epoch epoch;
  std::vector<call_id> calls;
  std::string reason;
};

// -- to a caller ----

struct replies {
  std::uint64_t number = 0;
  std::vector<call_reply> items;
};

struct logged {
  std::uint64_t number = 0;
  std::vector<log_text> items;
};

// -- of a call whose reply and input come in parts, between its caller and its replica ----

struct parts {
  std::uint64_t number = 0; // of the caller
  std::vector<reply_part> items;
  caller_ref replica;
};

/// The sender has taken bytes of a reply, or has room for bytes of an input.
struct more {
  std::uint64_t number = 0;
  call_id id;
  std::uint64_t size = 0;
  caller_ref sender;
};

struct input {
  std::uint64_t number = 0; // of the replica
  input_part item;
};

// -- to the recorder of a run, and back ----

/// Children of calls of a run have succeeded.
struct recorded {
  std::uint64_t number = 0; // of the recorder
  std::vector<finished_child> items;
};

/// Which of these calls below the root are recorded? Answered by `found`, perhaps in parts.
struct sought {
  std::uint64_t number = 0; // of the recorder
  call_id root;
  std::vector<call_id> ids;
  caller_ref seeker;
};

struct found {
  std::uint64_t number = 0; // of the seeker
  std::vector<found_child> items;
};

/// What happened to actions of runs in environments that the sender owns.
struct acted {
  struct item {
    call_id root, id, parent;
    std::uint16_t depth = 0;
    std::string task, key; // of the environment
    action_event::phase_t phase = action_event::phase_t::queued;
    std::uint16_t attempt = 0;
    bool cold = false;
    nanoseconds queued{0}, start{0}, fork{0}, import{0}, run{0};
    std::uint64_t replica = 0;
    std::string error;
    std::string cache, producer; // as in action_event
  };

  std::uint64_t number = 0; // of the recorder
  std::vector<item> items;
};

// -- from the owner to the node of a replica ----

struct order {
  std::string key;
  hearth::epoch epoch;
  spec_ptr spec;
  replica_id id;
  std::uint32_t concurrency = 1, slots = 1;
  bool fresh = false, for_nested = false, rehearses = false;
};

struct withdraw {
  replica_id id;
};

struct promote {
  replica_id id;
};

struct forget {
  std::string key, version;
};

struct dispatch {
  struct item {
    ticket id;
    std::uint16_t attempt = 1;
    bool cold = false;
    nanoseconds queued{0};
    call_header header;
    payload arguments;
    bool in_run = false;
    bool replays = false;
    caller_ref caller, output;
    bool streams = false;
    bool has_input = false;
  };

  replica_id id;
  hearth::epoch epoch;
  std::vector<item> items;
};

struct recall {
  replica_id id;
  std::vector<ticket> items;
};

struct cancel_ticket {
  replica_id id;
  ticket item;
};

struct retire {
  replica_id id;
  bool at_once = false;
  std::string reason;
};

/// A new owner: higher epochs than this are accepted from now on, lower ones refused; replicas of these environments that
/// are healthy become its own.
struct adopt {
  std::string key;
  hearth::epoch epoch;
};

// -- from the node of a replica to the owner ----

struct replica_event {
  std::string key;
  hearth::epoch epoch;   // of the owner that it is for
  replica::events items; // `ready` carries no handle: the receiver has its own for that replica
};

struct adopted {
  struct item {
    replica_id id;
    std::string version;
    std::uint32_t concurrency = 1;
    attachment how;
    std::uint32_t pid = 0;
    nanoseconds start{0};
  };

  std::string key;
  hearth::epoch epoch;
  std::vector<item> items;
};

/// What the node has free for replicas; sent when it changes, at most some times a second.
struct free_capacity {
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_millis = 0, gpus = 0;
  std::uint32_t replicas = 0;
  std::uint64_t load = 0; // calls that run
};

// -- questions with one answer ----

/// `what`: environments, replicas, nodes, events, runs, actions, await, result, abort, logs, bundle, blob; of what another
/// node keeps for runs: keep (a value, until it is on the disk), record (of these children), recorded (which calls are).
struct ask {
  std::uint64_t request = 0;
  std::string what;
  std::vector<std::string> words;
  std::uint32_t limit = 0;
  bool follow = false;
  caller_ref caller;                      // of `logs`: who hears the output
  std::vector<call_id> calls{};           // of `recorded`: the root, the one whose record counts too or none, the names
  std::vector<finished_child> children{}; // of `record`, by their names
  payload value{};                        // of `keep`
};

struct answer {
  using rows =
    std::variant<std::monostate, std::vector<environment_row>, std::vector<replica_row>, std::vector<node_row>,
                 std::vector<event_row>, std::vector<run_row>, std::vector<action_row>, call_reply, payload,
                 std::vector<finished_child>, std::vector<app_part>>;

  std::uint64_t request = 0;
  failure error;
  rows content;
};

using message = std::variant<open_environment, opened, invoke, cancel, probe, strays, replies, logged, order, withdraw,
                             promote, forget, dispatch, recall, cancel_ticket, retire, adopt, replica_event, adopted,
                             free_capacity, ask, answer, recorded, sought, found, acted, parts, more, input>;
using messages = std::vector<message>;

} // namespace hearth::link
