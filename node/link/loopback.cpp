#include "node/link/loopback.hpp"

#include "node/link/wire.hpp"

#include <algorithm>
#include <utility>

namespace hearth::node {

namespace {

bytes one_frame(std::span<const bytes> parts, std::size_t length) {
  if (parts.size() == 1)
    return parts.front();
  std::string all;
  all.reserve(length);
  for (const auto& part : parts)
    all += part.view();
  return bytes::copy_of(all);
}

} // namespace

// -- the hub ----

void loopback_hub::post(message m) {
  messages_.push_back(std::move(m));
  hook_.arm();
}

void loopback_hub::join(loopback_transport& node) {
  for (const auto& [other, transport] : nodes_) {
    post({message::what::up, node.self_, other, transport->incarnation_, {}, {}, {}});
    post({message::what::up, other, node.self_, node.incarnation_, {}, {}, {}});
  }
  nodes_.emplace(node.self_, &node);
}

void loopback_hub::leave(loopback_transport& node) {
  nodes_.erase(node.self_);
  for (const auto& [other, transport] : nodes_) {
    post({message::what::down, other, node.self_, node.incarnation_, {}, {}, "ended"});
    post({message::what::gone, other, node.self_, node.incarnation_, {}, {}, {}});
  }
}

void loopback_hub::deliver() {
  for (auto count = messages_.size(); count > 0 && !messages_.empty(); --count) {
    auto m = std::move(messages_.front());
    messages_.pop_front();
    if (const auto to = nodes_.find(m.to); to != nodes_.end())
      to->second->hear(m);
  }
}

// -- a node ----

loopback_transport::loopback_transport(loopback_hub& hub, node_uuid self, std::uint64_t incarnation, observer& observer)
  : hub_(hub), self_(self), incarnation_(incarnation), observer_(observer) {
  hub_.join(*this);
}

loopback_transport::~loopback_transport() { hub_.leave(*this); }

bool loopback_transport::send(node_uuid to, channel on, std::span<const bytes> parts) {
  const auto found = up_.find(to);
  if (found == up_.end())
    return false;
  std::size_t length = 0;
  for (const auto& part : parts)
    length += part.size();
  auto& lane = found->second.lanes[static_cast<std::size_t>(on)];
  if (length > link_frame_bytes_max(on))
    return false;
  if (lane.queued_bytes > 0 && lane.queued_bytes + length > link_queue_bytes_max(on)) {
    lane.was_full = true;
    return false;
  }
  lane.queued_bytes += length;
  hub_.post({loopback_hub::message::what::frame, to, self_, incarnation_, on, one_frame(parts, length), {}});
  return true;
}

void loopback_transport::drop(node_uuid peer, const std::string& reason) {
  const auto found = up_.find(peer);
  if (found == up_.end())
    return;
  using what = loopback_hub::message::what;
  const auto incarnation = found->second.incarnation;
  hub_.post({what::down, self_, peer, incarnation, {}, {}, reason});
  hub_.post({what::down, peer, self_, incarnation_, {}, {}, "closed the connection"});
  hub_.post({what::up, self_, peer, incarnation, {}, {}, {}});
  hub_.post({what::up, peer, self_, incarnation_, {}, {}, {}});
}

void loopback_transport::hear(loopback_hub::message& m) {
  using what = loopback_hub::message::what;
  const auto known = up_.find(m.from);
  switch (m.kind) {
    case what::up:
      if (known == up_.end() && hub_.nodes_.contains(m.from)) {
        up_[m.from].incarnation = m.incarnation;
        observer_.on_up(m.from, m.incarnation);
      }
      return;
    case what::down:
      if (known != up_.end() && known->second.incarnation == m.incarnation) {
        up_.erase(known);
        observer_.on_down(m.from, m.incarnation, m.reason);
      }
      return;
    case what::gone:
      return observer_.on_gone(m.from, m.incarnation);
    case what::frame:
      break;
  }
  // The sender's room comes back first, so that who answers from within on_frame finds it.
  const auto sender = hub_.nodes_.find(m.from);
  if (sender != hub_.nodes_.end()) {
    if (const auto me = sender->second->up_.find(self_); me != sender->second->up_.end()) {
      auto& lane = me->second.lanes[static_cast<std::size_t>(m.on)];
      lane.queued_bytes -= std::min(lane.queued_bytes, m.frame.size());
      if (lane.queued_bytes == 0 && std::exchange(lane.was_full, false))
        sender->second->observer_.on_room(self_, m.on);
    }
  }
  if (up_.contains(m.from))
    observer_.on_frame(m.from, m.on, std::move(m.frame));
}

} // namespace hearth::node
