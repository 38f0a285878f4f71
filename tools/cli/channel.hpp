#pragma once

#include "tools/cli/surroundings.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::cli {

/// A descriptor that closes itself.
class file_descriptor {
public:
  explicit file_descriptor(int fd = -1) noexcept : fd_(fd) {}
  file_descriptor(file_descriptor&& other) noexcept : fd_(other.release()) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept;
  ~file_descriptor();

  int get() const noexcept { return fd_; }
  int release() noexcept;
  explicit operator bool() const noexcept { return fd_ >= 0; }

private:
  int fd_;
};

/// The node closed the connection, does not answer, or what it sends makes no sense: another one may do better.
class connection_lost : public command_error {
public:
  using command_error::command_error;
};

/// What could not be done with a channel, in words that follow "is gone: ".
struct channel_failure {
  std::string why;
};

/// A blocking stream of bytes to a node. One thread.
class channel {
public:
  virtual ~channel() = default;

  /// From now on nothing is waited for longer than this; 0: for ever.
  virtual void set_patience(std::chrono::milliseconds patience) = 0;

  /// All of it. Throws channel_failure.
  virtual void send(std::string_view bytes) = 0;

  /// At least one byte, at most `size`; 0 at the end of the stream. Throws channel_failure.
  virtual std::size_t receive(char* into, std::size_t size) = 0;

  /// The process at the other end; 0: it is on another machine.
  virtual pid_t peer() const = 0;
};

/// "Connection refused."
std::string reason_of(int error);

/// Bounds each wait of a blocking socket; 0: it waits for ever. Throws channel_failure.
void set_patience(int socket, std::chrono::milliseconds patience);

/// Connects to the Unix socket at `path`; nothing when nobody listens there. Throws command_error when it is not this user's,
/// connection_lost when it takes longer than `patience` (0: for ever).
std::unique_ptr<channel> open_unix(const std::string& path, std::chrono::milliseconds patience);

/// A blocking TCP socket to "host:port", connected within `patience`. Without one `why` says why, in words that follow "the
/// node at ... is not reached: ".
file_descriptor connect_tcp(const std::string& address, std::chrono::milliseconds patience, std::string& why);

} // namespace hearth::cli
