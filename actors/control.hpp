#pragma once

#include "actors/app_rows.hpp"
#include "actors/interfaces.hpp"
#include "actors/link_messages.hpp"
#include "actors/stores.hpp"
#include "cluster/commands.hpp"

#include <caf/all.hpp>

#include <optional>
#include <string>
#include <vector>

/// The doors of a node to its cluster: CONTROL to what the control log decides, PEERs to the other nodes.
namespace hearth {

namespace atom {
using propose = caf::atom_constant<caf::atom("propose")>;
using done = caf::atom_constant<caf::atom("done")>;
using send = caf::atom_constant<caf::atom("send")>;
using up = caf::atom_constant<caf::atom("up")>;
using down = caf::atom_constant<caf::atom("down")>;
using token = caf::atom_constant<caf::atom("token")>;
using backup = caf::atom_constant<caf::atom("backup")>;
using ask = caf::atom_constant<caf::atom("ask")>;
using lost = caf::atom_constant<caf::atom("lost")>;
using ping = caf::atom_constant<caf::atom("ping")>;
} // namespace atom

/// Hears what the control log decides, in its order.
using control_watcher = caf::typed_actor<caf::reacts_to<atom::events, control::facts>>;

/// CONTROL is the door to the control log.
using control_actor = caf::typed_actor<
  // Decides a command. The answer comes when it is committed and applied on this node, or with the code of its refusal;
  // `no_quorum` when it never was and never will be, `undecided` when that is not known in time.
  caf::replies_to<atom::propose, cluster::command>::with<cluster::outcome>,
  // Answers when this node knows everything that was decided before the question; with `no_quorum` where no majority of the
  // voters is reached, so that nobody can tell.
  caf::replies_to<atom::read>::with<cluster::outcome>,
  // Who owns this environment; when nobody does, somebody is made its owner first. An error while this node may not act for
  // the cluster, or when that is not known in time.
  caf::replies_to<atom::own, std::string>::with<ownership>,
  // What was put of this environment version (key, version), encoded; error unknown_environment.
  caf::replies_to<atom::find, std::string, std::string>::with<bytes>,
  // The members of the cluster.
  caf::replies_to<atom::list>::with<std::vector<member_row>>,
  // The tokens of remote clients, by their names.
  caf::replies_to<atom::token>::with<std::vector<cluster::token_record>>,
  // Whether this node may act for the cluster.
  caf::replies_to<atom::status>::with<control::standing>,
  // Tells this watcher all that holds now, then what changes. It ends with the watcher.
  caf::reacts_to<atom::watch, control_watcher>>;

/// A token for remote clients, as an operator wants it.
struct wanted_token {
  std::string name; // empty: one is made
  std::vector<std::string> scopes;
  std::optional<milliseconds> valid; // none: it does not end
};

/// The REGISTRAR does what an operator wants of one member of the cluster alone.
using registrar_actor = caf::typed_actor<
  // A token with which one machine may join within this time; `not_permitted` where the authority's key is not.
  caf::replies_to<atom::token, milliseconds>::with<std::string>,
  // A token with which remote clients come; it is good when this is answered.
  caf::replies_to<atom::token, wanted_token>::with<std::string>,
  // Copies the control log into this file of the node's machine; what was done, as a sentence.
  caf::replies_to<atom::backup, std::string>::with<std::string>>;

/// What a session knows of the cluster of its node.
struct session_cluster {
  std::string name; // empty: the node belongs to none
  node_uuid id, self;
  control_actor control;
  registrar_actor registrar; // where `name` is not empty
};

/// A PEER is the door to another node, for as long as the link to it lives; its end is the end of that node, as far as we
/// can tell.
using peer_actor = caf::typed_actor<
  // Says these. When too much waits for a slow node, the peer ends with `overloaded`: nothing is lost in between.
  caf::reacts_to<atom::send, link::messages>,
  // So many echoes of the other node's transport, one after another: how long each took, in ns.
  caf::replies_to<atom::ping, std::uint32_t>::with<std::vector<std::uint64_t>>>;

/// The GATE is what a session, run keeper or replica of this node knows of an environment of a cluster: a supervisor whose
/// owner may be this node or another one, and may change. It is the caller of what it hands on.
using gate_actor = supervisor_actor::extend<
  // Facts from the owner, or straight from the node where a call ran.
  caf::reacts_to<atom::replies, std::vector<call_reply>>,
  // Output; it goes to `call::output`, never to a gate.
  caf::reacts_to<atom::logged, std::vector<log_text>>,
  // From the SWITCHBOARD: this owns the environment from now on (without a node: nobody does).
  caf::reacts_to<atom::own, ownership>,
  // From the SWITCHBOARD: this node can be spoken to, or not any more.
  caf::reacts_to<atom::up, node_uuid>, caf::reacts_to<atom::down, node_uuid, std::string>,
  // From the SWITCHBOARD: these calls of the epoch (none named: all) are not open at their owner.
  caf::reacts_to<atom::lost, epoch, std::vector<call_id>, std::string>>;

/// Who hears what other nodes say of replicas and of what they have free, and which of them come and go: the AGENT.
using node_listener =
  caf::typed_actor<caf::reacts_to<atom::events, node_uuid, link::messages>, caf::reacts_to<atom::up, node_uuid>,
                   caf::reacts_to<atom::down, node_uuid, std::string>>;

/// The AGENT as the cluster knows it.
using node_agent_actor = agent_actor::extend<
  // From the SWITCHBOARD: what another node said of replicas and of what it has free.
  caf::reacts_to<atom::events, node_uuid, link::messages>,
  // From the SWITCHBOARD: another node can be spoken to, or not any more.
  caf::reacts_to<atom::up, node_uuid>, caf::reacts_to<atom::down, node_uuid, std::string>,
  // From the CONTROL.
  caf::reacts_to<atom::events, control::facts>,
  // INTERNAL: others are told what is free.
  caf::reacts_to<atom::report>>;

/// Who answers what its like on another node asks.
using asked_actor = caf::typed_actor<caf::replies_to<atom::ask, link::ask>::with<link::answer>>;

/// Who tells what this node knows of apps: the APP DIRECTORY.
using app_lister_actor = caf::typed_actor<
  // What this node knows of each.
  caf::replies_to<atom::list>::with<std::vector<app_part>>,
  // What is deployed under "project/domain/name"; error unknown_environment.
  caf::replies_to<atom::find, std::string>::with<spec_ptr>>;

/// The actors of this node that the SWITCHBOARD connects with others.
struct node_parts {
  agent_actor agent;
  run_keeper_actor run_keeper;
  journal_actor journal;
  bundles_actor bundles;
  logs_actor logs;
  blobs_actor blobs;
  records_actor records;
  node_listener replicas; // may be empty: then nothing of that kind is heard
  inspector_actor inspector{};
  asked_actor cache{}; // the CACHE
  app_lister_actor apps{};
};

namespace link {

/// What each member of the cluster answered to one question; with the error `node_lost` for one that did not in time.
struct member_answers {
  struct item {
    member_row from;
    answer what;
  };

