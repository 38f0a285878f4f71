#include "node/http/response_stream.hpp"

#include "core/defaults_http.hpp"

#include <cstdio>
#include <utility>
#include <variant>

namespace hearth::http {

bool response_stream::take(bytes part, wire::frame_writer& out) {
  if (!fault_.empty())
    return false;
  if (head_)
    return pass_on(std::move(part), out);
  held_.append(part.view());
  if (held_.find("\r\n\r\n") != std::string::npos)
    return begin(out);
  return held_.size() <= defaults::http_response_header_bytes_max || fail("answered with a header that has no end");
}

bool response_stream::begin(wire::frame_writer& out) {
  auto read = read_response(held_, opens_socket_);
  if (auto* why = std::get_if<std::string>(&read))
    return fail(std::move(*why));
  head_ = std::move(std::get<response>(read));
  auto rest = bytes::copy_of(std::string_view(held_).substr(head_->body_at));
  held_ = {};
  if (head_->status == switching_protocols) {
    open_socket(out);
    return rest.empty() || pass_on(std::move(rest), out);
  }
  is_chunked_ = !head_->length && to_.minor == 1 && to_.method != "HEAD" && may_have_body(head_->status);
  keeps_alive_ = keeps_alive_
                 && (is_chunked_ || head_->length || to_.method == "HEAD" || !may_have_body(head_->status));
  if (is_chunked_)
    head_->header.push_back({"transfer-encoding", "chunked"});
  out.write(std::string_view(response_text(*head_, head_->length, to_, keeps_alive_)));
  return rest.empty() || pass_on(std::move(rest), out);
}

void response_stream::open_socket(wire::frame_writer& out) {
  keeps_alive_ = false;
  std::erase_if(head_->header, [](const field& each) {
    return each.name == "sec-websocket-accept" || each.name == "sec-websocket-extensions"; // ours to say
  });
  head_->header.push_back({"upgrade", "websocket"});
  head_->header.push_back({"connection", "Upgrade"});
  head_->header.push_back({"sec-websocket-accept", accept_of(*find(to_.header, "sec-websocket-key"))});
  out.write(std::string_view(response_text(*head_, std::nullopt, to_, true)));
  socket_ = std::make_unique<web_socket>(defaults::http_body_bytes_max);
}

bool response_stream::pass_on(bytes part, wire::frame_writer& out) {
  if (socket_) {
    if (!socket_->hear(part.view()))
      return fail("said what is no message of a WebSocket");
    out.write(std::string_view(socket_->take_output()));
    return true;
  }
  if (part.empty() || to_.method == "HEAD")
    return true;
  passed_ += part.size();
  if (!may_have_body(head_->status) || (head_->length && passed_ > *head_->length))
    return fail("sent more of a body than it announced");
  if (!is_chunked_) {
    out.write(std::move(part));
    return true;
  }
  char size[20];
  const auto digits = std::snprintf(size, sizeof size, "%zx\r\n", part.size());
  out.write(std::string_view(size, static_cast<std::size_t>(digits)));
  out.write(std::move(part));
  out.write(std::string_view("\r\n"));
  return true;
}

bool response_stream::finish(wire::frame_writer& out) {
  if (!fault_.empty())
    return false;
  if (!head_)
    return fail("answered without a header that ends");
  if (socket_) {
    socket_->close(close_normal, {});
    out.write(std::string_view(socket_->take_output()));
    return true;
  }
  if (head_->length && to_.method != "HEAD" && may_have_body(head_->status) && passed_ != *head_->length)
    return fail("sent less of a body than it announced");
  if (is_chunked_)
    out.write(std::string_view("0\r\n\r\n"));
  return true;
}

} // namespace hearth::http
