#include "node/wire/frame.hpp"
#include "node/wire/value.hpp"
#include "schema/frame.capnp.h"
#include "tests/support/frame_recorder.hpp"

#include <boost/test/unit_test.hpp>
#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <string>
#include <vector>

// Kept apart from the schema's types of the same names.
namespace w = hearth::wire;
using hearth::bytes;
using hearth::call_id;
using hearth::payload;

BOOST_AUTO_TEST_SUITE(wire_frames)

namespace {

constexpr std::string_view body = "seventeen bytes..";

kj::ArrayPtr<const kj::byte> data_of(std::string_view text) {
  return {reinterpret_cast<const kj::byte*>(text.data()), text.size()};
}

/// What Cap'n Proto's own encoder makes of a message.
std::string flat(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  const auto chars = words.asChars();
  return {chars.begin(), chars.size()};
}

template <class Frame>
std::string encoded(const Frame& frame) {
  std::string out;
  w::encode(frame, out);
  return out;
}

w::call sample_call() {
  w::call c;
  c.flags = w::call_run | w::call_parks;
  c.depth = 0x1122;
  c.attempt = 0x3344;
  c.environment = 0x55667788;
  c.task = 0x99aabbcc;
  c.slot = 0xddeeff01;
  c.generation = 0x02030405;
  c.id = {1, 2};
  c.root = {3, 4};
  c.parent = {5, 6};
  c.deadline_ms = 7;
  c.trace_hi = 8;
  c.trace_lo = 9;
  c.span = 10;
  c.size = 11;
  c.body = body;
  return c;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_flags_of_a_call_are_those_of_the_schema) {
  BOOST_CHECK_EQUAL(w::call_run, ::CALL_RUN);
  BOOST_CHECK_EQUAL(w::call_parks, ::CALL_PARKS);
  BOOST_CHECK_EQUAL(w::call_in_run, ::CALL_IN_RUN);
}

BOOST_AUTO_TEST_CASE(a_call_is_what_capnp_makes_of_it) {
  capnp::MallocMessageBuilder message(1024);
  auto to = message.initRoot<::Call>();
  to.setKind(static_cast<std::uint16_t>(::Kind::CALL));
  to.setFlags(3);
  to.setDepth(0x1122);
  to.setAttempt(0x3344);
  to.setEnvironment(0x55667788);
  to.setTask(0x99aabbcc);
  to.setSlot(0xddeeff01);
  to.setGeneration(0x02030405);
  to.setCallHi(1);
  to.setCallLo(2);
  to.setRootHi(3);
  to.setRootLo(4);
  to.setParentHi(5);
  to.setParentLo(6);
  to.setDeadlineMs(7);
  to.setTraceHi(8);
  to.setTraceLo(9);
  to.setSpan(10);
  to.setSize(11);
  to.setBody(data_of(body));
  const auto theirs = flat(message);
  BOOST_CHECK(encoded(sample_call()) == theirs);
  w::call back;
  BOOST_REQUIRE(w::parse(theirs, back));
  BOOST_CHECK(encoded(back) == theirs);
  BOOST_CHECK_EQUAL(back.body, body);
}

BOOST_AUTO_TEST_CASE(a_reply_is_what_capnp_makes_of_it) {
  capnp::MallocMessageBuilder message(1024);
  auto to = message.initRoot<::Reply>();
  to.setKind(static_cast<std::uint16_t>(::Kind::REPLY));
  to.setFlags(9);
  to.setCode(20);
  to.setAttempt(2);
  to.setSlot(4);
  to.setGeneration(5);
  to.setCallHi(6);
  to.setCallLo(7);
  to.setSize(8);
  to.setRunNs(9);
  to.setQueuedNs(10);
  to.setStartNs(11);
  to.setForkNs(12);
  to.setImportNs(13);
  to.setBody(data_of(body));
  const auto theirs = flat(message);
  w::reply back;
  BOOST_REQUIRE(w::parse(theirs, back));
  BOOST_CHECK(encoded(back) == theirs);
  BOOST_CHECK_EQUAL(back.code, 20);
  BOOST_CHECK(back.id == (call_id{6, 7}));
  BOOST_CHECK_EQUAL(back.start_ns, 11);
  BOOST_CHECK_EQUAL(back.fork_ns, 12);
  BOOST_CHECK_EQUAL(back.import_ns, 13);
}

BOOST_AUTO_TEST_CASE(chunk_signal_control_and_log_are_what_capnp_makes_of_them) {
  capnp::MallocMessageBuilder chunk_message(1024), signal_message(1024), control_message(1024), log_message(1024);
  auto c = chunk_message.initRoot<::Chunk>();
  c.setKind(static_cast<std::uint16_t>(::Kind::CHUNK));
  c.setFlags(w::chunk_last);
  c.setRequest(4);
  c.setCallHi(5);
  c.setCallLo(6);
  c.setOffset(7);
  c.setBody(data_of(body));
  w::chunk chunk;
  BOOST_REQUIRE(w::parse(flat(chunk_message), chunk));
  BOOST_CHECK_EQUAL(chunk.offset, 7);
  BOOST_CHECK_EQUAL(chunk.request, 4);

  auto s = signal_message.initRoot<::Signal>();
  s.setKind(static_cast<std::uint16_t>(::Kind::SIGNAL));
  s.setWhat(static_cast<std::uint16_t>(::What::RESUMED));
  s.setCode(13);
  s.setSlot(2);
  s.setGeneration(3);
  s.setValue(4);
  s.setBody(data_of(body));
  w::signal signal;
  const auto theirs = flat(signal_message);
  BOOST_REQUIRE(w::parse(theirs, signal));
  BOOST_CHECK(static_cast<w::signal_what>(signal.what) == w::signal_what::resumed);
  BOOST_CHECK(encoded(signal) == theirs);

  auto k = control_message.initRoot<::Control>();
  k.setKind(static_cast<std::uint16_t>(::Kind::CONTROL));
  k.setFlags(w::control_response);
  k.setRequest(77);
  k.setBody(data_of(body));
  w::control control;
  const auto theirs_control = flat(control_message);
  BOOST_REQUIRE(w::parse(theirs_control, control));
  BOOST_CHECK(encoded(control) == theirs_control);

  auto l = log_message.initRoot<::Log>();
  l.setKind(static_cast<std::uint16_t>(::Kind::LOG));
  l.setFlags(w::stream_err);
  l.setDropped(5);
  l.setUnixNs(6);
  l.setReplica(7);
  l.setBody(data_of(body));
  w::log log;
  const auto theirs_log = flat(log_message);
  BOOST_REQUIRE(w::parse(theirs_log, log));
  BOOST_CHECK(encoded(log) == theirs_log);
}

BOOST_AUTO_TEST_CASE(a_body_that_was_never_set_is_empty) {
  capnp::MallocMessageBuilder message(1024);
  message.initRoot<::Signal>().setKind(static_cast<std::uint16_t>(::Kind::SIGNAL));
  w::signal signal;
  BOOST_REQUIRE(w::parse(flat(message), signal));
  BOOST_CHECK(signal.body.empty());
}

BOOST_AUTO_TEST_CASE(bodies_of_every_remainder_survive) {
  for (std::size_t size = 0; size < 20; ++size) {
    const std::string text(size, 'x');
    auto call = sample_call();
    call.body = text;
    const auto frame = encoded(call);
    BOOST_CHECK_EQUAL(frame.size(), w::frame_size(frame.data()).value());
    w::call back;
    BOOST_REQUIRE(w::parse(frame, back));
    BOOST_CHECK_EQUAL(back.body, text);
  }
}

BOOST_AUTO_TEST_CASE(no_single_damaged_bit_is_read_out_of_bounds) {
  const auto good = encoded(sample_call());
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const auto size = w::frame_size(bad.data());
    w::call call;
    // The sanitizers watch; a body, where there is one, lies inside.
    if (size == bad.size() && w::parse(bad, call))
      BOOST_CHECK(call.body.data() >= bad.data() && call.body.data() + call.body.size() <= bad.data() + bad.size());
  }
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_kind_or_size_is_refused) {
  const auto frame = encoded(sample_call());
  w::reply reply;
  w::call call;
  BOOST_CHECK(!w::parse(frame, reply));
  BOOST_CHECK(!w::parse(std::string_view(frame).substr(0, frame.size() - 8), call));
  BOOST_CHECK(!w::parse(frame + std::string(8, '\0'), call));
  BOOST_CHECK(!w::parse(std::string_view{}, call));
  BOOST_CHECK(w::kind_of("short") == w::frame_kind::unspecified);
}

