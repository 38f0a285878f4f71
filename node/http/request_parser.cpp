#include "node/http/request_parser.hpp"

#include "core/defaults_http.hpp"
#include "node/http/chunks.hpp"
#include "node/http/header_parser.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <utility>

namespace hearth::http {

namespace beast = boost::beast;

namespace {

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What may stand in Host: a name or an address, and a port.
bool is_host(std::string_view text) {
  if (text.size() > defaults::http_host_bytes_max)
    return false;
  const bool is_v6 = text.starts_with('[');
  const auto end = std::min(is_v6 ? text.find(']') : text.find(':'), text.size());
  auto name = text.substr(0, end);
  auto port = text.substr(end);
  if (is_v6) {
    if (port.empty())
      return false;
    name.remove_prefix(1);
    port.remove_prefix(1);
  }
  constexpr std::size_t port_max = 1 + 5; // with its colon
  return !name.empty()
         && std::all_of(name.begin(), name.end(),
                        [is_v6](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '-'
                                 || c == '_' || (is_v6 && c == ':');
                        })
         && (port.empty()
             || (port[0] == ':' && port.size() <= port_max && std::all_of(port.begin() + 1, port.end(), is_digit)));
}

} // namespace

class request_parser::grammar final : public header_parser<true> {
public:
  explicit grammar(std::uint64_t held_bytes_max)
    : header_parser(defaults::http_header_bytes_max), held_bytes_max_(held_bytes_max), chunks_(held_bytes_max) {}

  std::size_t feed(std::string_view data);

  refusal fault;
  request_head head;
  std::string body;
  bool has_begun = false, has_head = false, is_whole = false;
  bool is_in_parts = false; // the body is taken as it comes

  void check_size();
  void take_in_parts() {
    is_in_parts = true;
    chunks_ = chunk_reader(any_length);
  }

private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       error& failed) override;
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, error& failed) override;
  void on_header_impl(error& failed) override;

  bool header_is_here();
  void check_lines(std::size_t end);
  std::size_t take_header();
  std::size_t take_body(std::string_view data);
  void refuse(int status, std::string why) {
    if (fault.status == 0)
      fault = {status, std::move(why)};
  }
  void refuse(int status, std::string why, error& failed) {
    refuse(status, std::move(why));
    failed = beast::http::make_error_code(beast::http::error::bad_value);
  }
  void take_length(std::string_view value, error& failed);
  void take_target(error& failed);
  void explain(const error& failed);

  static constexpr std::uint64_t any_length = std::uint64_t{1} << 60;

  std::uint64_t held_bytes_max_;
  chunk_reader chunks_;
  std::uint64_t missing_ = 0; // of a body whose length is known
  std::string held_;          // of the header, until it is complete
  std::size_t checked_ = 0;   // of that
  std::string authority_;     // of a target in absolute form
  std::size_t fields_ = 0, hosts_ = 0, codings_ = 0, lengths_ = 0;
};

std::size_t request_parser::grammar::feed(std::string_view data) {
  if (fault.status != 0 || is_whole || data.empty())
    return 0;
  has_begun = true;
  if (has_head)
    return take_body(data);
  const auto before = held_.size();
  held_.append(data);
  if (!header_is_here())
    return data.size();
  const auto header = take_header();
  if (fault.status != 0)
    return 0;
  const auto of_header = header - before;
  held_ = {};
  missing_ = head.length.value_or(0);
  is_whole = missing_ == 0 && !head.is_chunked;
  return of_header;
}

/// Beast reads a header when all of it is here; how many bytes it has.
std::size_t request_parser::grammar::take_header() {
  error failed;
  const auto taken = put(boost::asio::const_buffer(held_.data(), held_.size()), failed);
  if (failed)
    explain(failed);
  else if (!is_done())
    refuse(400, "This is no HTTP request: its header has no end.");
  has_head = fault.status == 0;
  return taken;
}

void request_parser::grammar::check_size() {
  if (!is_in_parts && body.size() + missing_ > held_bytes_max_)
    refuse(413, "The body is larger than this app takes.");
}

std::size_t request_parser::grammar::take_body(std::string_view data) {
  check_size();
  if (fault.status != 0)
    return 0;
  if (!head.is_chunked) {
    const auto part = data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(missing_, data.size())));
    body.append(part);
    missing_ -= part.size();
    is_whole = missing_ == 0;
    return part.size();
  }
  const auto taken = chunks_.feed(data, body);
  check_size();
  switch (chunks_.now()) {
    case chunk_reader::state::going_on:
      break;
    case chunk_reader::state::done:
      is_whole = true;
      break;
    case chunk_reader::state::malformed:
      refuse(400, "The body does not come in chunks as HTTP has them.");
      break;
    case chunk_reader::state::too_large:
      refuse(413, "The body is larger than this app takes.");
      break;
  }
  return taken;
}

bool request_parser::grammar::header_is_here() {
  const auto end = held_.find(end_of_header, checked_ < end_of_header.size() ? 0 : checked_ - end_of_header.size());
  const bool is_here = end != std::string::npos && end + end_of_header.size() <= defaults::http_header_bytes_max;
  check_lines(is_here ? end : std::min(held_.size(), defaults::http_header_bytes_max));
  if (!is_here && held_.size() > defaults::http_header_bytes_max)
    refuse(431, "The header is longer than " + std::to_string(defaults::http_header_bytes_max / 1024) + " KiB.");
  return is_here && fault.status == 0;
}

