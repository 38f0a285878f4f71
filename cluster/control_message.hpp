#pragma once

#include "cluster/commands.hpp"
#include "cluster/raft_types.hpp"

#include <string>
#include <variant>
#include <vector>

/// What nodes say to each other on the control stream of their link, and what an entry of the log carries. The twin of
/// schema/control_message.capnp.
namespace hearth::cluster {

/// A command and who waits for its outcome: the data of an entry of the log. Every node sees it applied, and the one whose
/// submission it is answers.
struct submission {
  node_uuid origin;         // none: nobody waits
  std::uint64_t number = 0; // unique among all submissions of the origin
  command order;

  bool operator==(const submission&) const = default;
};

namespace messages {

/// To the leader: into the log with it.
struct submit {
  std::uint64_t number = 0;
  command order;

  bool operator==(const submit&) const = default;
};

/// From the leader: this one was not written, for the reason in `result`. `retry`: no leader here, or not now.
struct turned_down {
  std::uint64_t number = 0;
  bool retry = false;
  outcome result;

  bool operator==(const turned_down&) const = default;
};

/// To the leader: how far must a state be to answer what is asked now?
struct ask_index {
  std::uint64_t number = 0;

  bool operator==(const ask_index&) const = default;
};

struct tell_index {
  std::uint64_t number = 0;
  log_index index = 0;

  bool operator==(const tell_index&) const = default;
};

/// To the leader, twice a second.
struct heartbeat {
  seat_id seat;
  std::uint64_t number = 0;      // counted by the sender, from 1 in each process
  log_index applied = 0;         // its state is this far
  std::uint64_t loop_lag_ms = 0; // how late its work loop is
  std::uint64_t renew_seen = 0;  // highest number of its own that it found in the log
  std::vector<node_uuid> reach;  // nodes to which its link is up

  bool operator==(const heartbeat&) const = default;
};

} // namespace messages

using control_message = std::variant<raft::message, messages::submit, messages::turned_down, messages::ask_index,
                                     messages::tell_index, messages::heartbeat>;

} // namespace hearth::cluster