BOOST_AUTO_TEST_CASE(prefixes_that_begin_no_frame_say_why) {
  const auto prefix = [](std::uint32_t segments_less_one, std::uint32_t words) {
    std::string p(8, '\0');
    std::memcpy(p.data(), &segments_less_one, 4);
    std::memcpy(p.data() + 4, &words, 4);
    return p;
  };
  BOOST_CHECK(!w::frame_size(prefix(1, 10).data()));
  BOOST_CHECK(!w::frame_size(prefix(0, 2).data()));
  BOOST_CHECK(!w::frame_size(prefix(0, 0xffffffff).data()));
  BOOST_CHECK_EQUAL(w::frame_size(prefix(0, 3).data()).value(), 32);
  BOOST_CHECK(w::frame_fault(prefix(0, 0xffffffff).data()).starts_with("sent a frame of "));
}

BOOST_AUTO_TEST_CASE(a_large_value_travels_in_chunks_and_arrives_whole_without_copies) {
  constexpr auto part = hearth::defaults::frame_body_bytes_max;
  std::string content(2 * part + 12345, '\0');
  for (std::size_t i = 0; i < content.size(); ++i)
    content[i] = static_cast<char>(i * 7);
  const auto memory = bytes::copy_of(content);
  hearth::test::frame_recorder out;
  w::call call;
  call.id = {1, 9};
  // Two pieces, neither of which fits a frame.
  w::write_value(call, payload{memory.slice(0, part + 5), {memory.slice(part + 5, content.size() - part - 5)}}, out);
  for (const auto* at : out.referred)
    BOOST_CHECK(at >= memory.data() && at < memory.data() + memory.size());

  w::partial_values<int> values(hearth::defaults::unfinished_bytes_max);
  std::optional<std::pair<int, payload>> done;
  for (const auto& frame : out.take()) {
    BOOST_REQUIRE(!done);
    if (w::kind_of(frame.view()) == w::frame_kind::call) {
      w::call first;
      BOOST_REQUIRE(w::parse(frame.view(), first));
      BOOST_CHECK_EQUAL(first.size, content.size());
      BOOST_CHECK_EQUAL(values.begin(first.id, first.size, 42, w::slice_of(frame, first.body)), "");
    } else {
      w::chunk next;
      BOOST_REQUIRE(w::parse(frame.view(), next));
      BOOST_CHECK_EQUAL(values.add(next, w::slice_of(frame, next.body), done), "");
    }
  }
  BOOST_REQUIRE(done);
  BOOST_CHECK_EQUAL(done->first, 42);
  std::string back(done->second.head.view());
  for (const auto& piece : done->second.rest)
    back.append(piece.view());
  BOOST_CHECK(back == content);
  BOOST_CHECK(values.empty());
}

