#include "tests/support/dialogue_sides.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

using namespace hearth;
using namespace hearth::node;
using test::both_sides;
using test::call_in;

BOOST_AUTO_TEST_SUITE(interpreter_parts)

namespace {

/// "There is room for so many bytes more of the input of this call."
wire::signal wish(const wire::call& call, std::uint64_t size) {
  wire::signal signal;
  signal.what = static_cast<std::uint16_t>(wire::signal_what::more);
  signal.slot = call.slot;
  signal.generation = call.generation;
  signal.id = call.id;
  signal.value = size;
  return signal;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_reply_comes_in_parts_where_its_caller_takes_them) {
  both_sides b;
  auto order = call_in(1, 7);
  order.streams = true;
  const auto call = b.sent(order);
  BOOST_CHECK_EQUAL(call.flags & wire::call_streams, wire::call_streams);
  BOOST_REQUIRE(b.start(call));
  wire::chunk part;
  part.flags = wire::chunk_of_stream;
  part.request = call.slot + 1;
  part.id = call.id;
  part.body = "first";
  BOOST_CHECK_EQUAL(b.say(part), "");
  const auto heard = b.heard<interpreter::part>();
  BOOST_CHECK_EQUAL(heard.slot, 1);
  BOOST_CHECK_EQUAL(heard.data.view(), "first");
  b.talk.more(1, call.id, 5, b.out);
  const auto frames = b.out.take();
  BOOST_REQUIRE_EQUAL(frames.size(), 1);
  wire::signal more;
  BOOST_REQUIRE(wire::parse(frames.front().view(), more));
  BOOST_CHECK_EQUAL(more.what, static_cast<std::uint16_t>(wire::signal_what::more));
  BOOST_CHECK_EQUAL(more.value, 5);
  BOOST_CHECK_EQUAL(b.say(part), "sent the parts of a reply in disorder");
}

BOOST_AUTO_TEST_CASE(parts_that_nobody_takes_end_the_interpreter) {
  const std::string window(defaults::reply_window_bytes, 'a');
  for (const bool streams : {false, true}) {
    both_sides b;
    auto order = call_in(1, 7);
    order.streams = streams;
    const auto call = b.sent(order);
    wire::chunk part;
    part.flags = wire::chunk_of_stream;
    part.request = call.slot + 1;
    part.id = call.id;
    part.body = window;
    BOOST_CHECK_EQUAL(b.say(part), streams ? "" : "sent a part of a reply that it does not owe");
    part.offset = window.size();
    part.body = "b";
    if (streams)
      BOOST_CHECK_EQUAL(b.say(part), "sent more of a reply than its caller takes");
  }
  both_sides b;
  wire::chunk stray;
  stray.flags = wire::chunk_of_stream;
  stray.body = "a";
  BOOST_CHECK_EQUAL(b.say(stray), "sent a part of a reply that it does not owe");
}

BOOST_AUTO_TEST_CASE(input_comes_to_a_call_that_has_asked_for_it) {
  both_sides b;
  auto order = call_in(1, 7);
  order.has_input = true;
  const auto call = b.sent(order);
  BOOST_CHECK_EQUAL(call.flags & wire::call_input, wire::call_input);
  BOOST_CHECK_EQUAL(b.say(wish(call, 100)), "");
  const auto wanted = b.heard<interpreter::wanted>();
  BOOST_CHECK_EQUAL(wanted.slot, 1);
  BOOST_CHECK_EQUAL(wanted.size, 100);
  b.talk.input(1, {call.id, bytes::copy_of("first"), false}, b.out);
  b.talk.input(1, {call.id, bytes::copy_of("last"), true}, b.out);
  const auto frames = b.out.take();
  BOOST_REQUIRE_EQUAL(frames.size(), 2);
  wire::chunk first, last;
  BOOST_REQUIRE(wire::parse(frames[0].view(), first) && wire::parse(frames[1].view(), last));
  BOOST_CHECK_EQUAL(first.body, "first");
  BOOST_CHECK_EQUAL(first.request, call.slot + 1);
  BOOST_CHECK_EQUAL(first.flags, wire::chunk_of_stream);
  BOOST_CHECK_EQUAL(last.body, "last");
  BOOST_CHECK_EQUAL(last.offset, 5);
  BOOST_CHECK_EQUAL(last.flags, wire::chunk_of_stream | wire::chunk_last);
  b.talk.input(1, {{9, 9}, bytes::copy_of("of a call that has ended"), false}, b.out);
  BOOST_CHECK(b.out.take().empty());
}

BOOST_AUTO_TEST_CASE(an_interpreter_that_asks_for_more_input_than_it_may_have_is_ended) {
  const std::string too_much = "asked for more input of a call than it may have";
  both_sides without;
  BOOST_CHECK_EQUAL(without.say(wish(without.sent(call_in(1, 7)), 1)), too_much);
  both_sides b;
  auto order = call_in(1, 7);
  order.has_input = true;
  const auto call = b.sent(order);
  BOOST_CHECK_EQUAL(b.say(wish(call, defaults::reply_window_bytes)), "");
  b.talk.input(1, {call.id, bytes::copy_of("12345"), false}, b.out);
  BOOST_CHECK_EQUAL(b.say(wish(call, 5)), "");
  BOOST_CHECK_EQUAL(b.say(wish(call, 1)), too_much);
  BOOST_CHECK_EQUAL(b.say(wish(call, UINT64_MAX)), too_much);
}

BOOST_AUTO_TEST_SUITE_END()
