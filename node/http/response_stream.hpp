#pragma once

#include "core/bytes.hpp"
#include "node/http/app_text.hpp"
#include "node/http/message.hpp"
#include "node/http/web_socket.hpp"
#include "node/wire/value.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace hearth::http {

/// A response that comes in parts: its head, as soon as that is complete, then its body as it comes, in chunks where the app
/// has not said how long it is. To a client of HTTP/1.0 the end of the connection is the end of the body then. Or, where that was
/// asked for, a WebSocket and what the app says over it. No descriptor.
class response_stream {
public:
  /// `keeps_alive`: as the client wants it. `opens_socket`: it has asked for a WebSocket, by a handshake that is right.
  response_stream(const request_head& to, bool keeps_alive, bool opens_socket)
    : to_(to), keeps_alive_(keeps_alive), opens_socket_(opens_socket) {}

  /// False: the app has sent what is no response; `fault` continues a sentence about it.
  bool take(bytes part, wire::frame_writer& out);
  /// Nothing follows. False: there is less of it than its head says.
  bool finish(wire::frame_writer& out);

  /// Something has gone to the client: another answer cannot be given any more.
  bool has_begun() const noexcept { return head_.has_value(); }
  /// Of what has begun.
  int status() const noexcept { return head_->status; }
  /// The WebSocket that is open; null: none.
  web_socket* socket() noexcept { return socket_.get(); }
  bool keeps_alive() const noexcept { return keeps_alive_; }
  const std::string& fault() const noexcept { return fault_; }

private:
  bool begin(wire::frame_writer& out);
  void open_socket(wire::frame_writer& out);
  bool pass_on(bytes part, wire::frame_writer& out);
  bool fail(std::string why) {
    fault_ = std::move(why);
    return false;
  }

  const request_head& to_;
  bool keeps_alive_;
  bool opens_socket_;
  std::unique_ptr<web_socket> socket_;
  bool is_chunked_ = false;
  std::string held_; // until the head is complete
  std::optional<response> head_;
  std::uint64_t passed_ = 0; // bytes of the body
  std::string fault_;
};

} // namespace hearth::http
