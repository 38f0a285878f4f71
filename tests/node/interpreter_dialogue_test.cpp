#include "node/interpreter/dialogue.hpp"
#include "tests/support/dialogue_sides.hpp"

#include <boost/test/unit_test.hpp>
#include <unistd.h>

#include <string>
#include <variant>

using namespace hearth;
using namespace hearth::node;
using test::both_sides;
using test::call_in;
using test::slots;

BOOST_AUTO_TEST_SUITE(dialogues)

BOOST_AUTO_TEST_CASE(a_hello_tells_that_the_replica_is_ready) {
  both_sides b(true, false);
  BOOST_CHECK_EQUAL(b.say(both_sides::hello()), "");
  const auto hello = b.heard<interpreter::hello>();
  BOOST_CHECK_EQUAL(hello.pid, 77);
  BOOST_CHECK_EQUAL(hello.python, "3.11.2");
  BOOST_CHECK_EQUAL(b.say(both_sides::hello()), "said hello twice");
}

BOOST_AUTO_TEST_CASE(a_hello_with_a_failure_tells_that_it_never_will_be) {
  both_sides b(true, false);
  wire::control refusal;
  refusal.body = R"({"hello": {"protocol": 1, "program": "replica", "pid": 77, "failure": "no weights"}})";
  BOOST_CHECK_EQUAL(b.say(refusal), "");
  BOOST_CHECK(b.events.empty());
  BOOST_REQUIRE(b.talk.refusal());
  BOOST_CHECK(b.talk.refusal()->code == ec::module_load);
  BOOST_CHECK_EQUAL(b.talk.refusal()->message, "no weights");
}

BOOST_AUTO_TEST_CASE(nothing_comes_before_the_hello) {
  both_sides b(true, false);
  BOOST_CHECK(!b.say(wire::log{}).empty());
  wire::control strange;
  strange.body = R"({"status": null})";
  BOOST_CHECK(!b.say(strange).empty());
  strange.body = R"({"hello": {"protocol": 99}})";
  BOOST_CHECK(b.say(strange).find("protocol 99") != std::string::npos);
  BOOST_CHECK(b.events.empty());
}

BOOST_AUTO_TEST_CASE(a_call_goes_out_with_its_slot_and_a_new_generation_each_time) {
  both_sides b;
  const auto first = b.sent(call_in(2, 10));
  BOOST_CHECK_EQUAL(first.slot, 2);
  BOOST_CHECK(first.id == (call_id{1, 10}));
  BOOST_CHECK(first.root == (call_id{2, 10}));
  BOOST_CHECK(b.start(first));
  BOOST_CHECK_EQUAL(b.say(both_sides::reply_to(first, "value")), "");
  const auto outcome = b.heard<interpreter::outcome>();
  BOOST_CHECK_EQUAL(outcome.slot, 2);
  BOOST_CHECK(outcome.reply.code == ec::none);
  BOOST_CHECK_EQUAL(outcome.reply.value.head.view(), "value");
  const auto second = b.sent(call_in(2, 11));
  BOOST_CHECK(second.generation != first.generation);
  BOOST_CHECK(!b.start(first));
  BOOST_CHECK(b.start(second));
}

BOOST_AUTO_TEST_CASE(a_call_says_whether_it_belongs_to_a_run) {
  both_sides b;
  auto call = call_in(2, 10);
  BOOST_CHECK_EQUAL(b.sent(call).flags, 0);
  call.slot = 3;
  call.in_run = true;
  BOOST_CHECK_EQUAL(b.sent(call).flags, wire::call_in_run);
}

BOOST_AUTO_TEST_CASE(a_failure_keeps_its_code_and_says_whether_it_began) {
  both_sides b;
  auto reply = both_sides::reply_to(b.sent(call_in(0, 1)), "why");
  reply.flags = wire::reply_failed | wire::reply_text | wire::reply_unstarted;
  reply.code = static_cast<std::uint16_t>(ec::data_validation);
  reply.run_ns = 5;
  BOOST_CHECK_EQUAL(b.say(reply), "");
  const auto outcome = b.heard<interpreter::outcome>();
  BOOST_CHECK(outcome.reply.code == ec::data_validation);
  BOOST_CHECK(outcome.reply.is_text);
  BOOST_CHECK(outcome.unstarted);
  BOOST_CHECK(outcome.reply.run == nanoseconds(5));
}

