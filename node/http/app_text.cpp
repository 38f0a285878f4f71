#include "node/http/app_text.hpp"

#include "core/defaults_http.hpp"
#include "node/http/header_parser.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

namespace hearth::http {

namespace beast = boost::beast;

namespace {

// Between two neighbours only (RFC 9110, 7.6.1), or said anew by us.
constexpr std::array<std::string_view, 9> of_connection{
  "connection", "keep-alive",        "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
  "trailer",    "transfer-encoding", "upgrade"};

bool is_of_connection(std::string_view name, const std::string* connection) {
  return std::find(of_connection.begin(), of_connection.end(), name) != of_connection.end()
         || (connection != nullptr && lists(*connection, name));
}

/// What only the front door may say.
bool is_ours(std::string_view name) {
  return name.starts_with("x-forwarded-") || name == "x-request-id" || name == "forwarded" || name == "content-length"
         || name == "expect";
}

void write(std::string& into, std::string_view name, std::string_view value) {
  into.append(name).append(": ").append(value).append("\r\n");
}

/// An answer's head, read by the same grammar as requests: what an app writes goes to clients, too.
class answer_parser final : public header_parser<false> {
public:
  answer_parser() : header_parser(defaults::http_response_header_bytes_max) {}

  response result;

private:
  void on_response_impl(int status, beast::string_view reason, int, error&) override {
    result.status = status;
    result.reason = string_of(reason);
  }
  void on_field_impl(beast::http::field, beast::string_view raw, beast::string_view value, error&) override {
    field each{lower(raw), string_of(value)};
    if (each.name != "content-length" && !is_of_connection(each.name, nullptr))
      result.header.push_back(std::move(each));
  }
};

} // namespace

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string request_text(const request_head& head, std::string_view body, const origin& from) {
  std::string text;
  text.reserve(512 + body.size());
  text.append(head.method).append(" ");
  if (!from.target.starts_with('/') && from.target != "*")
    text.append("/"); // only a query was left behind the prefix
  text.append(from.target).append(" HTTP/1.1\r\n");
  const auto* connection = find(head.header, "connection");
  for (const auto& each : head.header)
    if (!is_of_connection(each.name, connection) && !is_ours(each.name))
      write(text, each.name, each.value);
  write(text, "x-forwarded-for", from.address);
  write(text, "x-forwarded-proto", from.scheme);
  if (const auto* host = find(head.header, "host"))
    write(text, "x-forwarded-host", *host);
  if (!from.prefix.empty())
    write(text, "x-forwarded-prefix", from.prefix);
  write(text, "x-request-id", from.request_id);
  if (from.opens_socket)
    write(text, "upgrade", "websocket");
  else if (from.body_follows && head.length)
    write(text, "content-length", std::to_string(*head.length));
  else if (!from.body_follows && (!body.empty() || head.length || head.is_chunked))
    write(text, "content-length", std::to_string(body.size()));
  return text.append("\r\n").append(body);
}

std::variant<response, std::string> read_response(std::string_view text, bool opens_socket) {
  const auto end = text.substr(0, defaults::http_response_header_bytes_max).find(end_of_header);
  if (end == std::string_view::npos)
    return std::string("answered without a header that ends within ")
           + std::to_string(defaults::http_response_header_bytes_max / 1024) + " KiB";
  const auto head = text.substr(0, end + end_of_header.size());
  if (head.find("\r\n ") != std::string_view::npos || head.find("\r\n\t") != std::string_view::npos)
    return std::string("answered with a folded header line");
  answer_parser parser;
  beast::error_code failed;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), failed);
  if ((failed && failed != beast::http::error::need_more) || !parser.is_header_done())
    return "answered with what is no HTTP response (" + failed.message() + ")";
  if ((parser.result.status < 200 || parser.result.status > 599)
      && !(opens_socket && parser.result.status == switching_protocols))
    return "answered with the status " + std::to_string(parser.result.status);
  parser.result.body_at = head.size();
  if (const auto length = parser.content_length())
    parser.result.length = *length;
  return std::move(parser.result);
}

std::string response_text(const response& what, std::optional<std::uint64_t> length, const request_head& to,
                          bool keeps_alive) {
  std::string text = "HTTP/1.1 " + std::to_string(what.status) + ' ';
  text.append(what.reason.empty() ? reason_of(what.status) : std::string_view(what.reason)).append("\r\n");
  for (const auto& each : what.header)
    write(text, each.name, each.value);
  if (length && may_have_body(what.status))
    write(text, "content-length", std::to_string(*length));
  if (!keeps_alive)
    write(text, "connection", "close");
  else if (to.minor == 0)
    write(text, "connection", "keep-alive");
  return text.append("\r\n");
}

std::string own_head(int status, std::string_view type, std::uint64_t length, bool keeps_alive,
                     std::string_view more_fields) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + ' ';
  text.append(reason_of(status)).append("\r\n");
  write(text, "content-type", type);
  write(text, "content-length", std::to_string(length));
  text.append(more_fields);
  if (!keeps_alive)
    write(text, "connection", "close");
  return text.append("\r\n");
}

std::string plain_answer(int status, std::string_view sentence, bool keeps_alive, std::string_view more_fields,
                         bool is_head) {
  auto text = own_head(status, "text/plain; charset=utf-8", sentence.size() + 1, keeps_alive, more_fields);
  return is_head ? text : text.append(sentence).append("\n");
}

} // namespace hearth::http
