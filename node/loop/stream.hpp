#pragma once

#include "core/bytes.hpp"
#include "node/loop/byte_channel.hpp"
#include "node/loop/frame_splitter.hpp"
#include "node/loop/loop.hpp"
#include "node/loop/output_queue.hpp"

#include <kj/async-unix.h>
#include <kj/io.h>

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth {

/// Frames over a connected stream socket, on a loop. Reading and writing never block; what is written goes out at the
/// end of the turn, in one system call where the socket takes it. Loop thread only.
class frame_stream {
public:
  /// Who owns a stream. Any of these functions may destroy the stream; none is called from a function of the stream.
  class owner {
  public:
    /// What has arrived, complete frames in order, never none. The slices may be moved out; the vector is the stream's.
    virtual void on_frames(std::vector<bytes>& frames) = 0;

    /// The connection is over, called once, after all frames that came before. `reason` continues a sentence about the
    /// peer ("sent a frame of ..."); it is empty when the peer closed between two frames. What was not written is lost.
    virtual void on_end(const std::string& reason) = 0;

    /// The queue is empty again after a flush that had left something: the socket took no more, or the turn was over; or
    /// after somebody asked to be told.
    virtual void on_drained() {}

  protected:
    ~owner() = default;
  };

  /// Takes the descriptor of a stream socket. Reading begins with the next turn. `loop` and `owner` must outlive the
  /// stream. Throws kj::Exception when the descriptor cannot be observed.
  frame_stream(work_loop& loop, kj::AutoCloseFd fd, owner& owner);

  /// The same with frames of another kind, over a channel that reads and writes `fd`. `frames` must outlive the stream.
  frame_stream(work_loop& loop, kj::AutoCloseFd fd, std::unique_ptr<byte_channel> channel, const framing& frames,
               owner& owner);
  frame_stream(const frame_stream&) = delete;
  frame_stream& operator=(const frame_stream&) = delete;

  int fd() const noexcept { return fd_.get(); }

  // Writing. Bytes, of which the caller makes frames; after the end of the connection they are dropped.

  /// Appends what `fill(std::string& out)` appends to `out`: encodes without a copy.
  template <class Fill>
  void write_with(Fill&& fill);
  void write(std::string_view text);
  /// Large memory is shared until it is written, small is copied.
  void write(bytes memory);

  /// Written here, not yet to the socket. The owner keeps it within bounds.
  std::size_t queued_bytes() const noexcept { return output_.bytes_queued() + channel_->bytes_held(); }

  /// The owner waits for an empty queue: it hears of it once, also when the socket takes everything at once.
  void tell_when_drained() {
    owes_drained_ = true;
    flush_hook_.arm();
  }

  /// Writes now what the socket takes, without waiting for the end of the turn: for a last word before the stream is
  /// destroyed. True when nothing is left.
  bool flush();

  /// Stops reading: the peer feels it when the socket's buffers are full. A frame or a batch that was read already is
  /// still delivered, and the end of the connection is noticed all the same.
  void pause_reading() noexcept { paused_ = true; }
  void resume_reading();

  /// From now on a turn reads no more than this, in bytes, of what is not worth a turn's time.
  void read_at_most(std::size_t bytes) noexcept { turn_bytes_max_ = bytes; }

private:
  enum class progress { drained, more, over };

  /// Observes the socket's other direction only while it is wanted: an observer for writing would wake the loop each
  /// time the peer reads.
  struct write_observer {
    kj::AutoCloseFd fd; // a duplicate, because a descriptor can be observed once
    kj::UnixEventPort::FdObserver observer;
    bool waiting = true;
    kj::Promise<void> ready = nullptr;

    write_observer(kj::UnixEventPort& port, int socket);
  };

  void read();
  progress fill(std::vector<bytes>& frames);
  void await_readable();
  void await_writable();
  bool push();
  void flush_turn();
  void stop_writing(std::string reason);
  void end_with(std::string reason);

  work_loop& loop_;
  owner& owner_;
  kj::AutoCloseFd fd_;
  std::unique_ptr<byte_channel> channel_;
  kj::UnixEventPort::FdObserver observer_; // gone before the descriptor is closed
  frame_splitter splitter_;
  output_queue output_;
  turn_hook read_hook_;
  turn_hook flush_hook_;
  std::optional<write_observer> blocked_; // set: the socket takes no more
  bool owes_drained_ = false;             // `on_drained` is to be called
  bool paused_ = false;
  std::size_t turn_bytes_max_ = std::numeric_limits<std::size_t>::max();
  bool unread_ = false; // while paused: the socket may hold something
  bool gone_ = false;   // the peer is gone: read what is left, paused or not
  bool ended_ = false;
  std::optional<std::string> end_; // the reason to be delivered
  std::string write_error_;
  kj::Promise<void> readable_ = nullptr;
  kj::Promise<void> hung_up_ = nullptr;
};

template <class Fill>
void frame_stream::write_with(Fill&& fill) {
  if (ended_ || gone_)
    return;
  output_.append_with(std::forward<Fill>(fill));
  flush_hook_.arm();
}

} // namespace hearth
