#pragma once

#include "node/identity/cluster_file.hpp"
#include "node/link/socket_watch.hpp"
#include "node/link/tcp.hpp"
#include "node/link/tls.hpp"
#include "node/link/wire.hpp"
#include "node/loop/loop.hpp"

#include <kj/async.h>
#include <kj/io.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace hearth::node {

/// Why a peer was not reached.
struct unreached {
  std::string reason;      // continues a sentence about the peer
  bool is_refused = false; // its host has answered that nobody listens there
  bool is_revoked = false; // it has said that our certificate is
};

/// One attempt to connect a channel with a peer: TCP, the byte of the kind, TLS with the peer's name. Nothing is sent to
/// anybody but that peer. Loop thread only.
class dial {
public:
  struct connected {
    kj::AutoCloseFd socket;
    std::unique_ptr<tls_channel> tls; // null when only the host was to be asked
    std::optional<peer_identity> peer;
  };
  using outcome = std::variant<connected, unreached>;

  struct request {
    node_uuid peer;
    link_address address;
    std::optional<channel> on; // nothing: only asks whether anybody listens there
    std::shared_ptr<const tls_context> context;
    bool awaits_verdict = false; // done only when the peer has said something about us, or hung up
  };

  /// `done` is called once, not from the constructor, and may destroy the dial.
  dial(work_loop& loop, request request, std::function<void(outcome)> done);

private:
  void look_up();
  void connect(const socket_address& to);
  void go_on();
  bool await_connection();
  void shake_hands();
  void await_verdict();
  void fail(const std::string& why, bool is_refused = false);
  void finish();

  work_loop& loop_;
  request request_;
  std::function<void(outcome)> done_;
  kj::AutoCloseFd socket_;
  std::optional<socket_watch> watch_; // gone before the socket is
  turn_hook begin_;
  loop_timer deadline_;
  std::unique_ptr<tls_channel> tls_;
  kj::Promise<void> looking_up_ = nullptr;
  bool is_connected_ = false;
  bool has_shaken_hands_ = false;
};

} // namespace hearth::node
