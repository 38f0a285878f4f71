#include "node/http/web_socket.hpp"

#include <openssl/evp.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace hearth::http {

namespace {

constexpr std::size_t head_bytes = 5, code_bytes = 2,
                      reason_bytes_max = 123; // RFC 6455, 5.5: a control frame has 125 bytes

std::string head_of(char kind, std::size_t size) {
  std::string head(1, kind);
  for (const int shift : {24, 16, 8, 0})
    head.push_back(static_cast<char>(size >> shift));
  return head;
}

std::uint64_t number(std::string_view big_endian) {
  std::uint64_t value = 0;
  for (const char c : big_endian)
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

/// Base64 of 16 bytes: 22 characters and "==".
bool is_key(std::string_view text) {
  constexpr std::size_t size = 24, padding = 2;
  return text.size() == size && text.ends_with("==") && std::all_of(text.begin(), text.end() - padding, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
         });
}

/// RFC 6455, 7.4: others are for what no frame says, or for nobody.
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

const std::uint8_t* octets(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

} // namespace

// -- the handshake ----

bool asks_for_socket(const request_head& head) {
  const auto* upgrade = find(head.header, "upgrade");
  const auto* connection = find(head.header, "connection");
  return upgrade != nullptr && lists(*upgrade, "websocket") && connection != nullptr && lists(*connection, "upgrade");
}

refusal fault_of_handshake(const request_head& head) {
  const auto* version = find(head.header, "sec-websocket-version");
  const auto* key = find(head.header, "sec-websocket-key");
  if (head.method != "GET" || head.minor == 0 || head.is_chunked || head.length.value_or(0) != 0)
    return {400, "A WebSocket is opened by GET of HTTP/1.1 without a body."};
  if (version == nullptr || *version != "13")
    return {426, "The only version of WebSockets that is served is 13."};
  if (key == nullptr || !is_key(*key))
    return {400, "Sec-WebSocket-Key is missing, or no 16 bytes in base64."};
  return {};
}

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3
  std::array<unsigned char, 20> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  std::string accept(28, '\0'); // base64 of 20 bytes
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(accept.data()), digest.data(), static_cast<int>(digest.size()));
  return accept;
}

// -- the library ----

struct web_socket::calls {
  static web_socket& of(void* self) { return *static_cast<web_socket*>(self); }

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* buffer, std::size_t size, int, void* self) {
    auto& incoming = of(self).incoming_;
    if (incoming.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const auto count = std::min(size, incoming.size());
    std::copy_n(octets(incoming), count, buffer);
    incoming.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }

  static ssize_t send(wslay_event_context_ptr, const std::uint8_t* data, std::size_t size, int, void* self) {
    of(self).output_.append(reinterpret_cast<const char*>(data), size);
    return static_cast<ssize_t>(size);
  }

  static void heard(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* what, void* self) {
    auto& into = *of(self).for_app_;
    const std::string_view content(reinterpret_cast<const char*>(what->msg), what->msg_length);
    const auto of_close = content.size() < code_bytes ? std::string_view{} : content;
    if (what->opcode == WSLAY_TEXT_FRAME || what->opcode == WSLAY_BINARY_FRAME)
      into.append(head_of(what->opcode == WSLAY_TEXT_FRAME ? 'T' : 'B', content.size())).append(content);
    else if (what->opcode == WSLAY_CONNECTION_CLOSE)
      into.append(head_of('C', of_close.size())).append(of_close);
  }
};

web_socket::web_socket(std::uint64_t message_bytes_max) : message_bytes_max_(message_bytes_max) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = calls::receive;
  callbacks.send_callback = calls::send;
  callbacks.on_msg_recv_callback = calls::heard;
  if (wslay_event_context_server_init(&context_, &callbacks, this) != 0)
    throw std::bad_alloc();
  wslay_event_config_set_max_recv_msg_length(context_, message_bytes_max);
}

web_socket::~web_socket() { wslay_event_context_free(context_); }

void web_socket::flush() { failed_ = wslay_event_send(context_) != 0 || failed_; }

void web_socket::queue(std::uint8_t opcode, std::string_view content) {
  const wslay_event_msg message{opcode, octets(content), content.size()};
  const int result = wslay_event_queue_msg(context_, &message);
  failed_ = failed_ || (result != 0 && result != WSLAY_ERR_NO_MORE_MSG); // behind a close nothing is sent
}

// -- messages ----

void web_socket::feed(std::string_view data, std::string& for_app) {
  incoming_ = data;
  for_app_ = &for_app;
  failed_ = wslay_event_recv(context_) != 0 || failed_;
  incoming_ = {};
  for_app_ = nullptr;
  flush();
}

bool web_socket::hear(std::string_view said) {
  said_.append(said);
  std::string_view rest = said_;
  while (rest.size() >= head_bytes) {
    const char kind = rest.front();
    const auto size = number(rest.substr(1, head_bytes - 1));
    if ((kind != 'T' && kind != 'B' && kind != 'C') || size > message_bytes_max_)
      return false;
    if (rest.size() - head_bytes < size)
      break;
    const auto content = rest.substr(head_bytes, size);
    rest.remove_prefix(head_bytes + size);
    if (kind != 'C')
      queue(kind == 'T' ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, content);
    else if (content.size() >= code_bytes)
      close(static_cast<std::uint16_t>(number(content.substr(0, code_bytes))), content.substr(code_bytes));
    else
      return false;
  }
  said_ = std::string(rest);
  flush();
  return true;
}

void web_socket::ping() {
  queue(WSLAY_PING, {});
  flush();
}

void web_socket::close(std::uint16_t code, std::string_view reason) {
  reason = reason.substr(0, reason_bytes_max);
  wslay_event_queue_close(context_, may_be_sent(code) ? code : close_internal_error, octets(reason), reason.size());
  flush();
}

std::string web_socket::take_output() { return std::exchange(output_, {}); }

bool web_socket::is_deaf() const { return failed_ || !wslay_event_get_read_enabled(context_); }

bool web_socket::is_over() const {
  return failed_ || (wslay_event_get_close_sent(context_) && !wslay_event_get_read_enabled(context_));
}

} // namespace hearth::http
