#pragma once

#include "tools/cli/channel.hpp"
#include "tools/cli/frames.hpp"
#include "tools/cli/node_address.hpp"
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

/// A blocking connection to a node. One thread. A method throws command_error when the node refuses or goes away.
class connection {
public:
  /// Connects to `where` and greets the node; nothing when nobody listens at a socket. Throws command_error when the socket is
  /// not this user's, the node speaks another protocol, or the cluster refuses the token; connection_lost when it is not
  /// reached or refuses for a reason of its own. With a `patience`, also when it does not greet back in that time.
  static std::optional<connection> open(const node_address& where, std::chrono::milliseconds patience = {});

  /// From now on `ask` throws connection_lost when nothing comes for so long; 0: it waits for ever.
  void set_patience(std::chrono::milliseconds patience);

  /// The same, where a node is needed: throws command_error (no_node), whose text says how to start one.
  static connection open_existing(const std::string& path);

  /// Receives the frames that come between a request and the end of its answer, except its Control responses.
  using frame_sink = std::function<void(frame&&)>;

  /// Sends the request {name: value} and waits for the last response to it. Returns the content of all responses under
  /// the name `answer`, lists joined into one. Throws command_error (failed) with the node's sentence when it refuses.
  json ask(const std::string& name, const json& value, const std::string& answer, const frame_sink& others = {});

  /// The process that listens; 0: it is on another machine.
  pid_t peer() const { return channel_->peer(); }

  /// Where it is: the path of a socket, or the address of a link.
  const std::string& where() const noexcept { return where_; }

  /// Of a remote node: as whom it has let us in, "laptop (invoke, read)".
  const std::string& let_in_as() const noexcept { return let_in_as_; }

private:
  connection(std::unique_ptr<channel> channel, std::string where)
    : channel_(std::move(channel)), where_(std::move(where)) {}

  void await_welcome();

  void send(const std::string& bytes);
  frame next_frame();
  bool fill(std::size_t size);
  [[noreturn]] void lost(const std::string& why) const;

  std::unique_ptr<channel> channel_;
  std::string where_;
  std::string let_in_as_;
  std::uint32_t requests_ = 0;
  std::string received_;  // bytes that have come and are not taken
  std::size_t taken_ = 0; // of those
};

/// "No node is running; ..." as a command_error.
command_error no_node_error();

} // namespace hearth::cli
