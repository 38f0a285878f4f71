#pragma once

#include "cluster/transport.hpp"
#include "node/loop/loop.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hearth::node {

class loopback_transport;

/// Nodes of one process, on one loop, that reach each other without a socket: what one sends in a turn the other hears in the
/// next. The same promises as over a network. Loop thread only.
class loopback_hub {
public:
  /// `loop` outlives the hub.
  explicit loopback_hub(work_loop& loop) : loop_(loop), hook_(loop.reading(), [this] { deliver(); }) {}

private:
  friend class loopback_transport;

  struct message {
    enum class what { up, frame, down, gone } kind;
    node_uuid to;
    node_uuid from;
    std::uint64_t incarnation = 0;
    cluster::channel on = cluster::channel::control;
    bytes frame;
    std::string reason;
  };

  void join(loopback_transport& node);
  void leave(loopback_transport& node);
  void post(message m);
  void deliver();

  work_loop& loop_;
  std::map<node_uuid, loopback_transport*> nodes_;
  std::deque<message> messages_;
  turn_hook hook_;
};

/// One node of a hub: up for all others as long as it lives.
class loopback_transport final : public cluster::transport {
public:
  /// `hub` and `observer` outlive it. No other node of the hub has the same uuid.
  loopback_transport(loopback_hub& hub, node_uuid self, std::uint64_t incarnation, observer& observer);
  ~loopback_transport() override;

  using cluster::transport::send;
  bool send(node_uuid to, cluster::channel on, std::span<const bytes> parts) override;
  /// The peers are down for each other, and up again at once.
  void drop(node_uuid peer, const std::string& reason) override;

private:
  friend class loopback_hub;

  struct lane {
    std::size_t queued_bytes = 0;
    bool was_full = false;
  };
  struct peer {
    std::uint64_t incarnation = 0;
    std::array<lane, cluster::channels> lanes;
  };

  void hear(loopback_hub::message& m);

  loopback_hub& hub_;
  const node_uuid self_;
  const std::uint64_t incarnation_;
  observer& observer_;
  std::map<node_uuid, peer> up_; // those of which the observer knows
};

} // namespace hearth::node
