#include "node/wire/link_codec.hpp"

#include "core/defaults.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

using namespace hearth;
using namespace hearth::wire;

namespace {

constexpr node_uuid somewhere{0x1111, 0x2222};

bytes joined(const std::vector<bytes>& parts) {
  std::string whole;
  for (const auto& part : parts)
    whole += part.view();
  return bytes::copy_of(whole);
}

std::string text_of(const payload& value) {
  std::string whole(value.head.view());
  for (const auto& part : value.rest)
    whole += part.view();
  return whole;
}

link::messages one(link::message what) {
  link::messages batch;
  batch.push_back(std::move(what));
  return batch;
}

/// All frames of a batch through an assembler, bulk last.
link::messages carried(link::messages what, link_assembler& to, link_encoder& from) {
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

spec_ptr some_spec() {
  auto spec = std::make_shared<environment_spec>();
  spec->project = "p", spec->domain = "d", spec->name = "env", spec->version = "0123456789abcde";
  spec->bundle = "b", spec->python = "/usr/bin/python3";
  spec->tasks.resize(2);
  spec->tasks[1].name = "env.f";
  spec->tasks[1].retries.lost = 0;
  spec->reuse.max_replicas = 7;
  return spec;
}

call_header some_header() {
  call_header h;
  h.id = {1, 2}, h.root = {3, 4}, h.parent = {5, 6};
  h.depth = 7, h.task = 8;
  h.deadline = milliseconds(9);
  h.trace = {10, 11, 12};
  return h;
}

void check(const call_header& h) {
  const auto want = some_header();
  BOOST_CHECK(h.id == want.id && h.root == want.root && h.parent == want.parent);
  BOOST_CHECK_EQUAL(h.depth, want.depth);
  BOOST_CHECK_EQUAL(h.task, want.task);
  BOOST_CHECK(h.deadline == want.deadline);
  BOOST_CHECK(h.trace.hi == 10 && h.trace.lo == 11 && h.trace.span == 12);
}

call_reply some_reply(const std::string& value) {
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

void check(const call_reply& r, const std::string& value) {
  const auto want = some_reply(value);
  BOOST_CHECK(r.id == want.id && r.code == want.code);
  BOOST_CHECK(r.is_text && r.cold);
  BOOST_CHECK_EQUAL(r.attempt, want.attempt);
  BOOST_CHECK(r.run == want.run && r.queued == want.queued && r.start == want.start && r.fork == want.fork
              && r.import == want.import);
  BOOST_CHECK(text_of(r.value) == value);
}

link::invoke some_calls(const std::string& arguments, std::size_t count = 1) {
  link::invoke m{"p/d/env", {42}, {}};
  for (std::size_t i = 0; i < count; ++i)
    m.calls.push_back(
      {some_header(), payload::text(arguments), "v1", {nullptr, somewhere, 5}, {nullptr, {9, 9}, 6}, true});
  return m;
}

link::messages of_each_kind() {
  link::messages all;
  all.emplace_back(link::open_environment{1, some_spec(), true, {2}});
  all.emplace_back(link::opened{1, true, {ec::does_not_fit, "too big"}});
  all.emplace_back(some_calls("args", 3));
  all.emplace_back(link::cancel{"p/d/env", {{{nullptr, somewhere, 5}, {1, 2}, ec::aborted, "enough"}}});
  all.emplace_back(link::probe{"p/d/env", {3}, {nullptr, somewhere, 5}, {{1, 2}, {3, 4}}});
  all.emplace_back(link::strays{"p/d/env", {3}, {{1, 2}}, "gone"});
  all.emplace_back(link::replies{5, {some_reply("value")}});
  all.emplace_back(link::logged{5, {log_text{{1, 2}, {3, 4}, 5, 6, 7, 8, bytes::copy_of("text")}}});
  all.emplace_back(link::order{"p/d/env", {3}, some_spec(), {4}, 5, 6, true, true});
  all.emplace_back(link::withdraw{{4}});
  all.emplace_back(link::promote{{4}});
  all.emplace_back(link::forget{"p/d/env", "v1"});
  link::dispatch d{{4}, {3}, {}};
  d.items.push_back(
    {{5}, 2, true, nanoseconds(6), some_header(), payload::text("args"), true, {nullptr, somewhere, 5}, {}});
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
  return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(wire_link)

BOOST_AUTO_TEST_CASE(calls_arrive_as_they_were_sent) {
  const auto m = carried(some_calls("arguments"));
  BOOST_CHECK_EQUAL(m.key, "p/d/env");
  BOOST_CHECK_EQUAL(m.epoch.value, 42u);
  BOOST_REQUIRE_EQUAL(m.calls.size(), 1u);
  const auto& c = m.calls[0];
  check(c.header);
  BOOST_CHECK_EQUAL(text_of(c.arguments), "arguments");
  BOOST_CHECK_EQUAL(c.version, "v1");
  BOOST_CHECK(c.caller == (link::caller_ref{nullptr, somewhere, 5}));
  BOOST_CHECK(c.output == (link::caller_ref{nullptr, {9, 9}, 6}));
  BOOST_CHECK(c.in_run);
}

BOOST_AUTO_TEST_CASE(openings_orders_and_their_environments_arrive_as_they_were_sent) {
  const auto m = carried(link::open_environment{1, some_spec(), true, {2}});
  BOOST_CHECK_EQUAL(m.request, 1u);
  BOOST_CHECK(m.spec->tasks == some_spec()->tasks);
  BOOST_CHECK_EQUAL(m.spec->version, some_spec()->version);
  BOOST_CHECK_EQUAL(m.spec->key(), "p/d/env");
  BOOST_CHECK(m.deploy && m.epoch.value == 2);
  const auto o = carried(link::order{"p/d/env", {3}, some_spec(), {4}, 5, 6, true, true});
  BOOST_CHECK_EQUAL(o.spec->tasks.at(1).name, "env.f");
  BOOST_CHECK(o.id.value == 4 && o.concurrency == 5 && o.slots == 6 && o.fresh && o.for_nested && o.epoch.value == 3);
  const auto a = carried(link::opened{1, true, {ec::does_not_fit, "too big"}});
  BOOST_CHECK(a.request == 1 && a.is_new && a.error.code == ec::does_not_fit && a.error.message == "too big");
}

BOOST_AUTO_TEST_CASE(what_goes_to_callers_arrives_as_it_was_sent) {
  const auto r = carried(link::replies{5, {some_reply("value")}});
  BOOST_CHECK_EQUAL(r.number, 5u);
  check(r.items.at(0), "value");
  const auto l = carried(link::logged{6, {log_text{{1, 2}, {3, 4}, 5, 6, 7, 8, bytes::copy_of("text")}}});
  const auto& t = l.items.at(0);
  BOOST_CHECK(l.number == 6 && t.call == (call_id{1, 2}) && t.root == (call_id{3, 4}));
  BOOST_CHECK(t.replica == 5 && t.stream == 6 && t.dropped == 7 && t.unix_ns == 8 && t.text.view() == "text");
  const auto c = carried(link::cancel{"k", {{{nullptr, somewhere, 5}, {1, 2}, ec::aborted, "enough"}}});
  BOOST_CHECK(c.items.at(0).id == (call_id{1, 2}) && c.items[0].code == ec::aborted && c.items[0].reason == "enough");
  BOOST_CHECK(c.items[0].caller.number == 5 && c.items[0].caller.node == somewhere);
  const auto s = carried(link::strays{"k", {3}, {{1, 2}}, "gone"});
  BOOST_CHECK(s.epoch.value == 3 && s.calls.at(0) == (call_id{1, 2}) && s.reason == "gone");
  const auto p = carried(link::probe{"k", {3}, {nullptr, somewhere, 5}, {{1, 2}, {3, 4}}});
  BOOST_CHECK(p.calls.size() == 2 && p.caller.number == 5 && p.epoch.value == 3);
}

BOOST_AUTO_TEST_CASE(what_an_owner_and_the_node_of_a_replica_say_arrives_as_it_was_sent) {
  for (auto& message : of_each_kind()) {
    if (const auto* sent = std::get_if<link::dispatch>(&message)) {
      const auto d = carried(*sent);
      const auto& i = d.items.at(0);
      BOOST_CHECK(d.id.value == 4 && d.epoch.value == 3 && i.id.value == 5 && i.attempt == 2 && i.cold && i.in_run);
      BOOST_CHECK(i.queued == nanoseconds(6) && text_of(i.arguments) == "args" && i.caller.number == 5);
      BOOST_CHECK_EQUAL(i.output.number, 0u);
      check(i.header);
    } else if (const auto* told = std::get_if<link::replica_event>(&message)) {
      const auto e = carried(*told);
      BOOST_REQUIRE_EQUAL(e.items.size(), told->items.size());
      for (std::size_t i = 0; i < e.items.size(); ++i) {
        BOOST_CHECK_EQUAL(e.items[i].index(), told->items[i].index());
        std::visit([](const auto& event) { BOOST_CHECK_EQUAL(event.id.value, 4u); }, e.items[i]);
      }
      check(std::get<replica::done>(e.items[2]).failed, "failure");
      BOOST_CHECK_EQUAL(std::get<replica::lost>(e.items[6]).unbegun.size(), 2u);
      BOOST_CHECK_EQUAL(std::get<replica::ready>(e.items[0]).how.spawn_reason, "why");
    }
  }
  const auto r = carried(link::retire{{4}, true, "not needed"});
  BOOST_CHECK(r.id.value == 4 && r.at_once && r.reason == "not needed");
  const auto f = carried(link::free_capacity{1, 2, 3, 4, 5});
  BOOST_CHECK(f.memory_bytes == 1 && f.cpu_millis == 2 && f.gpus == 3 && f.replicas == 4 && f.load == 5);
  const auto q = carried(link::ask{1, "logs", {"run", "action"}, 2, true, {nullptr, somewhere, 5}});
  BOOST_CHECK(q.request == 1 && q.what == "logs" && q.words.at(1) == "action" && q.limit == 2 && q.follow);
  BOOST_CHECK_EQUAL(q.caller.number, 5u);
}

BOOST_AUTO_TEST_CASE(rows_arrive_as_they_were_sent) {
  environment_row e;
  e.name = "env", e.tasks = {"a", "b"}, e.prewarm_idle_ms = 5, e.node = "n", e.is_fresh = true;
  auto found = std::get<std::vector<environment_row>>(carried(link::answer{1, {}, std::vector{e}}).content);
  BOOST_CHECK(found.at(0).name == "env" && found[0].tasks.size() == 2 && found[0].prewarm_idle_ms == 5);
  BOOST_CHECK(found[0].node == "n" && found[0].is_fresh);
  event_row v;
  v.kind = "decided", v.node = "n", v.what.why = scaling::rule::rising, v.in.rising = 2.5, v.in.places = 3;
  auto events = std::get<std::vector<event_row>>(carried(link::answer{1, {}, std::vector{v}}).content);
  BOOST_CHECK(events.at(0).what == v.what && events[0].in == v.in && events[0].node == "n");
  replica_row r;
  r.id = 7, r.node = "n", r.age_ms = 8;
  auto replicas = std::get<std::vector<replica_row>>(carried(link::answer{1, {}, std::vector{r}}).content);
  BOOST_CHECK(replicas.at(0).id == 7 && replicas[0].node == "n" && replicas[0].age_ms == 8);
  const auto refused = carried(link::answer{9, {ec::unknown_run, "no run"}, {}});
  BOOST_CHECK(refused.request == 9 && refused.error.message == "no run");
  check(std::get<call_reply>(carried(link::answer{1, {}, some_reply("value")}).content), "value");
}

BOOST_AUTO_TEST_CASE(a_batch_of_every_kind_arrives_in_order) {
  link_encoder from;
  link_assembler to;
  const auto sent = of_each_kind();
  const auto found = carried(of_each_kind(), to, from);
  BOOST_REQUIRE_EQUAL(found.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i)
    BOOST_CHECK_EQUAL(found[i].index(), sent[i].index());
}

BOOST_AUTO_TEST_CASE(small_values_are_neither_copied_when_they_go_nor_when_they_come) {
  auto m = some_calls(std::string(5000, 'x'));
  const auto* memory = m.calls[0].arguments.head.data();
  link_encoder from;
  const auto frames = from.encode(one(std::move(m)));
  bool is_shared = false;
  for (const auto& part : frames.calls.at(0))
    is_shared = is_shared || part.data() == memory;
  BOOST_CHECK(is_shared);
  link_assembler to;
  link::messages complete;
  const auto frame = joined(frames.calls[0]);
  BOOST_REQUIRE_EQUAL(to.take_calls(frame, complete), "");
  const auto* arrived = std::get<link::invoke>(complete.at(0)).calls.at(0).arguments.head.data();
  BOOST_CHECK(arrived > frame.data() && arrived < frame.data() + frame.size());
}

BOOST_AUTO_TEST_CASE(a_large_value_goes_beside_and_only_its_message_waits) {
  const std::string large(3 * defaults::link_chunk_bytes + 17, 'y');
  link_encoder from;
  link_assembler to;
  link::messages batch, complete;
  batch.emplace_back(some_calls(large));
  batch.emplace_back(link::withdraw{{1}});
  const auto frames = from.encode(std::move(batch));
  BOOST_REQUIRE_EQUAL(frames.transfers.size(), 1u);
  for (const auto& frame : frames.calls)
    BOOST_REQUIRE_EQUAL(to.take_calls(joined(frame), complete), "");
  BOOST_REQUIRE_EQUAL(complete.size(), 1u);
  BOOST_CHECK(std::holds_alternative<link::withdraw>(complete[0]));
  BOOST_CHECK_EQUAL(to.held(), 1u);
  for (std::uint64_t at = 0; at < large.size();) {
    std::size_t size = 0;
    BOOST_REQUIRE_EQUAL(to.take_bulk(joined(link_chunk(frames.transfers[0], at, size)), complete), "");
    at += size;
  }
  BOOST_REQUIRE_EQUAL(complete.size(), 2u);
  BOOST_CHECK(text_of(std::get<link::invoke>(complete[1]).calls.at(0).arguments) == large);
  BOOST_CHECK_EQUAL(to.held() + to.unfinished(), 0u);
}

BOOST_AUTO_TEST_CASE(chunks_may_come_before_the_message_that_names_them) {
  const std::string large(defaults::link_chunk_bytes + 17, 'y');
  link_encoder from;
  link_assembler to;
  link::messages complete;
  const auto frames = from.encode(one(link::replies{5, {some_reply(large)}}));
  for (std::uint64_t at = 0; at < large.size();) {
    std::size_t size = 0;
    BOOST_REQUIRE_EQUAL(to.take_bulk(joined(link_chunk(frames.transfers.at(0), at, size)), complete), "");
    at += size;
  }
  BOOST_CHECK(complete.empty());
  BOOST_REQUIRE_EQUAL(to.take_calls(joined(frames.calls.at(0)), complete), "");
  check(std::get<link::replies>(complete.at(0)).items.at(0), large);
}

BOOST_AUTO_TEST_CASE(many_calls_become_frames_that_the_channel_takes) {
  link_encoder from;
  link_assembler to;
  auto frames = from.encode(one(some_calls(std::string(1000, 'x'), 5000)));
  std::size_t calls = 0;
  for (const auto& frame : frames.calls) {
    const auto whole = joined(frame);
    BOOST_CHECK_LE(whole.size(), defaults::frame_body_bytes_max);
    link::messages complete;
    BOOST_REQUIRE_EQUAL(to.take_calls(whole, complete), "");
    for (const auto& m : complete)
      calls += std::get<link::invoke>(m).calls.size();
  }
  BOOST_CHECK_EQUAL(calls, 5000u);
  BOOST_CHECK_GT(frames.calls.size(), 5u);
}

BOOST_AUTO_TEST_CASE(a_message_for_which_a_frame_has_no_room_arrives_all_the_same) {
  std::vector<run_row> rows(1000);
  for (auto& row : rows)
    row.error = std::string(4000, 'e');
  link_encoder from;
  link_assembler to;
  const auto found = carried(one(link::answer{1, {}, std::move(rows)}), to, from);
  BOOST_REQUIRE_EQUAL(found.size(), 1u);
  const auto& arrived = std::get<std::vector<run_row>>(std::get<link::answer>(found[0]).content);
  BOOST_REQUIRE_EQUAL(arrived.size(), 1000u);
  BOOST_CHECK_EQUAL(arrived[999].error.size(), 4000u);
}

BOOST_AUTO_TEST_CASE(parts_of_a_value_in_disorder_are_a_fault) {
  link_encoder from;
  const auto frames = from.encode(one(some_calls(std::string(2 * defaults::link_chunk_bytes, 'y'))));
  std::size_t size = 0;
  const auto first = joined(link_chunk(frames.transfers.at(0), 0, size));
  const auto second = joined(link_chunk(frames.transfers[0], size, size));
  link::messages complete;
  link_assembler gap, twice, nothing, unknown;
  BOOST_CHECK_NE(gap.take_bulk(second, complete), "");
  BOOST_CHECK_EQUAL(twice.take_bulk(first, complete), "");
  BOOST_CHECK_NE(twice.take_bulk(first, complete), "");
  BOOST_CHECK_NE(nothing.take_bulk(first.slice(0, 16), complete), "");
  BOOST_CHECK_NE(unknown.take_bulk(bytes::copy_of(std::string(24, '\0')), complete), "");
}

BOOST_AUTO_TEST_CASE(more_than_was_announced_is_a_fault) {
  link_encoder from;
  const std::string large(defaults::link_inline_bytes_max + 1, 'y');
  const auto frames = from.encode(one(some_calls(large)));
  link_assembler to;
  link::messages complete;
  link_transfer longer{frames.transfers.at(0).number, payload::text(large + "y")};
  std::size_t size = 0;
  BOOST_CHECK_EQUAL(to.take_calls(joined(frames.calls.at(0)), complete), "");
  BOOST_CHECK_NE(to.take_bulk(joined(link_chunk(longer, 0, size)), complete), "");
}

BOOST_AUTO_TEST_CASE(whatever_bytes_come_are_a_fault_or_messages_and_never_a_crash) {
  std::mt19937_64 random(20261126);
  link_encoder from;
  std::vector<bytes> frames;
  for (auto& message : of_each_kind())
    for (const auto& frame : from.encode(one(std::move(message))).calls)
      frames.push_back(joined(frame));
  std::size_t faults = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string content(frames[random() % frames.size()].view());
    for (auto changes = 1 + random() % 8; changes > 0; --changes)
      content[random() % content.size()] = static_cast<char>(random());
    if (random() % 4 == 0)
      content.resize(random() % (content.size() + 1));
    link_assembler to;
    link::messages complete;
    faults += to.take_calls(bytes::copy_of(content), complete).empty() ? 0 : 1;
    faults += to.take_bulk(bytes::copy_of(content), complete).empty() ? 0 : 1;
  }
  BOOST_CHECK_GT(faults, 1000u);
}

BOOST_AUTO_TEST_SUITE_END()
