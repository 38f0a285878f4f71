#include "node/gateway/inbound.hpp"
#include "node/gateway/outbound.hpp"

#include "core/defaults.hpp"
#include "node/wire/control.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

using namespace hearth;
using namespace hearth::node;

namespace {

/// Frames as a client reads them.
struct written final : wire::frame_writer {
  std::string text;

  void write(std::string_view more) override { text += more; }
  void write(bytes memory) override { text += memory.view(); }

  std::vector<bytes> frames() const {
    std::vector<bytes> result;
    for (std::size_t at = 0; at < text.size();) {
      const auto size = wire::frame_size(text.data() + at);
      BOOST_REQUIRE(size && *size <= text.size() - at);
      result.push_back(bytes::copy_of(std::string_view(text).substr(at, *size)));
      at += *size;
    }
    return result;
  }
};

template <class Frame>
bytes frame_of(const Frame& frame) {
  std::string out;
  wire::encode(frame, out);
  return bytes::copy_of(out);
}

template <class Frame>
Frame parsed(const bytes& frame) {
  Frame result;
  BOOST_REQUIRE(wire::parse(frame.view(), result));
  return result;
}

wire::call a_call(std::uint64_t n, std::string_view body = {}) {
  wire::call frame;
  frame.id = {1, n};
  frame.body = body;
  frame.size = body.size();
  return frame;
}

wire::control request(std::uint32_t number, std::string_view json) {
  wire::control frame;
  frame.request = number;
  frame.body = json;
  return frame;
}

wire::chunk part_of(std::uint64_t n, std::uint64_t offset, std::string_view body, bool last) {
  wire::chunk frame;
  frame.id = {1, n};
  frame.offset = offset;
  frame.body = body;
  frame.flags = last ? wire::chunk_last : 0;
  return frame;
}

struct gateway_frames_fixture {
  inbound in{"/usr/bin/python3"};
  client::events events;
  std::vector<client::refused> refused;