BOOST_AUTO_TEST_CASE(replies_to_calls_it_does_not_have_break_the_protocol) {
  both_sides b;
  const auto call = b.sent(call_in(1, 5));
  const auto good = both_sides::reply_to(call, "v");
  auto bad = good;
  bad.slot = 0;
  BOOST_CHECK(!b.say(bad).empty());
  bad = good;
  bad.slot = slots;
  BOOST_CHECK(!b.say(bad).empty());
  bad = good;
  bad.generation += 1;
  BOOST_CHECK(!b.say(bad).empty());
  bad = good;
  bad.id.lo += 1;
  BOOST_CHECK(!b.say(bad).empty());
  bad = good;
  bad.code = 1;
  BOOST_CHECK(!b.say(bad).empty());
  BOOST_CHECK(b.events.empty());
  BOOST_CHECK_EQUAL(b.say(good), "");
  BOOST_CHECK(!b.say(good).empty());
}

BOOST_AUTO_TEST_CASE(a_reply_in_parts_is_one_outcome_and_cannot_be_doubled) {
  both_sides b;
  const auto call = b.sent(call_in(1, 5));
  auto reply = both_sides::reply_to(call, "12345");
  reply.size = 10;
  BOOST_CHECK_EQUAL(b.say(reply), "");
  BOOST_CHECK(b.events.empty());
  BOOST_CHECK(!b.say(both_sides::reply_to(call, "again")).empty());
  // Taking it back is too late.
  BOOST_CHECK(b.talk.recall({1}, b.out).empty());
  wire::chunk chunk;
  chunk.flags = wire::chunk_of_reply | wire::chunk_last;
  chunk.id = call.id;
  chunk.offset = 5;
  chunk.body = "67890";
  BOOST_CHECK_EQUAL(b.say(chunk), "");
  const auto outcome = b.heard<interpreter::outcome>();
  BOOST_CHECK_EQUAL(outcome.reply.value.size(), 10);
  BOOST_REQUIRE_EQUAL(outcome.reply.value.rest.size(), 1);
  BOOST_CHECK_EQUAL(outcome.reply.value.rest.front().view(), "67890");
  BOOST_CHECK(!b.say(chunk).empty());
}

BOOST_AUTO_TEST_CASE(a_recall_takes_back_exactly_what_has_not_begun) {
  both_sides b;
  const auto begun = b.sent(call_in(0, 1));
  const auto waiting = b.sent(call_in(1, 2));
  BOOST_CHECK(b.start(begun));
  const auto back = b.talk.recall({0, 1, 2, 99}, b.out);
  BOOST_REQUIRE_EQUAL(back.size(), 1);
  BOOST_CHECK_EQUAL(back.front(), 1);
  BOOST_CHECK(!b.start(waiting));
  wire::signal hint;
  const auto frames = b.out.take();
  BOOST_REQUIRE_EQUAL(frames.size(), 1);
  BOOST_REQUIRE(wire::parse(frames.front().view(), hint));
  BOOST_CHECK(static_cast<wire::signal_what>(hint.what) == wire::signal_what::recalled);
  BOOST_CHECK_EQUAL(hint.slot, 1);
  // Its slot may be used at once.
  BOOST_CHECK(b.start(b.sent(call_in(1, 3))));
}

