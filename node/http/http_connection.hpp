#pragma once

#include "actors/app_table.hpp"
#include "actors/client_rights.hpp"
#include "actors/interfaces.hpp"
#include "node/http/app_text.hpp"
#include "node/http/message.hpp"
#include "node/http/request_parser.hpp"
#include "node/http/response_stream.hpp"
#include "node/loop/loop.hpp"
#include "node/loop/stream.hpp"

#include <kj/io.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace hearth::node {

/// HTTP CONNECTION, the door to one HTTP client: it reads requests one after the other, makes each a call of the app that it is
/// for, and writes the answer. Whatever the client does costs the node no more than this connection.
///
/// Spawned by: the node, for a client that its front door let in.
/// Monitors:   the SUPERVISORs of apps that it has asked.
/// Dies:       when the client is gone, is too slow, or sent what is no HTTP. What it had asked is cancelled then.
/// States:     reading -> asking -> (sending ->) reading ..., and closing.
struct http_connection_config {
  work_loop* loop = nullptr;                              // outlives the actor
  std::shared_ptr<kj::AutoCloseFd> socket;                // connected; the connection takes it
  std::shared_ptr<std::unique_ptr<byte_channel>> channel; // over the socket, likewise; null: the socket as it is
  std::string address;                                    // of the client; "unix"
  bool is_encrypted = false;
  std::shared_ptr<void> place;           // given free when the connection ends
  std::shared_ptr<const app_table> apps; // of the node's loop
  agent_actor agent;
  std::function<call_id()> next_id;
  /// Who sends a request with this token (of `Authorization: Bearer`; empty: without one), or why nobody.
  std::function<std::variant<client_rights, http::refusal>(std::string_view token)> judge;
  std::function<void()> ended; // called once, on the loop, after the end
};

class http_connection_state : private frame_stream::owner {
public:
  static inline const char* name = "http connection";

  virtual ~http_connection_state();

  stream_caller_actor::behavior_type make_behavior(stream_caller_actor::pointer self, http_connection_config config);

private:
  enum class phase { reading, asking, sending, closing };

  /// What the app is asked now.
  struct question {
    call_id id;
    spec_ptr spec;
    std::uint32_t task = 0;
    payload text;
    supervisor_actor supervisor; // empty: it is being opened
  };

  /// A response that comes in parts.
  struct incoming {
    http::response_stream response;
    std::uint16_t attempt = 0;
    replica_actor replica;  // that makes it
    std::uint64_t owed = 0; // bytes that it has not been told are taken
  };

  void on_frames(std::vector<bytes>& pieces) override;
  void on_end(const std::string& reason) override;
  void on_drained() override;

  void read(std::string_view data);
  void go_on();
  void serve();
  void serve_app(const app_table::match& match);
  std::optional<http::refusal> why_not(const environment_spec& app) const;
  void open(const spec_ptr& spec);
  void opened(const opened_environment& what);
  void ask();
  void take_parts(std::vector<reply_part>& parts);
  bool take_part(reply_part& part);
  void grant();
  void replied(call_reply& reply);
  void finish_stream(call_reply& reply);
  void pass_on(call_reply& reply);
  void fail(const call_reply& reply);
  void supervisor_down(const caf::actor_addr& which);
  void answer(int status, std::string_view sentence, std::string_view more_fields = {});
  void written();
  void wait_for(std::chrono::milliseconds time);
  void out_of_time();
  void close_when_written();
  void cancel(const std::string& why);
  void break_off();
  void end();

  stream_caller_actor::pointer self_ = nullptr;
  http_connection_config config_;
  std::optional<frame_stream> stream_;
  std::unique_ptr<loop_timer> deadline_;
  std::optional<http::request_parser> parser_;
  phase phase_ = phase::reading;
  bool was_told_to_continue_ = false;
  bool keeps_alive_ = true;
  std::string rest_; // that came behind the request which is being answered
  std::optional<question> question_;
  std::optional<incoming> incoming_;
  std::map<std::string, opened_environment> opened_; // by key
};

} // namespace hearth::node
