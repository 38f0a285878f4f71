#pragma once

#include "core/bytes.hpp"
#include "core/ids.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace hearth::cluster {

/// Between two nodes there is a connection for each: none waits behind another one's bytes.
enum class channel : std::uint8_t { control, calls, bulk };

inline constexpr std::size_t channels = 3;

/// Frames between this node and its peers. A frame arrives once, whole, and after those that were sent before it on the same
/// channel, or not at all; what was sent before `on_down` and has not arrived is lost. One thread.
class transport {
public:
  /// What happens on the link. None of these functions is called from a function of the transport; all may call any.
  class observer {
  public:
    /// The peer is there, on all channels of this transport. `incarnation` is higher than before if its process is another.
    virtual void on_up(node_uuid peer, std::uint64_t incarnation) = 0;

    /// The frame may be kept.
    virtual void on_frame(node_uuid peer, channel on, bytes frame) = 0;

    /// A channel that refused a frame since `on_up` has written all that it had.
    virtual void on_room(node_uuid, channel) {}

    /// The link to the peer has ended. `reason` continues a sentence about the peer. Once for each `on_up`.
    virtual void on_down(node_uuid peer, std::uint64_t incarnation, const std::string& reason) = 0;

    /// After `on_down`: the peer's host has answered that nobody listens there any more, so the process with this incarnation
    /// is gone. At most once for each `on_down`; never for a host that does not answer.
    virtual void on_gone(node_uuid, std::uint64_t) {}

  protected:
    ~observer() = default;
  };

  virtual ~transport() = default;

  /// Sends `parts` as one frame. False, and nothing is sent: the peer is not up, the channel holds what it may hold already,
  /// or the frame is larger than the channel's limit.
  virtual bool send(node_uuid to, channel on, std::span<const bytes> parts) = 0;

  bool send(node_uuid to, channel on, const bytes& frame) { return send(to, on, std::span(&frame, 1)); }

  /// Ends the link to a peer, if there is one; it may come up again. `on_down` follows.
  virtual void drop(node_uuid peer, const std::string& reason) = 0;
};

} // namespace hearth::cluster
