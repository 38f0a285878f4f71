#include "node/http/web_socket.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

using namespace hearth;

BOOST_AUTO_TEST_SUITE(http_web_socket)

namespace {

constexpr std::uint64_t message_bytes_max = 100'000;

/// A frame as a client sends it, with a mask of its own.
std::string from_client(unsigned opcode, std::string_view content, bool is_final = true, bool is_masked = true) {
  std::string frame(1, static_cast<char>((is_final ? 0x80U : 0U) | opcode));
  const auto mask_bit = is_masked ? 0x80U : 0U;
  if (content.size() < 126) {
    frame.push_back(static_cast<char>(mask_bit | content.size()));
  } else if (content.size() < 65536) {
    frame.push_back(static_cast<char>(mask_bit | 126U));
    for (const int shift : {8, 0})
      frame.push_back(static_cast<char>(content.size() >> shift));
  } else {
    frame.push_back(static_cast<char>(mask_bit | 127U));
    for (int shift = 56; shift >= 0; shift -= 8)
      frame.push_back(static_cast<char>(content.size() >> shift));
  }
  const std::string mask = "\x11\x22\x33\x44";
  if (is_masked)
    frame += mask;
  for (std::size_t i = 0; i < content.size(); ++i)
    frame.push_back(static_cast<char>(is_masked ? content[i] ^ mask[i % 4] : content[i]));
  return frame;
}

std::string message(char kind, std::string_view content) {
  std::string text(1, kind);
  for (const int shift : {24, 16, 8, 0})
    text.push_back(static_cast<char>(content.size() >> shift));
  return text.append(content);
}

/// A short frame as a server sends it.
std::string from_server(unsigned opcode, std::string_view content) {
  return std::string(1, static_cast<char>(0x80U | opcode)) + static_cast<char>(content.size()) + std::string(content);
}

constexpr unsigned continuation = 0, text = 1, binary = 2, closing = 8, ping = 9, pong = 10;

struct one_socket {
  http::web_socket socket{message_bytes_max};
  std::string for_app;

