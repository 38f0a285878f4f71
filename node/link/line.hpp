#pragma once

#include "node/link/tls.hpp"
#include "node/link/wire.hpp"
#include "node/loop/stream.hpp"

#include <kj/io.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hearth::node {

/// One connection with a peer whose certificate is known: hellos, agreement, then frames of one channel. Loop thread only.
class line final : private frame_stream::owner {
public:
  /// Any of these may destroy the line.
  class owner {
  public:
    /// The peer's first frame: to be answered with `agree` or `refuse`.
    virtual void on_hello(line& from, const link_hello& hello) = 0;
    /// The peer agrees with ours.
    virtual void on_agreed(line& from) = 0;
    /// The peer does not. The line is of no further use.
    virtual void on_refused(line& from, const link_refusal& why) = 0;
    virtual void on_frame(line& from, bytes content) = 0;
    virtual void on_room(line& from) = 0;
    /// Called once, last, and not after `on_refused`. `reason` continues a sentence about the peer.
    virtual void on_end(line& from, const std::string& reason) = 0;

  protected:
    ~owner() = default;
  };

  /// Sends `hello`. `loop` and `owner` outlive the line. Throws kj::Exception.
  line(work_loop& loop, kj::AutoCloseFd socket, std::unique_ptr<tls_channel> tls, channel on, const link_hello& hello,
       owner& owner);

  channel on() const noexcept { return on_; }

  void agree();
  /// Tells the peer why, as far as its socket takes it. The line is of no further use.
  void refuse(const link_refusal& why);

  /// The peer has said hello.
  bool has_greeted() const noexcept { return has_greeted_; }

  /// Both agree.
  bool is_agreed() const noexcept { return agreed_ && peer_agreed_; }

  /// From now on frames go both ways. Until then those that come are held, and no more are read.
  void open();

  /// Once open. False: what waits is as much as may wait, or the frame is too long.
  bool send(std::span<const bytes> parts);

  std::size_t queued_bytes() const noexcept { return stream_.queued_bytes(); }

private:
  void on_frames(std::vector<bytes>& frames) override;
  void on_end(const std::string& reason) override;
  void on_drained() override;

  void take(bytes content);
  void take_refusal(const bytes& content);
  void give_held();

  owner& owner_;
  const channel on_;
  const tls_channel& tls_;   // the stream's
  bool has_greeted_ = false; // the peer
  bool agreed_ = false;      // we with the peer's hello
  bool peer_agreed_ = false;
  bool is_open_ = false;
  bool was_full_ = false; // a frame was refused
  std::shared_ptr<void> alive_ = std::make_shared<int>(0);
  std::vector<bytes> held_;
  turn_hook held_hook_;
  loop_timer deadline_;
  frame_stream stream_;
};

} // namespace hearth::node