BOOST_AUTO_TEST_CASE(parts_out_of_order_are_refused) {
  std::optional<std::pair<int, payload>> done;
  const auto ten = bytes::copy_of("0123456789");
  const auto chunk = [](std::uint64_t offset, bool last) {
    w::chunk c;
    c.id = {1, 1};
    c.offset = offset;
    c.flags = last ? w::chunk_last : 0;
    return c;
  };
  const auto begun = [&] {
    w::partial_values<int> values(hearth::defaults::unfinished_bytes_max);
    BOOST_CHECK_EQUAL(values.begin({1, 1}, 30, 0, ten), "");
    return values;
  };
  BOOST_CHECK(!begun().add(chunk(11, false), ten, done).empty());
  BOOST_CHECK(!begun().add(chunk(10, true), ten, done).empty());
  BOOST_CHECK(!begun().add(chunk(10, false), {}, done).empty());
  BOOST_CHECK(!begun().begin({1, 1}, 30, 0, ten).empty());
  BOOST_CHECK(!begun().begin({1, 2}, hearth::defaults::value_bytes_max + 1, 0, ten).empty());
  BOOST_CHECK(!begun().begin({1, 2}, 5, 0, ten).empty());
  w::partial_values<int> none(hearth::defaults::unfinished_bytes_max);
  BOOST_CHECK(!none.add(chunk(0, false), ten, done).empty());
  auto values = begun();
  BOOST_CHECK_EQUAL(values.add(chunk(10, false), ten, done), "");
  BOOST_CHECK(!values.add(chunk(20, false), ten, done).empty());
  BOOST_CHECK(!done);
}

BOOST_AUTO_TEST_CASE(tiny_parts_use_up_what_a_peer_may_leave_unfinished) {
  constexpr std::uint64_t budget = 10 * hearth::defaults::part_bytes_charged_min;
  w::partial_values<int> values(budget);
  std::string fault;
  const auto one = bytes::copy_of("x");
  for (std::uint64_t n = 0; n < 10 && fault.empty(); ++n)
    fault = values.begin({2, n}, 2, 0, one);
  BOOST_CHECK_EQUAL(fault, "");
  BOOST_CHECK(!values.begin({2, 99}, 2, 0, one).empty());
}

BOOST_AUTO_TEST_SUITE_END()
