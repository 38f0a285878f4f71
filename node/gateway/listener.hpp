#pragma once

#include "core/errors.hpp"
#include "node/loop/loop.hpp"

#include <kj/async-unix.h>
#include <kj/io.h>

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::node {

/// Lets clients in: those of our own user, as many as there are places for. Others hear why and are closed. Nothing that
/// happens at the door ends the listening: without a free descriptor a client is turned away, without memory the listener
/// waits a little. Loop thread only.
class listener {
public:
  struct client {
    kj::AutoCloseFd socket;
    pid_t pid = 0;
    std::shared_ptr<void> place; // to be kept as long as the client is served
  };

  /// For clients that speak frames.
  static std::string in_frames(ec code, const std::string& why);

  struct config {
    uid_t user = 0; // who is let in
    std::size_t clients_max = 0;
    std::function<void(client)> on_client;
    std::function<void(std::string_view)> warn; // refused clients and trouble at the door
    /// What a client that is not served hears last, as it can read it.
    std::function<std::string(ec, const std::string& why)> last_words = in_frames;
  };

  /// `socket` listens and does not block; it and `loop` outlive the listener. Throws kj::Exception.
  listener(work_loop& loop, int socket, config config);

  std::size_t clients() const noexcept { return *clients_; }

private:
  void accept();
  bool accept_one();
  void admit(kj::AutoCloseFd socket);
  void say(int socket, ec code, const std::string& why) const;
  bool turn_away();
  void rest(int error);
  void await_clients();

  work_loop& loop_;
  int socket_;
  config config_;
  std::shared_ptr<std::size_t> clients_ = std::make_shared<std::size_t>(0);
  kj::AutoCloseFd spare_; // given up to accept a client that is then told that there is no descriptor
  kj::UnixEventPort::FdObserver observer_;
  turn_hook hook_;
  std::unique_ptr<loop_timer> pause_;
  kj::Promise<void> readable_ = nullptr;
};

} // namespace hearth::node
