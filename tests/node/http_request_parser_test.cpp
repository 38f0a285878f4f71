#include "core/defaults_http.hpp"
#include "node/http/request_parser.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace hearth;
using namespace hearth::http;
using namespace std::string_literals;

BOOST_AUTO_TEST_SUITE(http_request_parser)

namespace {

constexpr std::uint64_t body_max = 1 << 20;

struct reading {
  int status = 0;
  bool is_done = false;
  std::size_t taken = 0;
  std::string body;

  bool operator==(const reading&) const = default;
};

std::ostream& operator<<(std::ostream& out, const reading& what) {
  return out << "status " << what.status << (what.is_done ? ", done" : "") << ", " << what.taken << " bytes, body of "
             << what.body.size();
}

/// What is read of `text` when it comes in pieces of at most `most` bytes.
reading read(std::string_view text, std::size_t most) {
  request_parser parser(body_max);
  reading result;
  while (result.taken < text.size() && !parser.is_done() && parser.fault().status == 0) {
    const auto piece = text.substr(result.taken, most);
    const bool had_head = parser.has_head();
    const auto taken = parser.feed(piece);
    result.taken += taken;
    if (parser.has_head() && !had_head)
      parser.await_body(false);
    else if (taken < piece.size())
      break;
  }
  result.status = parser.fault().status;
  result.is_done = parser.is_done();
  if (result.is_done)
    result.body = parser.body();
  if (result.status != 0)
    result.taken = 0; // where it stopped depends on the pieces, and nobody asks
  return result;
}

const std::string host = "Host: app.example:8080\r\n";

std::string get(const std::string& more) { return "GET / HTTP/1.1\r\n" + host + more + "\r\n"; }
std::string post(const std::string& more, const std::string& body) {
  return "POST /a?b=c HTTP/1.1\r\n" + host + more + "\r\n" + body;
}

struct sample {
  const char* what;
  std::string text;
  int status; // 0: it is a request
};

std::string so_many_fields(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "a:b\r\n";
  return text;
}

const sample requests[] = {
  {"a request without a body", get(""), 0},
  {"one with a length", post("Content-Length: 3\r\n", "abc"), 0},
  {"one in chunks", post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), 0},
  {"chunks with an extension and a trailer",
   post("Transfer-Encoding: CHUNKED\r\n", "3;a=b\r\nabc\r\n0\r\nX: 1\r\n\r\n"), 0},
  {"one of HTTP/1.0, without Host", "GET / HTTP/1.0\r\n\r\n", 0},
  {"a whole address that fits Host", "GET http://app.example:8080/x HTTP/1.1\r\n" + host + "\r\n", 0},
  {"all options", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 0},
};

