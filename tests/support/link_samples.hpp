#pragma once

#include "node/wire/link_codec.hpp"

#include "core/defaults.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

/// Messages between nodes with something in every field, and their way through the codec.
namespace hearth::test {

using namespace hearth::wire;

inline constexpr node_uuid somewhere{0x1111, 0x2222};

inline bytes joined(const std::vector<bytes>& parts) {
  std::string whole;
  for (const auto& part : parts)
    whole += part.view();
  return bytes::copy_of(whole);
}

inline std::string text_of(const payload& value) {
  std::string whole(value.head.view());
  for (const auto& part : value.rest)
    whole += part.view();
  return whole;
}

inline link::messages one(link::message what) {
  link::messages batch;
  batch.push_back(std::move(what));
  return batch;
}

/// All frames of a batch through an assembler, bulk last.
inline link::messages carried(link::messages what, link_assembler& to, link_encoder& from) {
  link::messages complete;
  auto frames = from.encode(std::move(what));
  for (const auto& frame : frames.calls)
    BOOST_REQUIRE_EQUAL(to.take_calls(joined(frame), complete), "");
  for (const auto& transfer : frames.transfers)
    for (std::uint64_t at = 0; at < transfer.value.size();) {
      std::size_t size = 0;
      const auto chunk = link_chunk(transfer, at, size);
      BOOST_REQUIRE_GT(size, 0u);
      BOOST_REQUIRE_EQUAL(to.take_bulk(joined(chunk), complete), "");
      at += size;
    }
  return complete;
}

template <class Message>
Message carried(Message what) {
  link_encoder from;
  link_assembler to;
  auto complete = carried(one(std::move(what)), to, from);
  BOOST_REQUIRE_EQUAL(complete.size(), 1u);
  BOOST_REQUIRE(std::holds_alternative<Message>(complete.front()));
  BOOST_CHECK_EQUAL(to.held(), 0u);
  BOOST_CHECK_EQUAL(to.unfinished(), 0u);
  return std::get<Message>(std::move(complete.front()));
}

inline spec_ptr some_spec() {
  auto spec = std::make_shared<environment_spec>();
  spec->project = "p", spec->domain = "d", spec->name = "env", spec->version = "0123456789abcde";
  spec->bundle = "b", spec->python = "/usr/bin/python3";
  spec->tasks.resize(2);
  spec->tasks[1].name = "env.f";
  spec->tasks[1].retries.lost = 0;
  spec->reuse.max_replicas = 7;
  return spec;
}

inline call_header some_header() {
  call_header h;
  h.id = {1, 2}, h.root = {3, 4}, h.parent = {5, 6};
  h.depth = 7, h.task = 8;
  h.deadline = milliseconds(9);
  h.trace = {10, 11, 12};
  return h;
}

inline void check(const call_header& h) {
  const auto want = some_header();
  BOOST_CHECK(h.id == want.id && h.root == want.root && h.parent == want.parent);
  BOOST_CHECK_EQUAL(h.depth, want.depth);
  BOOST_CHECK_EQUAL(h.task, want.task);
  BOOST_CHECK(h.deadline == want.deadline);
  BOOST_CHECK(h.trace.hi == 10 && h.trace.lo == 11 && h.trace.span == 12);
}

inline call_reply some_reply(const std::string& value) {
  call_reply r;
  r.id = {1, 2};
  r.code = ec::user_error;
  r.is_text = r.cold = true;
  r.attempt = 3;
  r.run = nanoseconds(4), r.queued = nanoseconds(5), r.start = nanoseconds(6), r.fork = nanoseconds(7);
  r.import = nanoseconds(8);
  r.value = payload::text(value);
  return r;
}

inline void check(const call_reply& r, const std::string& value) {
  const auto want = some_reply(value);
  BOOST_CHECK(r.id == want.id && r.code == want.code);
  BOOST_CHECK(r.is_text && r.cold);
  BOOST_CHECK_EQUAL(r.attempt, want.attempt);
  BOOST_CHECK(r.run == want.run && r.queued == want.queued && r.start == want.start && r.fork == want.fork
              && r.import == want.import);
  BOOST_CHECK(text_of(r.value) == value);
}

inline link::invoke some_calls(const std::string& arguments, std::size_t count = 1) {
  link::invoke m{"p/d/env", {42}, {}};
  for (std::size_t i = 0; i < count; ++i)
    m.calls.push_back(
      {some_header(), payload::text(arguments), "v1", {nullptr, somewhere, 5}, {nullptr, {9, 9}, 6}, true, true});
  return m;
}

inline link::recorded some_record(const std::string& value) { return {5, {{{3, 4}, {1, 2}, some_reply(value)}}}; }

inline link::found some_answer(const std::string& value) {
  return {6, {{{1, 2}, some_reply(value)}, {{7, 8}, std::nullopt}}};
}

inline link::acted::item some_action() {
  link::acted::item i;
  i.root = {3, 4}, i.id = {1, 2}, i.parent = {5, 6};
  i.depth = 7, i.task = "env.f", i.key = "p/d/env";
  i.phase = action_event::phase_t::timed_out;
  i.attempt = 8, i.cold = true;
  i.queued = nanoseconds(9), i.start = nanoseconds(10), i.fork = nanoseconds(11), i.import = nanoseconds(12);
  i.run = nanoseconds(13), i.replica = 14, i.error = "It took too long.";
  return i;
}

inline link::messages of_each_kind() {
  link::messages all;
  all.emplace_back(link::open_environment{1, some_spec(), true, {2}});
  all.emplace_back(link::opened{1, true, {ec::does_not_fit, "too big"}});
  all.emplace_back(some_calls("args", 3));
  all.emplace_back(link::cancel{"p/d/env", {{{nullptr, somewhere, 5}, {1, 2}, ec::aborted, "enough"}}});
  all.emplace_back(link::probe{"p/d/env", {3}, {nullptr, somewhere, 5}, {{1, 2}, {3, 4}}});
  all.emplace_back(link::strays{"p/d/env", {3}, {{1, 2}}, "gone"});
  all.emplace_back(link::replies{5, {some_reply("value")}});
  all.emplace_back(link::logged{5, {log_text{{1, 2}, {3, 4}, 5, 6, 7, 8, bytes::copy_of("text")}}});
  all.emplace_back(link::order{"p/d/env", {3}, some_spec(), {4}, 5, 6, true, true, true});
  all.emplace_back(link::withdraw{{4}});
  all.emplace_back(link::promote{{4}});
  all.emplace_back(link::forget{"p/d/env", "v1"});
  link::dispatch d{{4}, {3}, {}};
  d.items.push_back(
    {{5}, 2, true, nanoseconds(6), some_header(), payload::text("args"), true, true, {nullptr, somewhere, 5}, {}});
  all.emplace_back(std::move(d));
  all.emplace_back(link::recall{{4}, {{5}, {6}}});
  all.emplace_back(link::cancel_ticket{{4}, {5}});
  all.emplace_back(link::retire{{4}, true, "not needed"});
  all.emplace_back(link::adopt{"p/d/env", {3}});
  link::replica_event e{"p/d/env", {3}, {}};
  const attachment how{1, true, true, "why", nanoseconds(2), nanoseconds(3)};
  e.items.emplace_back(replica::ready{{4}, nullptr, how, 5, nanoseconds(6)});
  e.items.emplace_back(replica::start_failed{{4}, {ec::start_failed, "no"}});
  e.items.emplace_back(replica::done{{4}, {5}, ec::user_error, true, nanoseconds(6), some_reply("failure")});
  e.items.emplace_back(replica::parked{{4}, {5}});
  e.items.emplace_back(replica::resumed{{4}, {5}});
  e.items.emplace_back(replica::recalled{{4}, {{5}}});
  e.items.emplace_back(replica::lost{{4}, {ec::interpreter_lost, "killed"}, {{5}}, {{6}, {7}}});
  e.items.emplace_back(replica::waiting{{4}, "memory"});
  e.items.emplace_back(replica::overcommitted{{4}, "cpu"});
  e.items.emplace_back(replica::memory{{4}, 99});
  all.emplace_back(std::move(e));
  all.emplace_back(link::adopted{"p/d/env", {3}, {{{4}, "v1", 5, how, 6, nanoseconds(7)}}});
  all.emplace_back(link::free_capacity{1, 2, 3, 4, 5});
  all.emplace_back(link::ask{1, "logs", {"run", "action"}, 2, true, {nullptr, somewhere, 5}});
  all.emplace_back(link::answer{1, {}, std::vector<run_row>(2)});
  all.emplace_back(
    link::ask{2, "recorded", {}, 0, false, {}, {{3, 4}, {}, {1, 2}}, some_record("v").items, payload::text("w")});
  all.emplace_back(link::answer{2, {}, some_record("value").items});
  all.emplace_back(some_record("value"));
  all.emplace_back(link::sought{5, {3, 4}, {{1, 2}, {7, 8}}, {nullptr, somewhere, 6}});
  all.emplace_back(some_answer("value"));
  all.emplace_back(link::acted{5, {some_action()}});
  return all;
}

} // namespace hearth::test
