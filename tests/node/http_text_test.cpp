#include "node/http/app_text.hpp"
#include "node/http/failures.hpp"
#include "node/http/request_parser.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <variant>

using namespace hearth;
using namespace hearth::http;

BOOST_AUTO_TEST_SUITE(http_text)

namespace {

request_head head_of(std::string_view text) {
  request_parser parser(1 << 20);
  text.remove_prefix(parser.feed(text));
  parser.feed(text);
  BOOST_REQUIRE(parser.is_done());
  return parser.head();
}

const origin here{"unix", "http", "/rest?q=1", "/apps/p/d/n", "0123456789abcdef0123456789abcdef"};

} // namespace

BOOST_AUTO_TEST_CASE(an_app_gets_a_request_in_one_way_to_write_it) {
  const auto head = head_of(
    "POST /apps/p/d/n/rest?q=1 HTTP/1.1\r\nHost: a:80\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\n"
    "Accept: */*\r\nContent-Length: 3\r\n\r\nabc");
  BOOST_TEST(request_text(head, "abc", here)
             == "POST /rest?q=1 HTTP/1.1\r\nhost: a:80\r\naccept: */*\r\nx-forwarded-for: unix\r\n"
                "x-forwarded-proto: http\r\nx-forwarded-host: a:80\r\nx-forwarded-prefix: /apps/p/d/n\r\n"
                "x-request-id: 0123456789abcdef0123456789abcdef\r\ncontent-length: 3\r\n\r\nabc");
}

BOOST_AUTO_TEST_CASE(a_body_that_follows_has_its_length_said_where_that_is_known) {
  auto with_length = here;
  with_length.body_follows = true;
  const auto head = head_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  BOOST_TEST(request_text(head, {}, with_length).ends_with("\r\ncontent-length: 3\r\n\r\n"));
  const auto chunked = head_of("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  BOOST_TEST(request_text(chunked, {}, with_length).find("content-length") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_app_hears_of_a_wish_for_a_socket_from_nobody_but_the_front_door) {
  const auto head = head_of("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  BOOST_TEST(request_text(head, {}, here).find("upgrade") == std::string::npos);
  auto checked = here;
  checked.opens_socket = true;
  BOOST_TEST(request_text(head, {}, checked).ends_with("\r\nupgrade: websocket\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(a_client_cannot_say_where_it_comes_from) {
  const auto head = head_of(
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: for=x\r\n"
    "X-Forwarded-Prefix: /admin\r\nX-Request-Id: mine\r\nUpgrade: websocket\r\nTE: trailers\r\n\r\n");
  const auto text = request_text(head, "", {"unix", "http", "/", "", here.request_id});
  for (const auto* forged : {"10.0.0.1", "for=x", "/admin", "mine", "websocket", "trailers"})
    BOOST_TEST(text.find(forged) == std::string::npos, forged);
}

BOOST_AUTO_TEST_CASE(chunks_reach_an_app_as_a_length) {
  const auto head = head_of("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  const auto text = request_text(head, "", {"unix", "http", "/", "", here.request_id});
  BOOST_TEST(text.find("content-length: 0\r\n") != std::string::npos);
  BOOST_TEST(text.find("chunked") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_answer_is_read_and_goes_out_without_what_is_ours_to_say) {
  const std::string text =
    "HTTP/1.1 201 Made\r\ncontent-type: a/b\r\nconnection: close\r\ncontent-length: 99\r\n\r\nbody";
  auto read = read_response(text);
  BOOST_REQUIRE(std::holds_alternative<response>(read));
  const auto& answer = std::get<response>(read);
  BOOST_TEST(answer.body_at == text.size() - 4);
  BOOST_TEST(answer.length.value_or(0) == 99U);
  const auto head = head_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST(response_text(answer, 4, head, true)
             == "HTTP/1.1 201 Made\r\ncontent-type: a/b\r\ncontent-length: 4\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(an_answer_without_a_body_has_no_length) {
  auto read = read_response("HTTP/1.1 204 No Content\r\n\r\n");
  BOOST_REQUIRE(std::holds_alternative<response>(read));
  const auto head = head_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST(response_text(std::get<response>(read), 0, head, false)
             == "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_none_is_said_to_be_none) {
  for (const std::string text :
       {"", "HTTP/1.1 200 OK\r\n", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n", "HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"})
    BOOST_TEST(std::holds_alternative<std::string>(read_response(text)), text);
}

BOOST_AUTO_TEST_CASE(what_an_app_raised_is_not_shown_and_what_the_node_says_is) {
  call_reply raised;
  raised.code = ec::user_error;
  raised.value = payload::text("secret");
  BOOST_TEST(refusal_of(raised).status == 500);
  BOOST_TEST(refusal_of(raised).why.find("secret") == std::string::npos);
  call_reply loops;
  loops.code = ec::crash_loop;
  loops.is_text = true;
  loops.value = payload::text("Replicas end again and again.");
  BOOST_TEST(refusal_of(loops).status == 503);
  BOOST_TEST(refusal_of(loops).why == "Replicas end again and again.");
  call_reply full;
  full.code = ec::queue_full;
  BOOST_TEST(refusal_of(full).status == 429);
}

BOOST_AUTO_TEST_SUITE_END()