/// What is wrong whatever follows, in the order in which it comes.
void request_parser::grammar::check_lines(std::size_t end) {
  for (; checked_ < end && fault.status == 0; ++checked_) {
    const char c = held_[checked_], before = checked_ > 0 ? held_[checked_ - 1] : '\0';
    if (c == '\0')
      refuse(400, "There is a NUL in the header.");
    else if (c == '\n' && before != '\r')
      refuse(400, "The lines of the header do not end with CR LF.");
    else if ((c == ' ' || c == '\t') && before == '\n')
      refuse(400, "A line of the header is folded, which HTTP allows no more.");
  }
}

void request_parser::grammar::explain(const error& failed) {
  if (failed == beast::http::error::header_limit)
    return refuse(431, "The header is longer than " + std::to_string(defaults::http_header_bytes_max / 1024) + " KiB.");
  if (failed == beast::http::error::bad_version)
    return refuse(505, "This is no request of HTTP/1.0 or HTTP/1.1.");
  refuse(400, "This is no HTTP request: " + failed.message() + ".");
}

void request_parser::grammar::on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                                              int version, error& failed) {
  head.method = string_of(method);
  head.target = string_of(target);
  head.minor = version == 10 ? 0 : 1;
  if (head.method == "CONNECT" || head.method == "TRACE")
    return refuse(405, "The method " + head.method + " is not served.", failed);
  take_target(failed);
}

void request_parser::grammar::take_target(error& failed) {
  auto& target = head.target;
  if (target.size() > defaults::http_target_bytes_max)
    return refuse(414, "The target is longer than " + std::to_string(defaults::http_target_bytes_max / 1024) + " KiB.",
                  failed);
  // A client that was told of a proxy sends the whole address.
  for (const std::string_view scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) {
      const auto path = std::min(target.find('/', scheme.size()), target.size());
      authority_ = target.substr(scheme.size(), path - scheme.size());
      target = path == target.size() ? "/" : target.substr(path);
      break;
    }
  if (!is_visible_ascii(target) || target.find('#') != std::string::npos
      || (target.front() != '/' && !(target == "*" && head.method == "OPTIONS")))
    refuse(400, "The target is no path.", failed);
}

void request_parser::grammar::on_field_impl(beast::http::field, beast::string_view raw, beast::string_view text,
                                            error& failed) {
  if (++fields_ > defaults::http_fields_max)
    return refuse(431, "There are more than " + std::to_string(defaults::http_fields_max) + " header fields.", failed);
  field each{lower(raw), string_of(text)};
  if (each.name == "content-length")
    take_length(each.value, failed);
  else if (each.name == "transfer-encoding" && (++codings_ > 1 || lower(text) != "chunked" || head.minor == 0))
    refuse(501, "The only transfer coding that is read is \"chunked\".", failed);
  else if (each.name == "host" && (++hosts_ > 1 || !is_host(each.value)))
    refuse(400, "Host is there twice, or no host.", failed);
  else if (each.name == "expect" && lower(text) != "100-continue")
    refuse(417, "Nothing can be expected but \"100-continue\".", failed);
  head.header.push_back(std::move(each));
}

void request_parser::grammar::take_length(std::string_view value, error& failed) {
  constexpr std::size_t digits_max = 15;
  if (++lengths_ > 1 || value.empty() || value.size() > digits_max
      || !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; }))
    refuse(400, "Content-Length is there twice, or no number.", failed);
}

void request_parser::grammar::on_header_impl(error& failed) {
  if (head.minor == 1 && hosts_ == 0)
    return refuse(400, "There is no Host.", failed);
  if (const auto* host = find(head.header, "host"); !authority_.empty() && (host == nullptr || *host != authority_))
    return refuse(400, "The target names another host than Host.", failed);
  if (content_length())
    head.length = *content_length();
  head.is_chunked = chunked();
  head.keeps_alive = keep_alive();
  head.expects_continue = head.minor == 1 && find(head.header, "expect") != nullptr;
}

request_parser::request_parser(std::uint64_t held_bytes_max) : grammar_(std::make_unique<grammar>(held_bytes_max)) {}
request_parser::~request_parser() = default;
request_parser::request_parser(request_parser&&) noexcept = default;
request_parser& request_parser::operator=(request_parser&&) noexcept = default;

std::size_t request_parser::feed(std::string_view data) { return grammar_->feed(data); }
bool request_parser::has_begun() const noexcept { return grammar_->has_begun; }
bool request_parser::has_head() const noexcept { return grammar_->has_head; }
bool request_parser::is_done() const noexcept { return grammar_->is_whole; }
const refusal& request_parser::fault() const noexcept { return grammar_->fault; }
const request_head& request_parser::head() const noexcept { return grammar_->head; }
void request_parser::await_body(bool in_parts) {
  if (in_parts)
    grammar_->take_in_parts();
  grammar_->check_size();
}

const std::string& request_parser::body() const noexcept { return grammar_->body; }
std::string request_parser::take_body() { return std::exchange(grammar_->body, {}); }

} // namespace hearth::http
