#include "tests/support/link_samples.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace hearth;
using namespace hearth::test;

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
  const auto o = carried(link::order{"p/d/env", {3}, some_spec(), {4}, 5, 6, true, true, true});
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
  e.draining = 2, e.failure = "module_load", e.retry_ms = 7, e.failed_replica = 8;
  auto found = std::get<std::vector<environment_row>>(carried(link::answer{1, {}, std::vector{e}}).content);
  BOOST_CHECK(found.at(0).name == "env" && found[0].tasks.size() == 2 && found[0].prewarm_idle_ms == 5);
  BOOST_CHECK(found[0].node == "n" && found[0].is_fresh);
  BOOST_CHECK(found[0].draining == 2 && found[0].failure == "module_load" && found[0].retry_ms == 7
              && found[0].failed_replica == 8);
  event_row v;
  v.kind = "decided", v.node = "n", v.what.why = scaling::rule::rising, v.in.rising = 2.5, v.in.places = 3;
  v.in.metric = scaling::metric::rate, v.in.target = 7, v.in.observed = 1.5;
  auto events = std::get<std::vector<event_row>>(carried(link::answer{1, {}, std::vector{v}}).content);
  BOOST_CHECK(events.at(0).what == v.what && events[0].in == v.in && events[0].node == "n");
  replica_row r;
  r.id = 7, r.node = "n", r.age_ms = 8;
  auto replicas = std::get<std::vector<replica_row>>(carried(link::answer{1, {}, std::vector{r}}).content);
  BOOST_CHECK(replicas.at(0).id == 7 && replicas[0].node == "n" && replicas[0].age_ms == 8);
  app_part a;
  a.row.name = "web", a.row.hosts = {"h"}, a.row.requests[1] = 9, a.row.requests_per_second = 2.5, a.has_pool = true;
  a.recent.add(std::chrono::milliseconds(5)), a.cold[3].add(std::chrono::seconds(2));
  auto apps = std::get<std::vector<app_part>>(carried(link::answer{1, {}, std::vector{a}}).content);
  BOOST_CHECK(apps.at(0).row.name == "web" && apps[0].row.hosts == a.row.hosts
              && apps[0].row.requests == a.row.requests);
  BOOST_CHECK(apps[0].has_pool && apps[0].row.requests_per_second == 2.5 && apps[0].cold[0].count() == 0);
  BOOST_CHECK(apps[0].recent.quantile(1) == a.recent.quantile(1) && apps[0].recent.sum() == a.recent.sum());
  BOOST_CHECK(apps[0].cold[3].quantile(1) == a.cold[3].quantile(1));
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

BOOST_AUTO_TEST_SUITE_END()