  template <class Frame>
  std::string take(const Frame& frame) {
    return in.take(frame_of(frame), events, refused);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(gateway_frames, gateway_frames_fixture)

BOOST_AUTO_TEST_CASE(a_call_keeps_everything_that_a_client_may_say) {
  auto frame = a_call(5, "arguments");
  frame.flags = wire::call_run;
  frame.environment = 3;
  frame.task = 4;
  frame.root = {7, 8};
  frame.deadline_ms = 250;
  frame.trace_hi = 9, frame.trace_lo = 10, frame.span = 11;
  frame.depth = 60, frame.parent = {1, 1}; // not a client's to say
  BOOST_REQUIRE_EQUAL(take(frame), "");
  const auto& call = std::get<client::invoke>(events.at(0));
  BOOST_CHECK(call.is_run && call.environment == 3 && call.header.task == 4);
  BOOST_CHECK((call.header.id == call_id{1, 5} && call.header.root == call_id{7, 8}));
  BOOST_CHECK(call.header.deadline == milliseconds(250));
  BOOST_CHECK(call.header.trace.hi == 9 && call.header.trace.lo == 10 && call.header.trace.span == 11);
  BOOST_CHECK(call.header.depth == 0 && !call.header.parent);
  BOOST_CHECK_EQUAL(call.arguments.head.view(), "arguments");
  frame.deadline_ms = UINT64_MAX;
  frame.id = {1, 6};
  BOOST_REQUIRE_EQUAL(take(frame), "");
  BOOST_CHECK(std::get<client::invoke>(events.at(1)).header.deadline > milliseconds(0));
}

BOOST_AUTO_TEST_CASE(large_arguments_are_put_together_across_other_calls) {
  auto frame = a_call(1, "aaa");
  frame.size = 7;
  BOOST_CHECK_EQUAL(take(frame), "");
  BOOST_CHECK(events.empty());
  BOOST_CHECK_EQUAL(take(a_call(2, "small")), "");
  BOOST_CHECK_EQUAL(take(part_of(1, 3, "bb", false)), "");
  BOOST_CHECK_EQUAL(take(part_of(1, 5, "cc", true)), "");
  BOOST_REQUIRE_EQUAL(events.size(), 2u);
  BOOST_CHECK((std::get<client::invoke>(events[0]).header.id == call_id{1, 2}));
  const auto& whole = std::get<client::invoke>(events[1]).arguments;
  BOOST_CHECK_EQUAL(whole.size(), 7u);
  BOOST_CHECK_EQUAL(whole.head.view(), "aaa");
}

BOOST_AUTO_TEST_CASE(values_that_do_not_fit_together_break_the_protocol) {
  auto begin = a_call(1, "aaa");
  begin.size = 7;
  const auto fault = [&](auto... frames) {
    gateway_frames_fixture fresh;
    std::string said;
    ((said = fresh.take(frames)), ...);
    return said;
  };
  BOOST_CHECK_NE(fault(part_of(1, 0, "x", true)), "");            // of nothing
  BOOST_CHECK_NE(fault(begin, part_of(1, 4, "x", false)), "");    // a gap
  BOOST_CHECK_NE(fault(begin, part_of(1, 3, "xxxxx", true)), ""); // too much
  BOOST_CHECK_NE(fault(begin, part_of(1, 3, "x", true)), "");     // too little
  BOOST_CHECK_NE(fault(begin, part_of(1, 3, "xxxx", false)), ""); // not said to be the last
  BOOST_CHECK_NE(fault(begin, begin), "");                        // twice
  auto huge = begin;
  huge.size = defaults::value_bytes_max + 1;
  BOOST_CHECK_NE(fault(huge), "");
  auto negative = begin;
  negative.size = 1; // less than is there
  BOOST_CHECK_NE(fault(negative), "");
  auto reply_part = part_of(1, 3, "xxxx", true);
  reply_part.flags |= wire::chunk_of_reply;
  BOOST_CHECK_NE(fault(begin, reply_part), "");
  auto nameless = a_call(0);
  nameless.id = {};
  BOOST_CHECK_NE(fault(nameless), "");
}

BOOST_AUTO_TEST_CASE(unfinished_values_are_bounded_also_when_their_parts_are_tiny) {
  std::string fault;
  std::uint64_t begun = 0;
  for (; fault.empty() && begun < 1'000'000; ++begun) {
    auto frame = a_call(begun + 1, "x");
    frame.size = 2;
    fault = take(frame);
  }
  BOOST_CHECK_NE(fault.find("unfinished"), std::string::npos);
  BOOST_CHECK_GT(begun, defaults::window_calls);
}

BOOST_AUTO_TEST_CASE(a_bundle_is_passed_on_part_by_part_until_it_is_answered) {
  BOOST_CHECK_EQUAL(take(request(9, R"({"putBundle": {"digest": "d", "size": 4}})")), "");
  auto part = part_of(0, 0, "ab", false);
  part.id = {};
  part.request = 9;
  BOOST_CHECK_EQUAL(take(part), "");
  part.offset = 2;
  part.flags = wire::chunk_last;
  BOOST_CHECK_EQUAL(take(part), "");
  BOOST_REQUIRE_EQUAL(events.size(), 3u);
  const auto& last = std::get<client::bundle_part>(events[2]);
  BOOST_CHECK(last.request == 9 && last.offset == 2 && last.last && last.content.view() == "ab");
  in.answered(9);
  BOOST_CHECK_EQUAL(take(part), ""); // was on its way when the bundle was refused
  BOOST_CHECK_EQUAL(events.size(), 3u);
}

BOOST_AUTO_TEST_CASE(bundles_on_their_way_are_bounded_in_bytes_and_number) {
  BOOST_CHECK_EQUAL(take(request(1, R"({"putBundle": {"digest": "d", "size": 1}})")), "");
  wire::chunk part;
  part.request = 1;
  const std::string mebibyte(defaults::mib, 'x');
  part.body = mebibyte;
  const auto frame = frame_of(part);
  std::string fault;
  std::uint64_t taken = 0;
  while (fault.empty() && taken <= defaults::bundle_bytes_max + 2 * defaults::mib) {
    fault = in.take(frame, events, refused);
    events.clear();
    taken += mebibyte.size();
  }
  BOOST_CHECK_NE(fault, "");
  gateway_frames_fixture fresh;
  fault.clear();
  for (std::uint32_t n = 1; fault.empty() && n < 1000; ++n)
    fault = fresh.take(request(n, R"({"putBundle": {"digest": "d", "size": 1}})"));
  BOOST_CHECK_NE(fault, "");
}

BOOST_AUTO_TEST_CASE(a_request_that_is_nonsense_harms_nobody_but_itself) {
  BOOST_CHECK_EQUAL(take(request(5, "{nonsense")), "");
  BOOST_REQUIRE_EQUAL(refused.size(), 1u);
  BOOST_CHECK_EQUAL(refused[0].request, 5u);
  BOOST_CHECK(refused[0].why.code == ec::bad_request);
  BOOST_CHECK_EQUAL(take(request(6, R"({"status": null})")), "");
  BOOST_CHECK_EQUAL(std::get<client::status>(events.at(0)).request, 6u);
}

BOOST_AUTO_TEST_CASE(frames_that_only_a_node_sends_break_the_protocol) {
  BOOST_CHECK_NE(take(wire::reply{}), "");
  BOOST_CHECK_NE(take(wire::log{}), "");
  auto response = request(1, R"({"status": null})");
  response.flags = wire::control_response;
  BOOST_CHECK_NE(take(response), "");
  wire::signal parked;
  parked.what = static_cast<std::uint16_t>(wire::signal_what::parked);
  BOOST_CHECK_NE(take(parked), "");
  BOOST_CHECK_NE(in.take(bytes::copy_of(std::string(64, '\xff')), events, refused), "");
  BOOST_CHECK(events.empty());
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_is_named_with_its_reason) {
  wire::signal frame;
  frame.what = static_cast<std::uint16_t>(wire::signal_what::cancel);
  frame.id = {1, 2};
  frame.body = "why";
  BOOST_CHECK_EQUAL(take(frame), "");
  const auto& cancel = std::get<client::cancel>(events.at(0));
  BOOST_CHECK((cancel.id == call_id{1, 2}));
  BOOST_CHECK_EQUAL(cancel.reason, "why");
}

BOOST_AUTO_TEST_CASE(no_bytes_do_harm) {
  std::mt19937 random(11);
  const std::vector<bytes> good{frame_of(a_call(1, "abc")), frame_of(part_of(1, 0, "abc", true)),
                                frame_of(request(1, R"({"wait": "r"})")), frame_of(wire::signal{})};
  for (int i = 0; i < 20'000; ++i) {
    std::string text(good[random() % good.size()].view());
    for (int n = 0; n < 3; ++n)
      text[random() % text.size()] = static_cast<char>(random());
    gateway_frames_fixture fresh;
    (void)fresh.in.take(bytes::copy_of(text), fresh.events, fresh.refused);
  }
}

BOOST_AUTO_TEST_CASE(a_reply_goes_out_with_its_times_and_a_large_one_in_parts) {
  call_reply reply;
  reply.id = {1, 2};
  reply.code = ec::user_error;
  reply.is_text = reply.cold = true;
  reply.attempt = 3;
  reply.run = nanoseconds(4), reply.queued = nanoseconds(5), reply.start = nanoseconds(6);
  reply.fork = nanoseconds(7), reply.import = nanoseconds(8);
  reply.value = payload{bytes::copy_of(std::string(defaults::frame_body_bytes_max + 10, 'a')), {bytes::copy_of("end")}};
  written out;
  write_effect(reply, out);
  const auto frames = out.frames();
  BOOST_REQUIRE_EQUAL(frames.size(), 3u);
  const auto first = parsed<wire::reply>(frames[0]);
  BOOST_CHECK(first.flags == (wire::reply_failed | wire::reply_text | wire::reply_cold));
  BOOST_CHECK(first.code == 1 && first.attempt == 3 && first.run_ns == 4 && first.queued_ns == 5 && first.start_ns == 6
              && first.fork_ns == 7 && first.import_ns == 8);
  BOOST_CHECK_EQUAL(first.size, defaults::frame_body_bytes_max + 13);
  const auto last = parsed<wire::chunk>(frames[2]);
  BOOST_CHECK(last.flags == (wire::chunk_last | wire::chunk_of_reply));
  BOOST_CHECK(last.body == "end" && last.offset == defaults::frame_body_bytes_max + 10);
}

BOOST_AUTO_TEST_CASE(logs_progress_and_answers_have_their_frames) {
  log_text text;
  text.call = {1, 2};
  text.stream = wire::stream_err;
  text.dropped = 9;
  text.replica = 4;
  text.unix_ns = 5;
  text.text = bytes::copy_of(std::string(defaults::frame_body_bytes_max + 1, 'x'));
  written out;
  write_effect(text, out);
  write_effect(client::progress{{1, 2}, 77}, out);
  write_effect(client::done{8, "d"}, out);
  write_effect(client::rows<run_row>{9, std::vector<run_row>(20)}, out);
  for (const client::effect& quiet : {client::effect(client::pause_reading{}), client::effect(client::close{})})
    write_effect(quiet, out);
  const auto frames = out.frames();
  BOOST_REQUIRE_EQUAL(frames.size(), 5u);
  BOOST_CHECK_EQUAL(parsed<wire::log>(frames[0]).dropped, 9u);
  BOOST_CHECK_EQUAL(parsed<wire::log>(frames[1]).dropped, 0u);
  BOOST_CHECK_EQUAL(parsed<wire::log>(frames[1]).body, "x");
  BOOST_CHECK_EQUAL(parsed<wire::signal>(frames[2]).value, 77u);
  BOOST_CHECK_EQUAL(parsed<wire::control>(frames[3]).request, 8u);
  BOOST_CHECK_EQUAL(parsed<wire::control>(frames[4]).request, 9u);
  BOOST_CHECK_EQUAL(parsed<wire::control>(frames[4]).flags, wire::control_response);
}

BOOST_AUTO_TEST_CASE(a_long_listing_is_cut_into_pages_that_say_whether_more_follows) {
  BOOST_CHECK(pages_of(client::rows<run_row>{9, std::vector<run_row>(wire::page_rows)}).empty());
  BOOST_CHECK(pages_of(client::done{9, {}}).empty());
  const auto pages = pages_of(client::rows<run_row>{9, std::vector<run_row>(2 * wire::page_rows + 1)});
  BOOST_REQUIRE_EQUAL(pages.size(), 3u);
  BOOST_CHECK_EQUAL(std::get<client::rows<run_row>>(pages[2].rows).items.size(), 1u);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    written out;
    write_page(pages[i], out);
    const auto frames = out.frames();
    BOOST_REQUIRE_EQUAL(frames.size(), 1u);
    const auto page = parsed<wire::control>(frames[0]);
    BOOST_CHECK_EQUAL(page.request, 9u);
    BOOST_CHECK_EQUAL((page.flags & wire::control_more) != 0, i < 2);
  }
}

BOOST_AUTO_TEST_CASE(an_upload_is_over_when_it_is_stored_or_refused) {
  BOOST_CHECK(!request_answered(client::bundle_state{1, "d", false}));
  BOOST_CHECK(request_answered(client::bundle_state{1, "d", true}) == 1u);
  BOOST_CHECK(request_answered(client::refused{2, {}}) == 2u);
  BOOST_CHECK(!request_answered(client::done{2, {}}));
}

BOOST_AUTO_TEST_SUITE_END()
