#pragma once

#include "core/defaults.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <sys/types.h>
#include <sys/uio.h>

namespace hearth {

/// What a frame_stream reads from and writes to: a connected stream socket, as it is or with encryption on top. Nothing here
/// blocks. The channel does not own the descriptor, which must outlive it. Loop thread only.
class byte_channel {
public:
  virtual ~byte_channel() = default;

  /// Reads into `parts` like recvmsg: how many bytes came, 0 at the end of the connection, -1 with errno (EAGAIN: nothing is
  /// there). `end_is_near` tells that the socket has said so: only a read that gives nothing is then the last one.
  virtual ssize_t receive(std::span<const iovec> parts, bool end_is_near) = 0;

  /// After a `receive` that gave less than it was asked for: nothing more comes before the socket becomes readable again.
  virtual bool is_drained() const = 0;

  /// Takes bytes of `parts`, which may be empty, and writes what the socket takes: how many it took, -1 with errno (EAGAIN:
  /// none, because the socket is full).
  virtual ssize_t send(std::span<const iovec> parts) = 0;

  /// Whether the last `send` left something that waits for the socket to become writable.
  virtual bool is_blocked() const = 0;

  /// Bytes that were taken and are not with the socket yet.
  virtual std::size_t bytes_held() const = 0;

  /// How much of it, in each direction, a turn of the loop has time for.
  virtual std::size_t turn_bytes() const = 0;

  /// What the errno of a failed call means here, in words that follow "broke off: ".
  virtual std::string describe(int error) const = 0;
};

/// The socket as it is.
class plain_channel final : public byte_channel {
public:
  explicit plain_channel(int socket) : socket_(socket) {}

  ssize_t receive(std::span<const iovec> parts, bool end_is_near) override;
  bool is_drained() const override { return true; }
  ssize_t send(std::span<const iovec> parts) override;
  bool is_blocked() const override { return is_blocked_; }
  std::size_t bytes_held() const override { return 0; }
  std::size_t turn_bytes() const override { return defaults::turn_bytes; }
  std::string describe(int error) const override;

private:
  int socket_;
  bool is_blocked_ = false;
};

} // namespace hearth