  std::vector<item> items;
};

} // namespace link

/// The SWITCHBOARD hears other nodes and speaks to them. It is the one that knows which local actor a number or key means.
using switchboard_actor = caf::typed_actor<
  // From the node, once: whom it connects.
  caf::reacts_to<atom::attach, node_parts>,
  // From a link: what this node said, in its order.
  caf::reacts_to<atom::events, node_uuid, link::messages>,
  // From a link: the node (and which of its starts) is there, behind this door; or gone, with the reason. The end of the
  // door says it too.
  caf::reacts_to<atom::up, node_uuid, std::uint64_t, peer_actor>, caf::reacts_to<atom::down, node_uuid, std::string>,
  // From the CONTROL.
  caf::reacts_to<atom::events, control::facts>,
  // From anybody here: says these to that node; callers are `here`. To a node that is not there they are dropped, as its
  // end has been told.
  caf::reacts_to<atom::send, node_uuid, link::messages>,
  // From a GATE: opens an environment at its owner; whether it is new there. `node_lost` when the node goes.
  caf::replies_to<atom::open, node_uuid, link::open_environment>::with<bool>,
  // Asks a node (this one as well) something; its failure is the error. `node_lost` when it goes or does not answer in this
  // time (0: it may take any time).
  caf::replies_to<atom::ask, node_uuid, link::ask, milliseconds>::with<link::answer>,
  // As a PEER's, of that node; `node_lost` when it goes.
  caf::replies_to<atom::ping, node_uuid, std::uint32_t>::with<std::vector<std::uint64_t>>,
  // Asks all members of the cluster the same.
  caf::replies_to<atom::ask, link::ask, milliseconds>::with<link::member_answers>,
  // A GATE hears from now on who owns this environment, and which nodes go.
  caf::reacts_to<atom::watch, std::string, gate_actor>,
  // INTERNAL: says what the turn has gathered ...
  caf::reacts_to<atom::tick>,
  // INTERNAL: ... and gives up questions.
  caf::reacts_to<atom::retry, std::uint64_t>>;

} // namespace hearth

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::ownership)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::app_part>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::bytes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::member_row>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::cluster::token_record>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::wanted_token)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::control::standing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::link::member_answers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cluster::command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::cluster::outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::node_uuid)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::link::messages)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::link::ask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::link::answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::link::open_environment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::node_parts)
