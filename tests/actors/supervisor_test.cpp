#include "actors/supervisor.hpp"
#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(supervisor, scripted_world)

// -- a crash at each state of a replica ----

BOOST_AUTO_TEST_CASE(a_replica_lost_while_it_starts_is_replaced) {
  doors->attach_at_once = false;
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  die(interpreter(0));
  BOOST_TEST_REQUIRE(interpreters() == 2u);
  BOOST_TEST(c.replies().empty());
  says(interpreter(1), interpreter::hello{43, "3.11.2"});
  finish(interpreter(1), 0);
  BOOST_TEST((c.replies().at(0).code == ec::none));
}

BOOST_AUTO_TEST_CASE(a_replica_lost_while_idle_costs_no_call) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  invoke(c, handle);
  finish(interpreter(0), 0);
  die(interpreter(0));
  invoke(c, handle);
  finish(interpreter(interpreters() - 1), 0);
  BOOST_TEST((c.replies().at(1).code == ec::none));
}

BOOST_AUTO_TEST_CASE(an_app_that_keeps_replicas_keeps_them_without_requests) {
  environment_spec spec;
  spec.reuse.enabled = true;
  spec.reuse.min_replicas = 2;
  spec.reuse.idle_ttl = milliseconds{0};
  BOOST_TEST((limits_of(spec, 1).idle_ttl == milliseconds{0}));
  spec.app.kind = "asgi";
  BOOST_TEST((limits_of(spec, 1).idle_ttl > std::chrono::hours(24 * 365)));
}

BOOST_AUTO_TEST_CASE(a_replica_lost_while_busy_has_its_calls_run_again) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  die(interpreter(0));
  BOOST_TEST_REQUIRE(interpreters() == 2u);
  BOOST_TEST(interpreter(1).calls.at(0).attempt == 2u);
  finish(interpreter(1), 0);
  BOOST_TEST(c.replies().at(0).attempt == 2u);
}

BOOST_AUTO_TEST_CASE(a_replica_lost_while_its_call_waits_for_a_child_cancels_the_child_and_runs_again) {
  auto& c = connect();
  invoke(c, open(c, make_spec(2, 2)));
  auto& parent = holder();
  auto& other = idler();
  says(parent, interpreter::open_environment{5, make_spec(2, 2)});
  BOOST_TEST_REQUIRE(parent.opened.size() == 1u);
  calls_child(parent, 0, parent.opened[0].handle);
  BOOST_TEST_REQUIRE(other.calls.size() == 1u);
  die(parent);
  BOOST_TEST(other.cancelled.size() == 1u);
  BOOST_TEST(c.replies().empty());
}

BOOST_AUTO_TEST_CASE(a_replica_lost_while_draining_ends_its_version) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  invoke(c, handle);
  finish(interpreter(0), 0);
  advance(300s);
  BOOST_TEST(interpreter(0).halted);
  die(interpreter(0));
  BOOST_TEST(doors->forgotten.empty());
  advance(defaults::zygote_ttl);
  BOOST_TEST(doors->forgotten == std::vector<std::string>{"v1"});
  // A client that still holds the handle gets a new pool.
  invoke(c, handle);
  finish(interpreter(interpreters() - 1), 0);
  BOOST_TEST((c.replies().at(1).code == ec::none));
}

BOOST_AUTO_TEST_CASE(a_call_that_loses_every_replica_is_answered_with_the_reason) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  for (std::size_t i = 0; i < 4; ++i)
    die(interpreter(i));
  BOOST_TEST_REQUIRE(c.replies().size() == 1u);
  BOOST_TEST((c.replies()[0].code == ec::interpreter_lost));
  BOOST_TEST(std::string(c.replies()[0].value.head.view()).find("signal 9") != std::string::npos);
}

// -- results and failures ----

