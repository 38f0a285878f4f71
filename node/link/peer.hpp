#pragma once

#include "actors/control.hpp"
#include "cluster/transport.hpp"
#include "node/wire/link_codec.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace hearth::node {

/// What one node says to one other over a transport, and hears from it, for as long as one link lives. Shared by the PEER,
/// which says, and the board, which hears. Loop thread only.
class peer_line {
public:
  peer_line(cluster::transport& transport, node_uuid peer) : transport_(&transport), peer_(peer) {}

  /// Ends the link with a reason when too much waits.
  void say(link::messages what);
  /// A channel takes more.
  void go_on(cluster::channel on);
  /// Empty: no fault.
  std::string hear(cluster::channel on, const bytes& frame, link::messages& complete);
  /// So many echoes of the other transport, each sent when the one before is back. `done` gets what each took, in ns, or why
  /// not all of them came.
  using echoed = std::function<void(const failure& why_not, std::vector<std::uint64_t> times)>;
  void ping(std::uint32_t count, echoed done);
  /// Every `defaults::link_look_interval`: asks a peer that says nothing for an echo, and ends the link when that does not come.
  void look();
  /// The link has ended: nothing is said any more.
  void close();

private:
  struct moving {
    wire::link_transfer what;
    std::uint64_t sent = 0;
  };

  struct echoes {
    std::uint32_t count = 0;
    std::vector<std::uint64_t> times;
    echoed done;
  };

  void send_echo(wire::link_echo what);
  void ask_for_echo();
  std::string hear_echo(wire::link_echo what);
  void write_calls();
  void write_chunks();
  void end(const std::string& why);

  cluster::transport* transport_; // null when closed
  node_uuid peer_;
  wire::link_encoder encoder_;
  wire::link_assembler assembler_;
  std::deque<std::vector<bytes>> waiting_; // frames that the channel did not take yet
  std::size_t waiting_bytes_ = 0;
  std::deque<moving> beside_; // each has a chunk in its turn
  std::uint64_t beside_bytes_ = 0;
  std::deque<echoes> pings_; // the first is under way
  int silent_looks_ = 0;     // since something was heard, or taken
  std::uint64_t echo_ = 0;   // number of the one that was asked for last
  std::chrono::steady_clock::time_point asked_at_;
};

/// Between a transport and the SWITCHBOARD: for each link a PEER, that the switchboard speaks to, and what comes over it for
/// the switchboard. Outlives the transport, which is told to it once it is made; both on one loop.
class peer_board final : public cluster::transport::observer {
public:
  /// `system` outlives it.
  peer_board(caf::actor_system& system, switchboard_actor switchboard);
  ~peer_board();

  peer_board(const peer_board&) = delete;
  peer_board& operator=(const peer_board&) = delete;

  /// Before the first link.
  void attach(cluster::transport& transport) { transport_ = &transport; }

  void on_up(node_uuid peer, std::uint64_t incarnation) override;
  void on_frame(node_uuid peer, cluster::channel on, bytes frame) override;
  void on_room(node_uuid peer, cluster::channel on) override;
  void on_down(node_uuid peer, std::uint64_t incarnation, const std::string& reason) override;

  /// Looks at every peer; see peer_line::look.
  void look();

private:
  struct line {
    std::shared_ptr<peer_line> state;
    peer_actor door;
  };

  void end(line& l);

  caf::actor_system& system_;
  switchboard_actor switchboard_;
  cluster::transport* transport_ = nullptr;
  std::map<node_uuid, line> lines_;
};

} // namespace hearth::node
