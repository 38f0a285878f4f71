#include "node/link/endpoint.hpp"

#include <algorithm>
#include <utility>

namespace hearth::node {

link_endpoint::link_endpoint(work_loop& loop, config config, observer& observer)
  : terms_{loop,
           config.self,
           std::move(config.channels),
           std::move(config.dialing),
           observer,
           complaints(std::move(config.warn)),
           std::move(config.on_old_copy),
           std::minstd_rand(static_cast<std::uint32_t>(config.self.process | 1))},
    hook_(loop.reading(), [this] { tell_ended(); }), self_(std::make_shared<link_endpoint*>(this)) {}

link_endpoint::~link_endpoint() { *self_ = nullptr; }

void link_endpoint::set_peer(node_uuid peer, const link_address& address) {
  if (peer == terms_.self.node)
    return;
  auto& link = peers_[peer];
  if (!link)
    link = std::make_unique<peer_link>(terms_, peer);
  link->set_address(address);
}

void link_endpoint::remove_peer(node_uuid peer, const std::string& reason) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  auto link = std::move(found->second);
  peers_.erase(found);
  if (link->retire())
    ended_.push_back({peer, link->incarnation(), reason});
  retired_.push_back(std::move(link));
  hook_.arm();
}

void link_endpoint::drop(node_uuid peer, const std::string& reason) {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || !found->second->is_up())
    return;
  found->second->close();
  ended_.push_back({peer, found->second->incarnation(), reason});
  hook_.arm();
}

void link_endpoint::tell_ended() {
  retired_.clear();
  for (const auto& gone : std::exchange(ended_, {}))
    terms_.observer.on_down(gone.peer, gone.incarnation, gone.reason);
}

void link_endpoint::adopt(arrived connection) {
  if (terms_.loop.on_loop())
    return take(std::move(connection));
  terms_.loop.post([self = self_, shared = std::make_shared<arrived>(std::move(connection))] {
    if (*self)
      (*self)->take(std::move(*shared));
  });
}

void link_endpoint::take(arrived connection) {
  const auto on = channel_of(connection.kind);
  const auto found = connection.peer ? peers_.find(connection.peer->node) : peers_.end();
  if (found == peers_.end())
    return terms_.troubles.note(connection.address, "was closed: this node does not know the peer yet, or no longer");
  if (!on || std::find(terms_.channels.begin(), terms_.channels.end(), *on) == terms_.channels.end())
    return terms_.troubles.note(connection.address, "was closed: it belongs to another loop");
  found->second->adopt(std::move(connection));
}

bool link_endpoint::send(node_uuid to, channel on, std::span<const bytes> parts) {
  const auto found = peers_.find(to);
  return found != peers_.end() && found->second->send(on, parts);
}

bool link_endpoint::is_up(node_uuid peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second->is_up();
}

std::size_t link_endpoint::queued_bytes(node_uuid peer, channel on) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? 0 : found->second->queued_bytes(on);
}

} // namespace hearth::node