BOOST_AUTO_TEST_CASE(cancelling_tells_a_call_that_began_and_takes_back_one_that_did_not) {
  both_sides b;
  const auto begun = b.sent(call_in(0, 1));
  b.sent(call_in(1, 2));
  BOOST_CHECK(b.start(begun));
  BOOST_CHECK(b.talk.cancel(1, {1, 2}, b.out) == dialogue::cancelled::unstarted);
  b.out.take();
  BOOST_CHECK(b.talk.cancel(0, {1, 99}, b.out) == dialogue::cancelled::stale);
  BOOST_CHECK(b.talk.cancel(99, {1, 1}, b.out) == dialogue::cancelled::stale);
  BOOST_CHECK(b.out.take().empty());
  BOOST_CHECK(b.talk.cancel(0, {1, 1}, b.out) == dialogue::cancelled::asked);
  wire::signal signal;
  const auto frames = b.out.take();
  BOOST_REQUIRE_EQUAL(frames.size(), 1);
  BOOST_REQUIRE(wire::parse(frames.front().view(), signal));
  BOOST_CHECK(static_cast<wire::signal_what>(signal.what) == wire::signal_what::cancel);
  BOOST_CHECK(b.table.change(0, begun.generation, slot_state::cancelled, slot_state::done));
}

BOOST_AUTO_TEST_CASE(without_a_slot_table_nothing_is_taken_back_and_all_counts_as_begun) {
  both_sides b(false);
  b.sent(call_in(0, 1));
  BOOST_CHECK(b.talk.recall({0}, b.out).empty());
  BOOST_CHECK(b.talk.cancel(0, {1, 1}, b.out) == dialogue::cancelled::asked);
  BOOST_CHECK((b.talk.begun() == std::vector<std::uint32_t>{0}));
}

BOOST_AUTO_TEST_CASE(at_the_end_the_table_tells_what_had_begun) {
  both_sides b;
  const auto begun = b.sent(call_in(0, 1));
  b.sent(call_in(1, 2));
  const auto done = b.sent(call_in(2, 3));
  const auto replied = b.sent(call_in(3, 4));
  BOOST_CHECK(b.start(begun));
  BOOST_CHECK(b.start(done));
  BOOST_CHECK(b.table.change(2, done.generation, slot_state::started, slot_state::done));
  BOOST_CHECK_EQUAL(b.say(both_sides::reply_to(replied, "v")), "");
  BOOST_CHECK((b.talk.begun() == std::vector<std::uint32_t>{0, 2}));
  BOOST_CHECK(b.talk.begun().empty());
}

BOOST_AUTO_TEST_CASE(garbage_in_the_table_counts_as_begun) {
  both_sides b;
  const auto call = b.sent(call_in(0, 1));
  BOOST_CHECK(b.table.change(0, call.generation, slot_state::sent, static_cast<slot_state>(200)));
  BOOST_CHECK(b.talk.recall({0}, b.out).empty());
  BOOST_CHECK((b.talk.begun() == std::vector<std::uint32_t>{0}));
}

BOOST_AUTO_TEST_CASE(a_task_calls_a_task_and_hears_its_reply) {
  both_sides b;
  wire::call child;
  child.flags = wire::call_parks;
  child.environment = 6;
  child.task = 7;
  child.id = {9, 9};
  child.parent = {1, 1};
  child.deadline_ms = ~0ULL;
  child.size = 3;
  child.body = "abc";
  BOOST_CHECK_EQUAL(b.say(child), "");
  const auto call = b.heard<interpreter::child_call>();
  BOOST_CHECK(call.parks);
  BOOST_CHECK_EQUAL(call.environment, 6);
  BOOST_CHECK_EQUAL(call.header.task, 7);
  BOOST_CHECK(call.header.parent == (call_id{1, 1}));
  BOOST_CHECK(call.header.deadline.count() > 0);
  BOOST_CHECK_EQUAL(call.arguments.head.view(), "abc");

  call_reply answer;
  answer.id = {9, 9};
  answer.code = ec::user_error;
  answer.value = payload::text("map");
  b.talk.reply(answer, b.out);
  const auto frames = b.out.take();
  wire::reply reply;
  BOOST_REQUIRE_EQUAL(frames.size(), 1);
  BOOST_REQUIRE(wire::parse(frames.front().view(), reply));
  BOOST_CHECK_EQUAL(reply.flags, wire::reply_failed);
  BOOST_CHECK_EQUAL(reply.code, static_cast<std::uint16_t>(ec::user_error));

  wire::signal cancel;
  cancel.what = static_cast<std::uint16_t>(wire::signal_what::cancel);
  cancel.id = {9, 9};
  BOOST_CHECK_EQUAL(b.say(cancel), "");
  BOOST_CHECK(b.heard<interpreter::child_cancel>().id == (call_id{9, 9}));
}