BOOST_AUTO_TEST_CASE(a_failing_tasks_own_failure_is_what_the_caller_gets) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  finish(interpreter(0), 0, ec::user_error, "cbor failure map");
  BOOST_TEST((c.replies().at(0).code == ec::user_error));
  BOOST_TEST(!c.replies()[0].is_text);
  BOOST_TEST(c.replies()[0].value.head.view() == "cbor failure map");
}

BOOST_AUTO_TEST_CASE(a_start_that_fails_answers_what_waits_with_its_words) {
  doors->unmade = {ec::module_load, "digits.py:3: No module named 'nupmy'"};
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  BOOST_TEST((c.replies().at(0).code == ec::module_load));
  BOOST_TEST(std::string(c.replies()[0].value.head.view()) == "digits.py:3: No module named 'nupmy'");
}

BOOST_AUTO_TEST_CASE(an_interpreter_that_never_reports_ready_is_given_up) {
  doors->attach_at_once = false;
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  advance(defaults::zygote_start_timeout + defaults::replica_start_timeout);
  BOOST_TEST((c.replies().at(0).code == ec::start_failed));
}

BOOST_AUTO_TEST_CASE(two_versions_live_side_by_side) {
  auto& c = connect();
  auto old_spec = make_spec(1, 1);
  auto new_spec = make_spec(1, 1);
  new_spec->version = "v2";
  auto before = open(c, old_spec);
  auto after = open(c, new_spec);
  BOOST_TEST(before != after);
  invoke(c, before);
  invoke(c, after);
  BOOST_TEST(interpreter(0).order.spec->version == "v1");
  BOOST_TEST(interpreter(1).order.spec->version == "v2");
}

BOOST_AUTO_TEST_CASE(a_deployed_version_starts_its_replicas_without_a_call) {
  auto& c = connect();
  open(c, make_spec(2, 2), true);
  BOOST_TEST(interpreters() == 2u);
}

BOOST_AUTO_TEST_CASE(a_deployed_version_ends_idle_replicas_of_the_others_at_once) {
  auto& c = connect();
  auto before = open(c, make_spec(1, 1));
  invoke(c, before);
  finish(interpreter(0), 0);
  auto next = make_spec(1, 1);
  next->version = "v2";
  open(c, next, true);
  BOOST_TEST(interpreter(0).halted);
  BOOST_TEST(doors->forgotten == std::vector<std::string>{"v1"});
}

BOOST_AUTO_TEST_CASE(a_deployed_version_lets_the_others_finish_their_calls) {
  auto& c = connect();
  auto before = open(c, make_spec(1, 1));
  invoke(c, before);
  invoke(c, before);
  auto next = make_spec(1, 1);
  next->version = "v2";
  open(c, next, true);
  BOOST_TEST(!interpreter(0).halted);
  finish(interpreter(0), 0);
  finish(interpreter(0), 0);
  BOOST_TEST(c.replies().size() == 2u);
  advance(1ms);
  BOOST_TEST(interpreter(0).halted);
  // Whoever still calls it is served, from a cold start.
  invoke(c, before);
  finish(interpreter(interpreters() - 1), 0);
  BOOST_TEST((c.replies().at(2).code == ec::none));
}

