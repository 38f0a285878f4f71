#include "node/gateway/connection.hpp"

#include "core/defaults.hpp"
#include "tests/support/connection_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;

namespace {

using gateway_connection_fixture = test::connection_fixture;

call_reply reply_of(std::size_t size) {
  call_reply reply;
  reply.id = {1, 2};
  reply.value.head = bytes::copy_of(std::string(size, 'r'));
  return reply;
}

log_text text_of(std::size_t size) {
  log_text text;
  text.call = {1, 2};
  text.stream = wire::stream_out;
  text.text = bytes::copy_of(std::string(size, 't'));
  return text;
}

/// What a client finds when it begins to read.
struct backlog {
  std::uint64_t kept = 0, dropped = 0;
  std::size_t gaps = 0, replies = 0;

  void add(std::string_view frame) {
    wire::log log;
    if (!wire::parse(frame, log)) {
      ++replies;
      return;
    }
    kept += log.body.size();
    dropped += log.dropped;
    gaps += log.dropped > 0 ? 1 : 0;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(gateway_connection, gateway_connection_fixture)

BOOST_AUTO_TEST_CASE(what_one_read_brings_is_one_message_to_the_session) {
  open();
  std::string frames;
  for (std::uint64_t n = 1; n <= 50; ++n) {
    wire::call call;
    call.id = {1, n};
    call.body = "x";
    call.size = 1;
    wire::encode(call, frames);
  }
  BOOST_REQUIRE_EQUAL(client->send(frames), frames.size());
  BOOST_REQUIRE(run_until([&] { return heard->events.size() == 50; }));
  BOOST_CHECK_EQUAL(heard->batches.size(), 1u);
  for (std::uint64_t n = 1; n <= 50; ++n)
    BOOST_CHECK((std::get<client::invoke>(heard->events[n - 1]).header.id == call_id{1, n}));
}

BOOST_AUTO_TEST_CASE(answers_go_out_in_order) {
  open();
  client::effects effects;
  for (std::uint32_t n = 1; n <= 20; ++n)
    effects.emplace_back(client::done{n, std::to_string(n)});
  tell(std::move(effects));
  for (std::uint32_t n = 1; n <= 20; ++n)
    BOOST_CHECK_EQUAL(answer(), R"({"done":{"detail":")" + std::to_string(n) + R"(","count":"0"}})");
}

BOOST_AUTO_TEST_CASE(a_long_listing_comes_a_page_a_turn_and_holds_up_nothing) {
  open();
  const auto rows_in = [](std::string_view page) {
    std::size_t rows = 0;
    for (auto at = page.find("\"name\""); at != std::string_view::npos; at = page.find("\"name\"", at + 1))
      ++rows;
    return rows;
  };
  client::effects effects;
  effects.emplace_back(client::rows<run_row>{1, std::vector<run_row>(500)});
  effects.emplace_back(client::done{2, "between"});
  tell(std::move(effects));
  std::size_t rows = 0;
  bool came_first = false;
  while (rows < 500) {
    const auto body = answer();
    came_first = came_first || (body.find("between") != std::string::npos && rows == 0);
    rows += rows_in(body);
  }
  BOOST_CHECK_EQUAL(rows, 500u);
  BOOST_CHECK(came_first);
  client::effects last; // and a listing before the end is not lost
  last.emplace_back(client::rows<run_row>{3, std::vector<run_row>(500)});
  last.emplace_back(client::close{});
  tell(std::move(last));
  for (rows = 0; rows < 500;)
    rows += rows_in(answer());
  BOOST_CHECK(closed());
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_is_gone_for_its_session) {
  open();
  client->request(1, R"({"status": null})");
  client->close();
  BOOST_REQUIRE(run_until([&] { return heard->gone == 1; }));
  BOOST_CHECK_EQUAL(heard->events.size(), 1u); // what it said before was heard
  BOOST_CHECK_EQUAL(heard->reason, "");
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_in_the_middle_of_a_frame_is_gone_with_a_reason) {
  open();
  std::string frame;
  wire::call call;
  call.id = {1, 1};
  const std::string body(5000, 'b');
  call.body = body;
  call.size = body.size();
  wire::encode(call, frame);
  client->send(std::string_view(frame).substr(0, 3000));
  client->close();
  BOOST_REQUIRE(run_until([&] { return heard->gone == 1; }));
  BOOST_CHECK(heard->events.empty());
  BOOST_CHECK_NE(heard->reason.find("middle"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_while_it_is_paused_is_noticed) {
  open();
  tell_one(client::pause_reading{});
  tell_one(client::done{1, {}});
  answer(); // the pause has been seen
  client->close();
  BOOST_CHECK(run_until([&] { return heard->gone == 1; }));
}

BOOST_AUTO_TEST_CASE(a_paused_client_is_not_heard_until_it_is_resumed) {
  open();
  tell_one(client::pause_reading{});
  tell_one(client::done{1, {}});
  answer();
  client->request(1, R"({"status": null})");
  tell_one(client::done{2, {}});
  answer();
  BOOST_CHECK(heard->events.empty());
  tell_one(client::resume_reading{});
  BOOST_CHECK(run_until([&] { return heard->events.size() == 1; }));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_frame_end_the_connection) {
  open();
  client->send(std::string(100, '\xff'));
  BOOST_CHECK(closed());
  BOOST_REQUIRE(run_until([&] { return heard->gone == 1; }));
  BOOST_CHECK_NE(heard->reason, "");
}

BOOST_AUTO_TEST_CASE(a_client_that_breaks_the_protocol_is_told_what_it_did_and_closed) {
  open();
  client->send_frame(wire::reply{});
  const auto said = answer();
  BOOST_CHECK_NE(said.find("only the node sends"), std::string::npos);
  BOOST_CHECK_NE(said.find("bad_request"), std::string::npos);
  BOOST_CHECK(closed());
  BOOST_REQUIRE(run_until([&] { return heard->gone == 1; }));
  BOOST_CHECK_NE(heard->reason.find("only the node sends"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_came_before_a_breach_is_heard_and_what_comes_after_is_not) {
  open();
  std::string frames;
  wire::control good;
  good.request = 1;
  good.body = R"({"status": null})";
  wire::encode(good, frames);
  wire::encode(wire::log{}, frames);
  wire::encode(good, frames);
  client->send(frames);
  BOOST_CHECK(closed());
  BOOST_REQUIRE(run_until([&] { return heard->gone == 1; }));
  BOOST_CHECK_EQUAL(heard->events.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_hostile_request_is_answered_and_the_connection_goes_on) {
  open();
  client->request(7, "[[[[[[");
  BOOST_CHECK_NE(answer().find("bad_request"), std::string::npos);
  client->request(8, R"({"status": null})");
  BOOST_CHECK(run_until([&] { return heard->events.size() == 1; }));
}

BOOST_AUTO_TEST_CASE(a_value_of_64_mebibytes_comes_in_and_goes_out_whole) {
  open();
  constexpr std::size_t size = 64 * defaults::mib;
  struct sink final : wire::frame_writer {
    std::string text;
    void write(std::string_view more) override { text += more; }
    void write(bytes memory) override { text += memory.view(); }
  } frames;
  std::string content(size, 'v');
  for (std::size_t at = 0; at < size; at += 4096)
    content[at] = static_cast<char>(at / 4096);
  wire::call call;
  call.id = {1, 9};
  wire::write_value(call, payload{bytes::copy_of(content), {}}, frames);
  send_all(frames.text);
  BOOST_REQUIRE(run_until([&] { return heard->events.size() == 1; }));
  auto arguments = std::move(std::get<client::invoke>(heard->events[0]).arguments);
  BOOST_REQUIRE_EQUAL(arguments.size(), size);
  std::string got(arguments.head.view());
  for (const auto& part : arguments.rest)
    got += part.view();
  BOOST_CHECK(got == content);

  config.unread_bytes_max = 2 * size; // of the connection as it is: not reached, because the client reads
  call_reply reply;
  reply.id = {1, 9};
  reply.value = std::move(arguments);
  // In turns, as replies of several calls would come: none may exceed what a client leaves unread.
  std::size_t replied = 0, chunks = 0;
  std::string back;
  call_reply piece = reply;
  piece.value = payload{reply.value.head, {}};
  tell_one(std::move(piece));
  for (auto& part : reply.value.rest) {
    call_reply next;
    next.id = {1, 9};
    next.value.head = std::move(part);
    tell_one(std::move(next));
    BOOST_REQUIRE(run_until([&] {
      client->receive();
      while (auto frame = client->frame()) {
        wire::reply r;
        BOOST_REQUIRE(wire::parse(std::string_view(*frame), r));
        back += r.body;
        ++chunks;
      }
      return back.size() > replied;
    }));
    replied = back.size();
  }
  BOOST_REQUIRE(run_until([&] {
    client->receive();
    while (auto frame = client->frame()) {
      wire::reply r;
      BOOST_REQUIRE(wire::parse(std::string_view(*frame), r));
      back += r.body;
    }
    return back.size() == size;
  }));
  BOOST_CHECK(back == content);
}

BOOST_AUTO_TEST_CASE(a_slow_reader_gets_everything) {
  open();
  constexpr std::size_t replies = 40, each = 100 * defaults::kib; // more than a socket's buffer, less than the limit
  client::effects effects;
  for (std::size_t n = 0; n < replies; ++n)
    effects.emplace_back(reply_of(each));
  tell(std::move(effects));
  std::size_t seen = 0;
  BOOST_CHECK(run_until([&] {
    client->receive();
    while (client->frame())
      ++seen;
    return seen == replies;
  }));
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_is_closed) {
  open();
  for (int n = 0; n < 100 && heard->gone == 0; ++n)
    tell_one(reply_of(defaults::mib));
  BOOST_REQUIRE(run_until([&] { return heard->gone == 1; }));
  BOOST_CHECK_NE(heard->reason.find("unread"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(output_for_a_client_that_does_not_read_is_dropped_and_counted_and_its_reply_is_not) {
  open();
  constexpr std::size_t texts = 64, each = defaults::mib; // eight times what closes a connection
  for (std::size_t n = 0; n < texts; ++n)
    tell_one(text_of(each));
  tell_one(reply_of(10));
  pass_time();
  BOOST_CHECK_EQUAL(heard->gone, 0);
  backlog found;
  BOOST_CHECK(run_until([&] {
    client->receive();
    while (auto frame = client->frame())
      found.add(*frame);
    return found.replies == 1;
  }));
  BOOST_CHECK_EQUAL(found.kept + found.dropped, texts * each); // known to the byte
  BOOST_CHECK_LE(found.kept, 2 * config.unread_log_bytes_max);
  BOOST_CHECK_EQUAL(found.gaps, 1u);
}

BOOST_AUTO_TEST_CASE(output_goes_on_with_the_size_of_the_gap_when_the_client_reads_again) {
  open();
  for (std::size_t n = 0; n < 8; ++n)
    tell_one(text_of(defaults::mib));
  backlog found;
  BOOST_CHECK(run_until([&] {
    client->receive();
    while (auto frame = client->frame())
      found.add(*frame);
    return found.kept + found.dropped == 8 * defaults::mib; // the end of the gap is told although nothing follows
  }));
  BOOST_CHECK_GT(found.dropped, 0u);
  tell_one(text_of(5));
  BOOST_CHECK(run_until([&] {
    client->receive();
    while (auto frame = client->frame())
      found.add(*frame);
    return found.kept + found.dropped == 8 * defaults::mib + 5;
  }));
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_told_to_close_writes_what_came_before) {
  config.close_grace = 5s; // longer than it takes a busy machine to read them
  open();
  client::effects effects;
  effects.emplace_back(reply_of(4 * defaults::mib));
  effects.emplace_back(client::done{1, "last"});
  effects.emplace_back(client::close{});
  effects.emplace_back(client::done{2, "never"});
  tell(std::move(effects));
  std::size_t frames = 0;
  BOOST_CHECK(run_until([&] {
    const bool open = client->receive();
    while (client->frame())
      ++frames;
    return !open;
  }));
  BOOST_CHECK_EQUAL(frames, 5u); // a reply, three chunks, `last`
}

BOOST_AUTO_TEST_CASE(last_words_to_a_client_that_does_not_read_have_an_end) {
  open();
  client::effects effects;
  effects.emplace_back(reply_of(4 * defaults::mib));
  effects.emplace_back(client::close{});
  tell(std::move(effects));
  BOOST_CHECK(run_until([&] { return heard->gone == 1; })); // nobody reads
}

BOOST_AUTO_TEST_CASE(a_session_that_fails_ends_its_connection_alone) {
  open();
  caf::anon_send(session, atom::tick::value);
  BOOST_CHECK(closed());
  heard->gone = 1; // it was not there to hear
}

BOOST_AUTO_TEST_SUITE_END()
