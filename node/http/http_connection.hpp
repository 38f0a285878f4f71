#pragma once

#include "actors/app_table.hpp"
#include "actors/client_rights.hpp"
#include "actors/interfaces.hpp"
#include "core/defaults_http.hpp"
#include "node/http/app_text.hpp"
#include "node/http/message.hpp"
#include "node/http/node_page.hpp"
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
  std::shared_ptr<const page_sources> pages;
  std::shared_ptr<door_figures> door; // of the node's loop
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
  enum class phase { reading, put_off, asking, sending, closing };

  /// Of a body, in each `http_transfer_time`: who sends less is too slow.
  static constexpr std::uint64_t body_bytes_min = defaults::http_transfer_time.count()
                                                  * defaults::http_bytes_per_second_min;

  /// What the app is asked now.
  struct question {
    call_id id;
    spec_ptr spec;
    std::uint32_t task = 0;
    payload text;
    supervisor_actor supervisor; // empty: it is being opened
  };

  /// The request of an app that has come and has not ended.
  struct counted {
    std::shared_ptr<app_figures> figures;
    instant since;
    std::optional<instant> began; // the response did
  };

  /// A response that comes in parts.
  struct incoming {
    http::response_stream response;
    std::uint16_t attempt = 0;
    replica_actor replica;  // that makes it
    std::uint64_t owed = 0; // bytes that it has not been told are taken
  };

  /// What the client sends while the app has its request already: a body, or messages over a WebSocket.
  struct outgoing {
    bool is_socket = false;
    std::string held;         // that the app has not asked for yet
    std::uint64_t room = 0;   // bytes that it has asked for beyond those
    replica_actor replica;    // that asked; empty: none yet
    bool is_complete = false; // the client sends no more of it
    bool is_over = false;     // and the app knows
    std::uint64_t heard = 0;  // bytes of the client since the timer was set
    bool was_pinged = false;  // of a WebSocket: at the beginning of that time
  };

  // The client (http_connection.cpp).
  void on_frames(std::vector<bytes>& pieces) override;
  void on_end(const std::string& reason) override;
  void on_drained() override;
  void read(std::string_view data);
  void go_on();
  bool route();
  bool route_app();
  void serve();
  void await_body();
  std::variant<client_rights, http::refusal> admitted(scope needed, std::string_view what) const;
  std::optional<http::refusal> why_not(const environment_spec& app) const;
  void answer(int status, std::string_view sentence, std::string_view more_fields = {});
  void refuse(const http::refusal& why);
  void put_off();
  void count(request_end how);
  void written();
  void wait_for(std::chrono::milliseconds time);
  void wait_for_transfer(std::uint64_t size);
  void out_of_time();
  void close_when_written();
  void drop(std::size_t size);
  void break_off();
  void end();

  // The node itself (http_connection_pages.cpp).
  void serve_page();
  void refuse_page(const http::refusal& why);
  void show(const page& what);

  // The app (http_connection_apps.cpp).
  void serve_app();
  void open(const spec_ptr& spec);
  void opened(const opened_environment& what);
  void ask();
  void take_parts(std::vector<reply_part>& parts);
  bool take_part(reply_part& part);
  void grant();
  void replied(call_reply& reply);
  void finish_stream(call_reply& reply);
  void close_socket(http::web_socket& socket, const call_reply& reply);
  void pass_on(call_reply& reply);
  void fail(const call_reply& reply);
  void supervisor_down(const caf::actor_addr& which);
  void cancel(const std::string& why);

  // From the client to the app, while it answers (http_connection_input.cpp).
  void begin_input(bool is_socket);
  bool all_has_come() const { return !outgoing_ || (outgoing_->is_complete && !outgoing_->is_socket); }
  void take_input(std::string_view data);
  void spoilt(const http::refusal& why);
  void wanted(std::uint64_t size);
  void pump();
  void watch_client();
  void client_is_silent();
  http::web_socket* socket();

  stream_caller_actor::pointer self_ = nullptr;
  http_connection_config config_;
  std::optional<frame_stream> stream_;
  std::unique_ptr<loop_timer> deadline_;
  std::unique_ptr<loop_timer> input_deadline_;
  std::optional<http::request_parser> parser_;
  phase phase_ = phase::reading;
  std::optional<app_table::match> match_; // of the request that is being read or answered
  bool takes_parts_ = false;              // its body goes to the app as it comes
  bool awaits_body_ = false;              // it is held until it is whole, and the client was told to go ahead
  std::size_t body_at_last_look_ = 0;     // bytes of it
  bool keeps_alive_ = true;
  std::size_t dropped_ = 0; // bytes that came while it closes, since the last pause
  std::string rest_;        // that came behind the request which is being answered
  std::optional<counted> counted_;
  std::optional<question> question_;
  std::optional<outgoing> outgoing_;
  std::optional<incoming> incoming_;
  std::map<std::string, opened_environment> opened_; // by key
};

} // namespace hearth::node