BOOST_AUTO_TEST_CASE(runs_of_an_environment_of_their_scope_share_no_replica) {
  auto& c = connect();
  auto spec = make_spec(1, 1);
  spec->reuse.scope = "run";
  auto handle = open(c, spec);
  BOOST_TEST(interpreters() == 0u);
  start_run(c, handle, "first");
  start_run(c, handle, "second");
  BOOST_TEST_REQUIRE(interpreters() == 2u); // neither waits for the other
  // What a run calls in its own environment is served by its own pool: its only replica, whose slot is lent.
  auto& parent = interpreter(0);
  says(parent, interpreter::open_environment{5, spec});
  calls_child(parent, 0, parent.opened.at(0).handle);
  BOOST_TEST(interpreters() == 2u);
  BOOST_TEST(parent.calls.size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_zygote_of_an_environment_of_run_scope_goes_with_its_last_pool) {
  auto& c = connect();
  auto spec = make_spec(1, 1);
  spec->reuse.scope = "run";
  auto handle = open(c, spec);
  start_run(c, handle, "first");
  start_run(c, handle, "second");
  finish(interpreter(0), 0);
  advance(300s);
  BOOST_TEST(interpreter(0).halted);
  BOOST_TEST(doors->forgotten.empty());
  finish(interpreter(1), 0);
  advance(300s);
  BOOST_TEST(doors->forgotten == std::vector<std::string>{"v1"});
}

BOOST_AUTO_TEST_CASE(an_environment_that_was_opened_is_listed_before_its_first_call) {
  auto& c = connect();
  open(c, make_spec(1, 1));
  advance(1s);
  say(c, client::get{9, "environments", "", 0});
  BOOST_TEST(c.all<client::rows<environment_row>>().at(0).items.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_changed_policy_acts_on_the_running_pool) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  for (int i = 0; i < 3; ++i)
    invoke(c, handle);
  BOOST_TEST(interpreters() == 1u);
  open(c, make_spec(1, 3));
  BOOST_TEST(interpreters() == 3u);
}

// -- nested calls ----

BOOST_AUTO_TEST_CASE(a_recursive_task_finishes_on_one_replica_with_concurrency_one) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  says(interpreter(0), interpreter::open_environment{5, make_spec(1, 1)});
  auto handle = interpreter(0).opened.at(0).handle;
  constexpr std::size_t depth = 20;
  for (std::size_t d = 0; d < depth; ++d) {
    calls_child(interpreter(0), d, handle, true, 9000 + d);
    BOOST_TEST_REQUIRE(interpreter(0).calls.size() == d + 2);
    BOOST_TEST(interpreter(0).calls[d + 1].header.depth == d + 1);
  }
  for (std::size_t d = depth; d > 0; --d) {
    finish(interpreter(0), d);
    BOOST_TEST(interpreter(0).child_replies.size() == depth - d + 1);
    says(interpreter(0), interpreter::resumed{interpreter(0).calls[d - 1].slot});
  }
  finish(interpreter(0), 0);
  BOOST_TEST((c.replies().at(0).code == ec::none));
  BOOST_TEST(interpreters() == 1u);
}

BOOST_AUTO_TEST_CASE(children_of_a_task_that_ended_are_cancelled) {
  auto& c = connect();
  invoke(c, open(c, make_spec(2, 2)));
  auto& parent = holder();
  auto& other = idler();
  says(parent, interpreter::open_environment{5, make_spec(2, 2)});
  calls_child(parent, 0, parent.opened.at(0).handle, false);
  finish(parent, 0);
  BOOST_TEST(other.cancelled.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_an_interpreter_says_of_its_parents_place_is_not_taken_on_trust) {
  auto& c = connect();
  invoke(c, open(c, make_spec(2, 2)));
  auto& parent = holder();
  auto& other = idler();
  says(parent, interpreter::open_environment{5, make_spec(2, 2)});
  interpreter::child_call e;
  e.environment = parent.opened.at(0).handle;
  e.header.id = id(1);
  e.header.parent = parent.calls[0].header.id;
  e.header.depth = 999;
  e.header.root = id(4711);
  says(parent, e);
  BOOST_TEST(other.calls.at(0).header.depth == 1u);
  BOOST_TEST((other.calls[0].header.root == parent.calls[0].header.root));
}

BOOST_AUTO_TEST_CASE(a_child_of_a_call_that_is_not_there_is_refused) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  interpreter::child_call e;
  e.header.id = id(5);
  e.header.parent = id(4711);
  says(interpreter(0), e);
  BOOST_TEST((interpreter(0).child_replies.at(0).code == ec::aborted));
}

// -- calls ahead ----