BOOST_AUTO_TEST_CASE(parking_belongs_to_a_call_that_is_open) {
  both_sides b;
  const auto call = b.sent(call_in(3, 1));
  wire::signal signal;
  signal.what = static_cast<std::uint16_t>(wire::signal_what::parked);
  signal.slot = call.slot;
  signal.generation = call.generation;
  signal.id = call.id;
  BOOST_CHECK_EQUAL(b.say(signal), "");
  BOOST_CHECK_EQUAL(b.heard<interpreter::parked>().slot, 3);
  signal.what = static_cast<std::uint16_t>(wire::signal_what::resumed);
  BOOST_CHECK_EQUAL(b.say(signal), "");
  BOOST_CHECK_EQUAL(b.heard<interpreter::resumed>().slot, 3);
  signal.slot = 0;
  BOOST_CHECK(!b.say(signal).empty());
  signal.what = static_cast<std::uint16_t>(wire::signal_what::progress);
  BOOST_CHECK(!b.say(signal).empty());
}

BOOST_AUTO_TEST_CASE(tasks_open_environments_and_bad_ones_are_refused_to_them) {
  both_sides b;
  wire::control request;
  request.request = 12;
  request.body = R"({"openEnvironment": {"project": "p", "domain": "d", "name": "other"}})";
  BOOST_CHECK_EQUAL(b.say(request), "");
  const auto open = b.heard<interpreter::open_environment>();
  BOOST_CHECK_EQUAL(open.request, 12);
  BOOST_CHECK_EQUAL(open.spec->name, "other");
  BOOST_CHECK_EQUAL(open.spec->python, "/usr/bin/python3");

  request.body = R"({"openEnvironment": 5})";
  BOOST_CHECK_EQUAL(b.say(request), "");
  BOOST_CHECK(b.events.empty());
  const auto frames = b.out.take();
  wire::control answer;
  BOOST_REQUIRE_EQUAL(frames.size(), 1);
  BOOST_REQUIRE(wire::parse(frames.front().view(), answer));
  BOOST_CHECK_EQUAL(answer.request, 12);
  BOOST_CHECK_EQUAL(answer.flags, wire::control_response);
  BOOST_CHECK(answer.body.find("error") != std::string::npos);

  request.body = R"({"status": null})";
  BOOST_CHECK(!b.say(request).empty());
}

BOOST_AUTO_TEST_CASE(output_carries_its_call_and_replica) {
  both_sides b;
  wire::log log;
  log.flags = wire::stream_err;
  log.id = {1, 1};
  log.dropped = 4;
  log.body = "text\n";
  BOOST_CHECK_EQUAL(b.say(log), "");
  const auto output = b.heard<interpreter::output>();
  BOOST_CHECK_EQUAL(output.text.replica, 3);
  BOOST_CHECK_EQUAL(output.text.stream, wire::stream_err);
  BOOST_CHECK_EQUAL(output.text.dropped, 4);
  BOOST_CHECK_EQUAL(output.text.text.view(), "text\n");
}

BOOST_AUTO_TEST_CASE(frames_of_no_kind_and_of_a_wrong_layout_break_the_protocol) {
  both_sides b;
  std::string text;
  wire::encode(wire::log{}, text);
  auto damaged = text;
  damaged[16] = 99; // kind
  BOOST_CHECK(!b.talk.take(bytes::copy_of(damaged), b.events, b.out).empty());
  damaged[16] = static_cast<char>(wire::frame_kind::reply);
  BOOST_CHECK(!b.talk.take(bytes::copy_of(damaged), b.events, b.out).empty());
  BOOST_CHECK(b.events.empty());
}

BOOST_AUTO_TEST_SUITE_END()
