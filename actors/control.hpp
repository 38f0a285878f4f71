#pragma once

#include "actors/interfaces.hpp"
#include "actors/link_messages.hpp"
#include "cluster/commands.hpp"

#include <caf/all.hpp>

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// The doors of a node to its cluster: CONTROL to what the control log decides, PEERs to the other nodes.
namespace hearth {

namespace atom {
using propose = caf::atom_constant<caf::atom("propose")>;
using own = caf::atom_constant<caf::atom("own")>;
using find = caf::atom_constant<caf::atom("find")>;
using send = caf::atom_constant<caf::atom("send")>;
using up = caf::atom_constant<caf::atom("up")>;
using down = caf::atom_constant<caf::atom("down")>;
} // namespace atom

/// Who owns an environment, since which entry of the control log.
struct ownership {
  node_uuid node;
  seat_id seat;
  hearth::epoch epoch;
};

/// A member of the cluster, as the control log knows it.
struct member_row {
  node_uuid node;
  std::string name, address;
  seat_id seat; // none: it is not there
  std::uint64_t incarnation = 0;
  bool draining = false, is_voter = false, is_leader = false;
  cluster::node_capacity capacity;
};

/// What the control log decided, as far as actors react to it.
/// A run as the control log knows it. Immutable: what changes is another one.
struct durable_run {
  cluster::accept_run submitted;
  std::uint32_t attempt = 1; // at its home; more than 1: an earlier home was lost, or left
  bool is_claimed = false;   // the current attempt may have begun
  node_uuid home;            // none: its home is gone, and nobody took over yet
  seat_id seat;              // of the home
  bool is_to_end = false;    // somebody wants it to, for this reason
  std::string abort_reason;
  std::optional<cluster::complete_run> end; // terminal: never changes
};

using durable_run_ptr = std::shared_ptr<const durable_run>;

namespace control {

struct member_changed {
  member_row now;
};

struct owner_changed {
  std::string key;
  ownership now; // without a node: nobody owns it
};

/// Anything about a run: it was accepted, has another home, is to end, has ended.
struct run_changed {
  durable_run_ptr now;
};

/// It is not kept any longer; nor are its values.
struct run_forgotten {
  durable_run_ptr last;
};

/// Whether this node may act for the cluster: it has a seat, and its lease runs.
struct standing {
  bool holds = false;
  seat_id seat;
  std::string why_not; // for a person
};

using fact = std::variant<member_changed, owner_changed, run_changed, run_forgotten, standing>;
using facts = std::vector<fact>;

} // namespace control

/// Hears what the control log decides, in its order.
using control_watcher = caf::typed_actor<caf::reacts_to<atom::events, control::facts>>;

/// CONTROL is the door to the control log.
using control_actor = caf::typed_actor<
  // Decides a command. The answer comes when it is committed and applied on this node, or with the code of its refusal;
  // `no_quorum` when it is not known in time whether it was.
  caf::replies_to<atom::propose, cluster::command>::with<cluster::outcome>,
  // Who owns this environment; when nobody does, somebody is made its owner first.
  caf::replies_to<atom::own, std::string>::with<ownership>,
  // What was put of this environment version (key, version), encoded; error unknown_environment.
  caf::replies_to<atom::find, std::string, std::string>::with<bytes>,
  // The members of the cluster.
  caf::replies_to<atom::list>::with<std::vector<member_row>>,
  // Tells this watcher all that holds now, then what changes. It ends with the watcher.
  caf::reacts_to<atom::watch, control_watcher>>;

/// The SWITCHBOARD hears other nodes. It is the one that knows which local actor a number or key means.
using switchboard_actor = caf::typed_actor<
  // From a link: what this node said, in its order.
  caf::reacts_to<atom::events, node_uuid, link::messages>,
  // From a link: the node (and which of its starts) is there, or gone, with the reason.
  caf::reacts_to<atom::up, node_uuid, std::uint64_t>, caf::reacts_to<atom::down, node_uuid, std::string>>;

/// A PEER is the door to another node, for as long as the link to it lives; its end is the end of that node, as far as we
/// can tell.
using peer_actor = caf::typed_actor<
  // Says these. When too much waits for a slow node, the peer ends with `overloaded`: nothing is lost in between.
  caf::reacts_to<atom::send, link::messages>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::ownership)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::bytes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::member_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::control::facts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cluster::command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cluster::outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::node_uuid)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::link::messages)
