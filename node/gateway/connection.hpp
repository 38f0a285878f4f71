#pragma once

#include "actors/interfaces.hpp"
#include "node/gateway/inbound.hpp"
#include "node/gateway/log_valve.hpp"
#include "node/gateway/outbound.hpp"
#include "node/loop/loop.hpp"
#include "node/loop/stream.hpp"

#include <kj/io.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace hearth::node {

/// CONNECTION, the door to one client: frames become events for its session, one message per read; effects become
/// frames, one system call per turn.
///
/// Spawned by: the gateway, for a client that was let in. Spawns its SESSION and monitors it.
/// Dies:       when the client is gone, broke the protocol, does not read, or was told to go. Its session hears `gone`
///             exactly once, with the reason.
struct connection_config {
  work_loop* loop = nullptr;                              // outlives the actor
  std::shared_ptr<kj::AutoCloseFd> socket;                // connected; the connection takes it
  std::shared_ptr<std::unique_ptr<byte_channel>> channel; // over the socket, likewise; null: the socket as it is
  bool is_remote = false;                                 // it came over TCP
  std::string peer;                                       // "client 1234", for the log
  std::string default_python;                             // of environments that name none
  std::uint64_t unread_bytes_max = 0;                     // of replies that the client leaves in its socket
  std::uint64_t unread_log_bytes_max = 0;                 // beyond which output is dropped and counted
  std::chrono::milliseconds close_grace{0};               // for last words to a client that has to go
  std::function<session_actor(connection_actor::pointer)> make_session;
  std::shared_ptr<void> place; // given free when the connection ends
};

class connection_state : private frame_stream::owner {
public:
  static inline const char* name = "connection";

  virtual ~connection_state();

  connection_actor::behavior_type make_behavior(connection_actor::pointer self, connection_config config);

private:
  void on_frames(std::vector<bytes>& frames) override;
  void on_end(const std::string& reason) override;
  void on_drained() override;

  void apply(const client::effects& effects);
  void tell(const client::effect& effect);
  void tell_output(log_text text);
  void confess_gap();
  void write_next_page();
  void check_unread();
  void blame(const std::string& what);
  void close_when_written();
  void all_is_written();
  void end(const std::string& reason);

  connection_actor::pointer self_ = nullptr;
  connection_config config_;
  session_actor session_;
  std::optional<inbound> inbound_;
  std::optional<frame_stream> stream_;
  std::optional<log_valve> output_;
  std::deque<listing_page> pages_; // of long listings: one a turn
  std::unique_ptr<turn_hook> page_hook_;
  std::unique_ptr<loop_timer> close_deadline_;
  bool closing_ = false; // last words are being written; nothing is read any more
  std::string close_reason_;
};

} // namespace hearth::node