  void feed(std::string_view data) { socket.feed(data, for_app); }
};

std::string code(unsigned number) { return {static_cast<char>(number >> 8), static_cast<char>(number)}; }

http::request_head handshake() {
  http::request_head head;
  head.method = "GET";
  head.target = "/";
  head.header = {{"host", "a"},
                 {"upgrade", "websocket"},
                 {"connection", "keep-alive, Upgrade"},
                 {"sec-websocket-version", "13"},
                 {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return head;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_key_of_the_specification_has_its_answer) {
  BOOST_CHECK_EQUAL(http::accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

BOOST_AUTO_TEST_CASE(a_handshake_has_version_and_key_and_no_body) {
  BOOST_CHECK(http::asks_for_socket(handshake()));
  BOOST_CHECK_EQUAL(http::fault_of_handshake(handshake()).status, 0);
  auto other = handshake();
  other.header[3].value = "8";
  BOOST_CHECK_EQUAL(http::fault_of_handshake(other).status, 426);
  other = handshake();
  other.header[4].value = "dGhlIHNhbXBsZSBub25jZQ=x";
  BOOST_CHECK_EQUAL(http::fault_of_handshake(other).status, 400);
  other.header.pop_back();
  BOOST_CHECK_EQUAL(http::fault_of_handshake(other).status, 400);
  other = handshake();
  other.method = "POST";
  BOOST_CHECK_EQUAL(http::fault_of_handshake(other).status, 400);
  other = handshake();
  other.length = 3;
  BOOST_CHECK_EQUAL(http::fault_of_handshake(other).status, 400);
  other = handshake();
  other.header[2].value = "keep-alive";
  BOOST_CHECK(!http::asks_for_socket(other));
}

BOOST_AUTO_TEST_CASE(messages_of_any_size_and_in_any_pieces_come_to_the_app) {
  const std::string large(70'000, 'x');
  const auto all = from_client(text, "gr\xc3\xbc\xc3\x9f") + from_client(binary, {"\0\xff", 2})
                   + from_client(text, "a", false) + from_client(ping, "in between") + from_client(continuation, "b")
                   + from_client(binary, large);
  const auto expected = message('T', "gr\xc3\xbc\xc3\x9f") + message('B', {"\0\xff", 2}) + message('T', "ab")
                        + message('B', large);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, all.size()}) {
    one_socket s;
    for (std::size_t at = 0; at < all.size(); at += step)
      s.feed(std::string_view(all).substr(at, step));
    BOOST_CHECK(s.for_app == expected);
    BOOST_CHECK(s.socket.take_output() == from_server(pong, "in between"));
    BOOST_CHECK(!s.socket.is_deaf());
  }
}

BOOST_AUTO_TEST_CASE(what_the_app_says_goes_to_the_client_in_any_pieces) {
  const auto all = message('T', "one") + message('B', {"\0", 1}) + message('T', "");
  for (const std::size_t step : {std::size_t{1}, std::size_t{4}, all.size()}) {
    one_socket s;
    for (std::size_t at = 0; at < all.size(); at += step)
      BOOST_REQUIRE(s.socket.hear(std::string_view(all).substr(at, step)));
    BOOST_CHECK(s.socket.take_output()
                == from_server(text, "one") + from_server(binary, {"\0", 1}) + from_server(text, ""));
  }
}

BOOST_AUTO_TEST_CASE(an_app_that_says_no_message_is_not_understood) {
  one_socket s;
  BOOST_CHECK(!s.socket.hear("HTTP/1.1 200"));
  one_socket large;
  BOOST_CHECK(!large.socket.hear(message('B', std::string(message_bytes_max + 1, 'x')).substr(0, 5)));
}

BOOST_AUTO_TEST_CASE(a_close_of_the_client_is_answered_and_told) {
  one_socket s;
  s.feed(from_client(closing, code(1001) + "tab closed"));
  BOOST_CHECK(s.for_app == message('C', code(1001) + "tab closed"));
  BOOST_CHECK(s.socket.take_output().starts_with(from_server(closing, code(1001)).substr(0, 1)));
  BOOST_CHECK(s.socket.is_deaf());
  BOOST_CHECK(s.socket.is_over());
  BOOST_CHECK(s.socket.hear(message('T', "too late")));
  BOOST_CHECK(s.socket.take_output().empty());
}

BOOST_AUTO_TEST_CASE(a_close_without_a_whole_code_is_one_without_a_code) {
  for (const std::string_view content : {"", "\x03"}) {
    one_socket s;
    s.feed(from_client(closing, content));
    BOOST_CHECK(s.for_app == message('C', ""));
    BOOST_CHECK(s.socket.is_over());
  }
}

BOOST_AUTO_TEST_CASE(a_close_of_the_app_is_over_when_the_client_has_closed_too) {
  one_socket s;
  BOOST_CHECK(s.socket.hear(message('C', code(4001) + "enough")));
  BOOST_CHECK(s.socket.take_output() == from_server(closing, code(4001) + "enough"));
  BOOST_CHECK(!s.socket.is_over());
  s.feed(from_client(closing, code(4001)));
  BOOST_CHECK(s.socket.is_over());
}

BOOST_AUTO_TEST_CASE(codes_that_nobody_may_send_become_an_internal_error) {
  for (const unsigned number : {0U, 1005U, 1006U, 1015U, 5000U}) {
    one_socket s;
    BOOST_CHECK(s.socket.hear(message('C', code(number))));
    BOOST_CHECK_MESSAGE(s.socket.take_output().substr(2, 2) == code(1011), number);
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_breaks_the_rules_is_told_how_and_heard_no_more) {
  constexpr unsigned none = 0; // the library says no code with some
  const struct {
    const char* what;
    std::string data;
    unsigned code;
  } cases[] = {
    {"no mask", from_client(text, "a", true, false), 1002},
    {"a reserved bit", "\xc1" + from_client(text, "a").substr(1), 1002},
    {"a reserved opcode", from_client(3, "a"), 1002},
    {"a continuation of nothing", from_client(continuation, "a"), 1002},
    {"a message within a message", from_client(text, "a", false) + from_client(text, "b"), 1002},
    {"a fragmented ping", from_client(ping, "a", false), none},
    {"a long ping", from_client(ping, std::string(126, 'a')), none},
    {"text that is no UTF-8", from_client(text, "\xff\xfe"), 1007},
    {"a message that is too large", from_client(binary, std::string(message_bytes_max + 1, 'a')), 1009},
    {"the beginning of one", std::string("\x82\xff\0\0\0\0\0\x90\0\0\1\2\3\4a", 15), 1009},
    {"parts that are too large together",
     from_client(binary, std::string(message_bytes_max, 'a'), false) + from_client(continuation, "b"), 1009},
    {"a length with its highest bit", std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", 14),
     none},
  };
  for (const auto& each : cases) {
    one_socket s;
    s.feed(each.data);
    const auto output = s.socket.take_output();
    BOOST_TEST_CONTEXT(each.what) {
      BOOST_CHECK(s.for_app.empty());
      BOOST_REQUIRE_GE(output.size(), 2);
      BOOST_CHECK_EQUAL(static_cast<unsigned char>(output[0]), 0x88);
      BOOST_CHECK(output.substr(2, 2) == (each.code == none ? "" : code(each.code)));
      BOOST_CHECK(s.socket.is_deaf());
      BOOST_CHECK(s.socket.is_over());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