BOOST_AUTO_TEST_CASE(a_replica_is_asked_to_give_back_what_waits_behind_a_long_call) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  invoke(c, handle);
  finish(interpreter(0), 0, ec::none, "r", 2us);
  invoke(c, handle);
  invoke(c, handle);
  BOOST_TEST(interpreter(0).calls.size() == 3u);
  advance(defaults::stall_after);
  BOOST_TEST_REQUIRE(interpreter(0).recalls.size() == 1u);
  interpreter::recalled back{interpreter(0).recalls[0]};
  BOOST_TEST_REQUIRE(back.slots.size() == 1u);
  says(interpreter(0), back);
  finish(interpreter(0), 1);
  BOOST_TEST(interpreter(0).calls.size() == 4u); // handed over again, now that its turn has come
  BOOST_TEST(interpreter(0).calls[3].attempt == 1u);
}

// -- end ----

BOOST_AUTO_TEST_CASE(a_stopping_node_finishes_what_runs_and_refuses_what_comes) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  invoke(c, handle);
  say(c, client::stop{8, 10s, "test"});
  invoke(c, handle);
  BOOST_TEST((c.replies().at(0).code == ec::shutting_down));
  finish(interpreter(0), 0);
  BOOST_TEST((c.replies().at(1).code == ec::none));
  BOOST_TEST(doors->foundry_stopped);
  BOOST_TEST(c.all<client::done>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_task_that_runs_while_the_node_stops_may_call_idle_environments_and_new_ones) {
  auto& c = connect();
  auto other = make_spec(1, 1);
  other->name = "other";
  auto idle = open(c, other);
  invoke(c, idle);
  finish(interpreter(0), 0);
  invoke(c, open(c, make_spec(1, 1)));
  auto& parent = interpreter(1);
  say(c, client::stop{8, 10s, "test"});
  says(parent, interpreter::open_environment{5, other});
  auto unseen = make_spec(1, 1);
  unseen->name = "unseen";
  says(parent, interpreter::open_environment{6, unseen});
  BOOST_TEST_REQUIRE(parent.opened.size() == 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    calls_child(parent, 0, parent.opened[i].handle);
    finish(interpreter(i == 0 ? 0 : interpreters() - 1), i == 0 ? 1 : 0);
    BOOST_TEST_REQUIRE(parent.child_replies.size() == i + 1);
    BOOST_TEST((parent.child_replies[i].code == ec::none));
    says(parent, interpreter::resumed{parent.calls[0].slot});
  }
  BOOST_TEST(!doors->foundry_stopped);
  finish(parent, 0);
  BOOST_TEST((c.replies().at(1).code == ec::none));
  BOOST_TEST(doors->foundry_stopped);
}

BOOST_AUTO_TEST_CASE(a_stopping_node_waits_no_longer_than_its_grace) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  say(c, client::stop{8, 10s, "test"});
  advance(10s);
  BOOST_TEST((c.replies().at(0).code == ec::shutting_down));
  BOOST_TEST(doors->foundry_stopped);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(agent_idle)

BOOST_AUTO_TEST_CASE(a_private_node_ends_when_it_was_idle_for_its_time) {
  scripted_world w(600'000);
  auto& c = w.connect();
  w.advance(700s);
  BOOST_TEST(!w.doors->foundry_stopped); // a client is there
  w.say(c, client::gone{"closed"});
  w.advance(599s);
  BOOST_TEST(!w.doors->foundry_stopped);
  w.advance(1s);
  BOOST_TEST(w.doors->foundry_stopped);
}

BOOST_AUTO_TEST_CASE(a_detached_run_keeps_a_private_node_awake) {
  scripted_world w(600'000);
  auto& c = w.connect();
  w.start_run(c, w.open(c, make_spec(1, 1)), "long", true);
  w.say(c, client::gone{"closed"});
  w.advance(600s);
  BOOST_TEST(!w.doors->foundry_stopped);
  w.finish(w.interpreter(0), 0);
  w.advance(600s);
  w.advance(600s);
  BOOST_TEST(w.doors->foundry_stopped);
}

BOOST_AUTO_TEST_SUITE_END()
