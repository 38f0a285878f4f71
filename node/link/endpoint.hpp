#pragma once

#include "cluster/transport.hpp"
#include "node/link/peer_link.hpp"
#include "node/loop/loop.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::node {

/// The links of a node over TLS, for the channels that one loop serves: control on the control loop, calls and bulk on the work
/// loop. A peer is up while all of these channels are. Loop thread only, but for `adopt`.
class link_endpoint final : public cluster::transport {
public:
  struct config {
    link_self self;
    std::vector<channel> channels; // without repetition
    std::shared_ptr<const tls_context> dialing;
    std::function<void(std::string_view)> warn; // sentences for the log, already thinned out
    /// A peer knows a later or another process of this node, which has to end: `sentence` continues one about it.
    std::function<void(const std::string& sentence)> on_old_copy;
  };

  /// `loop` and `observer` outlive the endpoint.
  link_endpoint(work_loop& loop, config config, observer& observer);
  ~link_endpoint() override;

  /// A member, and where it listens: from now on it is dialed, or let in. May be told again, with another address.
  void set_peer(node_uuid peer, const link_address& address);

  /// No member any more: its links end at once, and it is let in no more.
  void remove_peer(node_uuid peer, const std::string& reason);

  /// A connection that a gate has let in, of one of our channels. Any thread. It is closed when the peer is not known here.
  void adopt(arrived connection);

  /// For a certificate that was renewed: holds for connections that are dialed from now on.
  void use(std::shared_ptr<const tls_context> dialing) { terms_.dialing = std::move(dialing); }

  using cluster::transport::send;
  bool send(node_uuid to, channel on, std::span<const bytes> parts) override;
  void drop(node_uuid peer, const std::string& reason) override;

  bool is_up(node_uuid peer) const;
  std::size_t queued_bytes(node_uuid peer, channel on) const;
  /// Connections and attempts that came to nothing.
  std::uint64_t troubles() const noexcept { return terms_.troubles.total(); }

private:
  struct ended {
    node_uuid peer;
    std::uint64_t incarnation = 0;
    std::string reason;
  };

  void take(arrived connection);
  void tell_ended();

  link_terms terms_;
  std::map<node_uuid, std::unique_ptr<peer_link>> peers_;
  std::vector<ended> ended_;                        // to be told in the next turn
  std::vector<std::unique_ptr<peer_link>> retired_; // which may be what called us
  turn_hook hook_;
  std::shared_ptr<link_endpoint*> self_; // null for what is posted after our end
};

} // namespace hearth::node
