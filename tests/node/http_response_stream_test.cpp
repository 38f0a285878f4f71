#include "node/http/response_stream.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace hearth;
using namespace hearth::http;

BOOST_AUTO_TEST_SUITE(http_response_streams)

namespace {

struct client final : wire::frame_writer {
  std::string text;

  void write(std::string_view more) override { text += more; }
  void write(bytes memory) override { text += memory.view(); }
};

request_head asked(const std::string& method = "GET", unsigned minor = 1) {
  request_head head;
  head.method = method;
  head.minor = minor;
  return head;
}

struct outcome {
  bool is_fine = false;
  std::string text;
  bool keeps_alive = false;
  bool has_begun = false;
};

outcome stream(const request_head& to, const std::vector<std::string>& parts) {
  response_stream response(to, true, find(to.header, "sec-websocket-key") != nullptr);
  client out;
  bool fine = true;
  for (const auto& part : parts)
    fine = fine && response.take(bytes::copy_of(part), out);
  fine = fine && response.finish(out);
  return {fine, out.text, response.keeps_alive(), response.has_begun()};
}

const std::string head = "HTTP/1.1 200 OK\r\na: b\r\n";

} // namespace

BOOST_AUTO_TEST_CASE(a_body_of_unknown_length_goes_in_chunks) {
  const auto told = stream(asked(), {head + "\r\nab", "", "c"});
  BOOST_TEST(told.is_fine);
  BOOST_TEST(told.text
             == "HTTP/1.1 200 OK\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
  BOOST_TEST(told.keeps_alive);
}

BOOST_AUTO_TEST_CASE(a_head_may_come_in_pieces) {
  const auto whole = head + "\r\nab";
  std::vector<std::string> pieces;
  for (const char c : whole)
    pieces.emplace_back(1, c);
  const auto told = stream(asked(), pieces);
  BOOST_TEST(told.is_fine);
  BOOST_TEST(told.text.ends_with("\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(a_body_of_known_length_goes_as_it_is) {
  const auto told = stream(asked(), {head + "content-length: 3\r\n\r\n", "ab", "c"});
  BOOST_TEST(told.is_fine);
  BOOST_TEST(told.text == "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 3\r\n\r\nabc");
}

BOOST_AUTO_TEST_CASE(to_a_client_that_knows_no_chunks_the_end_of_the_connection_is_the_end_of_the_body) {
  const auto told = stream(asked("GET", 0), {head + "\r\nab", "c"});
  BOOST_TEST(told.is_fine);
  BOOST_TEST(told.text == "HTTP/1.1 200 OK\r\na: b\r\nconnection: close\r\n\r\nabc");
  BOOST_TEST(!told.keeps_alive);
}

BOOST_AUTO_TEST_CASE(an_answer_to_head_has_no_body) {
  const auto told = stream(asked("HEAD"), {head + "\r\nab", "c"});
  BOOST_TEST(told.is_fine);
  BOOST_TEST(told.text == "HTTP/1.1 200 OK\r\na: b\r\n\r\n");
  BOOST_TEST(told.keeps_alive);
}

BOOST_AUTO_TEST_CASE(more_or_less_than_was_announced_is_a_fault_that_the_client_can_see) {
  for (const auto& parts : std::vector<std::vector<std::string>>{{head + "content-length: 2\r\n\r\n", "abc"},
                                                                 {head + "content-length: 4\r\n\r\n", "abc"},
                                                                 {"HTTP/1.1 204 No Content\r\n\r\n", "abc"}}) {
    const auto told = stream(asked(), parts);
    BOOST_TEST(!told.is_fine);
    BOOST_TEST(told.has_begun);
  }
  const std::string endless(70'000, 'a');
  for (const auto& parts :
       std::vector<std::vector<std::string>>{{"garbage\r\n\r\n"}, {"HTTP/1.1 200 OK\r\n"}, {head + endless}}) {
    const auto told = stream(asked(), parts);
    BOOST_TEST(!told.is_fine);
    BOOST_TEST(!told.has_begun);
    BOOST_TEST(told.text.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_socket_is_open_when_the_app_says_so_and_closed_when_it_has_no_more_to_say) {
  auto to = asked();
  to.header.push_back({"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="});
  const std::string text = std::string("T\0\0\0\2hi", 7);
  const auto told = stream(
    to, {"HTTP/1.1 101 x\r\nsec-websocket-protocol: chat\r\nsec-websocket-accept: forged\r\n\r\n" + text.substr(0, 3),
         text.substr(3) + text});
  BOOST_TEST(told.is_fine);
  BOOST_TEST(told.text
             == "HTTP/1.1 101 x\r\nsec-websocket-protocol: chat\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
                "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
                "\x81\x02hi\x81\x02hi\x88\x02\x03\xe8");
  BOOST_TEST(!told.keeps_alive);
}

BOOST_AUTO_TEST_CASE(a_socket_that_nobody_asked_for_is_no_response) {
  BOOST_TEST(!stream(asked(), {"HTTP/1.1 101 Switching Protocols\r\n\r\n"}).is_fine);
}

BOOST_AUTO_TEST_CASE(who_wants_a_socket_may_get_a_response_instead) {
  auto to = asked();
  to.header.push_back({"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="});
  const auto told = stream(to, {"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"});
  BOOST_TEST(told.is_fine);
  BOOST_TEST(told.text == "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
}

BOOST_AUTO_TEST_SUITE_END()
