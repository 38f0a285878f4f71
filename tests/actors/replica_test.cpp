#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

/// The replica at each of its states, and what its failure costs.
BOOST_FIXTURE_TEST_SUITE(replica_actor_states, scripted_world)

BOOST_AUTO_TEST_CASE(a_draining_replica_ends_its_interpreter_when_its_last_call_is_done) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1, 2));
  invoke(c, handle);
  invoke(c, handle);
  tell(interpreter(0).replica, atom::retire::value, false, std::string("not needed any more"));
  finish(interpreter(0), 0);
  BOOST_TEST(!interpreter(0).halted);
  finish(interpreter(0), 1);
  BOOST_TEST(interpreter(0).halted);
  BOOST_TEST(!interpreter(0).halted_at_once);
  BOOST_TEST(c.replies().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_replica_that_is_lost_while_it_drains_has_its_calls_run_elsewhere) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  tell(interpreter(0).replica, atom::retire::value, false, std::string("not needed any more"));
  die(interpreter(0));
  BOOST_TEST_REQUIRE(interpreters() == 2u);
  finish(interpreter(1), 0);
  BOOST_TEST((c.replies().at(0).code == ec::none));
}

BOOST_AUTO_TEST_CASE(a_replica_retired_before_its_interpreter_is_attached_serves_nobody) {
  doors->attach_at_once = false;
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  tell(interpreter(0).replica, atom::retire::value, true, std::string("not needed"));
  BOOST_TEST(interpreter(0).calls.empty());
  BOOST_TEST(interpreters() == 2u); // the call still wants one
}

BOOST_AUTO_TEST_CASE(a_door_that_fails_loses_the_replica_with_all_its_calls) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  caf::anon_send_exit(interpreter(0).door, caf::exit_reason::kill);
  run();
  BOOST_TEST_REQUIRE(interpreters() == 2u);
  BOOST_TEST(interpreter(1).calls.at(0).attempt == 2u);
  finish(interpreter(1), 0);
  BOOST_TEST(c.replies().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_replica_actor_that_fails_costs_an_execution_and_not_the_call) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  caf::anon_send_exit(interpreter(0).replica, caf::exit_reason::kill);
  run();
  BOOST_TEST_REQUIRE(interpreters() == 2u);
  BOOST_TEST(interpreter(1).calls.at(0).attempt == 2u);
}

BOOST_AUTO_TEST_CASE(a_replica_actor_that_fails_while_it_starts_is_replaced) {
  doors->attach_at_once = false;
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  caf::anon_send_exit(interpreter(0).replica, caf::exit_reason::kill);
  run();
  BOOST_TEST_REQUIRE(interpreters() == 2u);
  BOOST_TEST(c.replies().empty());
}

BOOST_AUTO_TEST_CASE(a_supervisor_that_fails_ends_its_replicas_and_answers_the_calls_of_clients_and_tasks) {
  auto other = make_spec(1, 1);
  other->name = "other";
  auto& c = connect();
  auto theirs = open(c, other);
  invoke(c, open(c, make_spec(1, 1)));
  auto& parent = interpreter(0);
  says(parent, interpreter::open_environment{5, other});
  calls_child(parent, 0, parent.opened.at(0).handle);
  invoke(c, theirs);
  BOOST_TEST_REQUIRE(interpreters() == 2u);
  kill_supervisor(other);
  BOOST_TEST(interpreter(1).halted_at_once);
  BOOST_TEST((parent.child_replies.at(0).code == ec::shutting_down));
  BOOST_TEST((c.replies().at(0).code == ec::shutting_down));
  // Its handles are of no use any more, and say so instead of staying silent.
  invoke(c, theirs);
  BOOST_TEST((c.replies().at(1).code == ec::unknown_environment));
  calls_child(parent, 0, parent.opened[0].handle, true, 9001);
  BOOST_TEST((parent.child_replies.at(1).code == ec::unknown_environment));
  // Opened again, the environment lives.
  invoke(c, open(c, other));
  finish(interpreter(interpreters() - 1), 0);
  BOOST_TEST((c.replies().at(2).code == ec::none));
}

BOOST_AUTO_TEST_CASE(an_idle_replica_with_functions_of_on_stop_is_asked_to_end_also_when_its_supervisor_goes) {
  auto spec = make_spec(1, 1);
  spec->hooks = {{"m", "close", "", false, true}};
  auto& c = connect();
  invoke(c, open(c, spec));
  finish(interpreter(0), 0);
  tell(interpreter(0).replica, atom::retire::value, true, std::string("the node is stopping"));
  kill_supervisor(spec);
  BOOST_TEST(interpreter(0).halted);
  BOOST_TEST(!interpreter(0).halted_at_once);
}

BOOST_AUTO_TEST_CASE(a_busy_replica_with_functions_of_on_stop_is_ended_at_once) {
  auto spec = make_spec(1, 1);
  spec->hooks = {{"m", "close", "", false, true}};
  auto& c = connect();
  invoke(c, open(c, spec));
  tell(interpreter(0).replica, atom::retire::value, true, std::string("it hangs"));
  BOOST_TEST(interpreter(0).halted_at_once);
}

BOOST_AUTO_TEST_CASE(an_environment_that_a_task_cannot_open_is_refused_to_it) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  says(interpreter(0), interpreter::open_environment{5, make_spec(7, 2)});
  BOOST_TEST_REQUIRE(interpreter(0).opened.size() == 1u);
  BOOST_TEST((interpreter(0).opened[0].error.code == ec::bad_request));
}

BOOST_AUTO_TEST_CASE(calls_beyond_the_words_of_the_slot_table_are_answered_and_the_others_run) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 1)));
  auto& i = interpreter(0);
  std::vector<dispatched_call> many(i.order.slots + 3);
  for (std::size_t n = 0; n < many.size(); ++n) {
    many[n].id = ticket{100'000 + n};
    many[n].header.id = id(50'000 + n);
  }
  tell(i.replica, atom::dispatch::value, std::move(many));
  BOOST_TEST(i.calls.size() == i.order.slots);
  BOOST_TEST(!i.halted);
}

BOOST_AUTO_TEST_SUITE_END()
