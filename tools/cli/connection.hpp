#pragma once

#include "tools/cli/frames.hpp"
#include "tools/cli/surroundings.hpp"

#include <nlohmann/json_fwd.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hearth::cli {

using json = nlohmann::json;

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

/// The node closed the connection, or what it sends makes no sense.
class connection_lost : public command_error {
public:
  using command_error::command_error;
};

/// A blocking connection to a node. One thread. A method throws command_error when the node refuses or goes away.
class connection {
public:
  /// Connects to `path` and greets the node; nothing when nobody listens there. Throws command_error when the socket is
  /// not this user's, or the node speaks another protocol.
  /// With a `patience`, connection_lost when it does not greet back in that time.
  static std::optional<connection> open(const std::string& path, std::chrono::milliseconds patience = {});

  /// From now on `ask` throws connection_lost when nothing comes for so long; 0: it waits for ever.
  void set_patience(std::chrono::milliseconds patience);

  /// The same, where a node is needed: throws command_error (no_node), whose text says how to start one.
  static connection open_existing(const std::string& path);

  /// Receives the frames that come between a request and the end of its answer, except its Control responses.
  using frame_sink = std::function<void(frame&&)>;

  /// Sends the request {name: value} and waits for the last response to it. Returns the content of all responses under
  /// the name `answer`, lists joined into one. Throws command_error (failed) with the node's sentence when it refuses.
  json ask(const std::string& name, const json& value, const std::string& answer, const frame_sink& others = {});

  /// The process that listens.
  pid_t peer() const noexcept { return peer_; }

private:
  connection(file_descriptor socket, std::string path, pid_t peer)
    : socket_(std::move(socket)), path_(std::move(path)), peer_(peer) {}

  void send(const std::string& bytes);
  frame next_frame();
  bool fill(std::size_t size);
  [[noreturn]] void lost(const std::string& why) const;

  file_descriptor socket_;
  std::string path_;
  pid_t peer_;
  std::uint32_t requests_ = 0;
  std::string received_;  // bytes that have come and are not taken
  std::size_t taken_ = 0; // of those
};

/// "No node is running; ..." as a command_error.
command_error no_node_error();

} // namespace hearth::cli
