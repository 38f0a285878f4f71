#pragma once

#include "actors/interfaces.hpp"
#include "actors/link_messages.hpp"
#include "cluster/commands.hpp"

#include <caf/all.hpp>

#include <string>
#include <vector>

/// The doors of a node to its cluster: CONTROL to what the control log decides, PEERs to the other nodes.
namespace hearth {

namespace atom {
using propose = caf::atom_constant<caf::atom("propose")>;
using own = caf::atom_constant<caf::atom("own")>;
using done = caf::atom_constant<caf::atom("done")>;
using send = caf::atom_constant<caf::atom("send")>;
using up = caf::atom_constant<caf::atom("up")>;
using down = caf::atom_constant<caf::atom("down")>;
using token = caf::atom_constant<caf::atom("token")>;
using backup = caf::atom_constant<caf::atom("backup")>;
} // namespace atom

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
  // Whether this node may act for the cluster.
  caf::replies_to<atom::status>::with<control::standing>,
  // Tells this watcher all that holds now, then what changes. It ends with the watcher.
  caf::reacts_to<atom::watch, control_watcher>>;

/// The REGISTRAR does what an operator wants of one member of the cluster alone.
using registrar_actor = caf::typed_actor<
  // A token with which one machine may join within this time; `not_permitted` where the authority's key is not.
  caf::replies_to<atom::token, milliseconds>::with<std::string>,
  // Copies the control log into this file of the node's machine; what was done, as a sentence.
  caf::replies_to<atom::backup, std::string>::with<std::string>>;

/// What a session knows of the cluster of its node.
struct session_cluster {
  std::string name; // empty: the node belongs to none
  node_uuid id, self;
  control_actor control;
  registrar_actor registrar; // where `name` is not empty
};

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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::control::standing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cluster::command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cluster::outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::node_uuid)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::link::messages)