const sample bodies_that_are_none[] = {
  {"a negative length", post("Content-Length: -1\r\n", "abc"), 400},
  {"a length with a sign", post("Content-Length: +3\r\n", "abc"), 400},
  {"a length beyond 64 bits", post("Content-Length: 18446744073709551619\r\n", "abc"), 400},
  {"a length of 16 digits", post("Content-Length: 0000000000000003\r\n", "abc"), 400},
  {"no length in Content-Length", post("Content-Length: \r\n", "abc"), 400},
  {"the same length twice", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400},
  {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400},
  {"a list of lengths", post("Content-Length: 3, 3\r\n", "abc"), 400},
  {"a body that is too large", post("Content-Length: 3000000\r\n", "abc"), 413},
  {"chunks that become too large", post("Transfer-Encoding: chunked\r\n", "fffffffffffffff\r\nabc"), 413},
  {"a length and chunks", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
  {"chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400},
  {"another coding", post("Transfer-Encoding: gzip\r\n", "abc"), 501},
  {"two codings", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
  {"something like chunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
  {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
  {"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
  {"a name with a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
  {"a size of a chunk that wraps", post("Transfer-Encoding: chunked\r\n", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
   400},
  {"a negative chunk", post("Transfer-Encoding: chunked\r\n", "-3\r\nabc\r\n0\r\n\r\n"), 400},
  {"a chunk longer than it said", post("Transfer-Encoding: chunked\r\n", "3\r\nabcd\r\n0\r\n\r\n"), 400},
  {"an extension of a chunk without an end", post("Transfer-Encoding: chunked\r\n", "3;" + std::string(20'000, 'a')),
   400},
  {"a wish that is not known", post("Expect: more\r\nContent-Length: 3\r\n", "abc"), 417},
};

const sample headers_that_are_none[] = {
  {"a hundred fields", get(so_many_fields(99)), 0},
  {"lines that end with LF", "GET / HTTP/1.1\nHost: a\n\n", 400},
  {"a bare CR", get("A: b\rc\r\n"), 400},
  {"a NUL in a value", get("A: b\0c\r\n"s), 400},
  {"a NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s, 400},
  {"a folded line", get("A: b\r\n c\r\n"), 400},
  {"a folded line with a tab", get("A: b\r\n\tc\r\n"), 400},
  {"a folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
  {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
  {"two Hosts", get("Host: other\r\n"), 400},
  {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
  {"a Host with an address and a port", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", 0},
  {"a Host with two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400},
  {"a Host whose port is no number", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400},
  {"a Host that is a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
  {"a Host with half an address", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
  {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
  {"a Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
  {"a whole address of another host", "GET http://other/ HTTP/1.1\r\n" + host + "\r\n", 400},
  {"no path", "GET app HTTP/1.1\r\n" + host + "\r\n", 400},
  {"a fragment", "GET /a#b HTTP/1.1\r\n" + host + "\r\n", 400},
  {"a target of more than ASCII", "GET /\xff HTTP/1.1\r\n" + host + "\r\n", 400},
  {"a long target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
  {"a long header", get("A: " + std::string(20'000, 'a') + "\r\n"), 431},
  {"a header without an end", "GET / HTTP/1.1\r\n" + std::string(20'000, 'a'), 431},
  {"a hundred thousand fields", get(so_many_fields(100'000)), 431},
  {"more fields than there may be", get(so_many_fields(100)), 431},
  {"a tunnel", "CONNECT a:1 HTTP/1.1\r\n" + host + "\r\n", 405},
  {"an echo of headers", "TRACE / HTTP/1.1\r\n" + host + "\r\n", 405},
  {"HTTP/2 without a word before", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
  {"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505},
  {"a handshake of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s, 400},
};

const std::vector<sample>& samples() {
  static const auto all = [] {
    std::vector<sample> result(std::begin(requests), std::end(requests));
    result.insert(result.end(), std::begin(bodies_that_are_none), std::end(bodies_that_are_none));
    result.insert(result.end(), std::begin(headers_that_are_none), std::end(headers_that_are_none));
    return result;
  }();
  return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_two_readers_might_read_differently_is_refused) {
  for (const auto& each : samples())
    for (const std::size_t most : {std::size_t{1} << 30, std::size_t{1}, std::size_t{7}}) {
      const auto result = read(each.text, most);
      BOOST_TEST(result.status == each.status, each.what << ", in pieces of " << most << ": " << result);
      BOOST_TEST(result.is_done == (each.status == 0), each.what << ": " << result);
    }
}

BOOST_AUTO_TEST_CASE(a_request_ends_where_it_ends_and_the_next_one_is_left) {
  for (const auto& each : samples()) {
    if (each.status != 0)
      continue;
    const auto result = read(each.text + "GET /next HTTP/1.1\r\n", std::size_t{1} << 30);
    BOOST_TEST(result.taken == each.text.size(), each.what << ": " << result);
  }
}

BOOST_AUTO_TEST_CASE(names_are_in_lower_case_and_values_are_stripped) {
  request_parser parser(body_max);
  parser.feed("POST /x HTTP/1.1\r\nHOST: a\r\nX-Thing: \t two words \r\nContent-Length: 2\r\n\r\n");
  parser.feed("ab");
  BOOST_REQUIRE(parser.is_done());
  BOOST_TEST((parser.head().header == fields{{"host", "a"}, {"x-thing", "two words"}, {"content-length", "2"}}));
  BOOST_TEST(parser.body() == "ab");
  BOOST_TEST(parser.head().keeps_alive);
}

BOOST_AUTO_TEST_CASE(a_connection_stays_as_long_as_both_sides_want) {
  const auto keeps = [](const std::string& text) {
    request_parser parser(body_max);
    parser.feed(text);
    BOOST_REQUIRE(parser.is_done());
    return parser.head().keeps_alive;
  };
  BOOST_TEST(keeps(get("")));
  BOOST_TEST(!keeps(get("Connection: close\r\n")));
  BOOST_TEST(!keeps("GET / HTTP/1.0\r\n\r\n"));
  BOOST_TEST(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(a_body_that_is_taken_as_it_comes_may_have_any_length) {
  const std::string part(body_max, 'a');
  for (const bool in_chunks : {false, true}) {
    request_parser parser(body_max);
    parser.feed(in_chunks
                  ? "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  : "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(4 * body_max) + "\r\n\r\n");
    parser.await_body(true);
    for (int i = 0; i < 4; ++i) {
      char size[20];
      std::snprintf(size, sizeof size, "%zx\r\n", part.size());
      parser.feed(in_chunks ? size + part + "\r\n" : part);
      BOOST_TEST(parser.take_body() == part);
      BOOST_TEST(parser.body().empty());
    }
    if (in_chunks)
      parser.feed("0\r\n\r\n");
    BOOST_TEST(parser.is_done());
    BOOST_TEST(parser.fault().status == 0);
  }
}

BOOST_AUTO_TEST_CASE(noise_in_any_pieces_is_read_in_one_way_and_never_takes_more_than_it_may) {
  std::mt19937 random(20261127);
  for (int round = 0; round < 2000; ++round) {
    auto text = samples()[random() % samples().size()].text.substr(0, 2000);
    for (auto changes = random() % 4; changes > 0 && !text.empty(); --changes)
      text[random() % text.size()] = static_cast<char>(random());
    const auto whole = read(text, std::size_t{1} << 30), bytewise = read(text, 1);
    BOOST_TEST(whole.is_done == bytewise.is_done, "seed 20261127, round " << round);
    BOOST_TEST(whole.body == bytewise.body, "seed 20261127, round " << round);
    BOOST_TEST((whole.status == 0) == (bytewise.status == 0), "seed 20261127, round " << round << ": " << text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
