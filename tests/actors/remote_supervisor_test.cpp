#include "tests/support/nodes_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

spec_ptr spec_with(std::uint32_t lost = 3) {
  auto spec = make_spec(0, 4);
  spec->tasks[0].retries.lost = lost;
  return spec;
}

/// Node 0 has the client, node 1 owns the environment.
struct two_and_a_spare : nodes_fixture {
  const std::string key = make_spec(0, 1)->key();

  two_and_a_spare() : client(caller()) { grant(key, 1, 10); }

  scripted_supervisor& owner() { return supervisor(1, key); }

  std::shared_ptr<scripted_caller> client;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(remote_supervisor, two_and_a_spare)

BOOST_AUTO_TEST_CASE(a_call_runs_at_the_owner_and_is_answered_once) {
  invoke(0, spec_with(), client, id(1));
  BOOST_REQUIRE_EQUAL(owner().calls.size(), 1u);
  BOOST_CHECK_EQUAL(owner().calls[0].spec->version, "v1");
  BOOST_CHECK_EQUAL(owner().opened.size(), 1u);
  finish(owner(), 0);
  finish(owner(), 0);
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
  BOOST_CHECK(client->replies[0].value.head.view() == "result");
}

BOOST_AUTO_TEST_CASE(an_environment_is_opened_once_and_its_opening_is_answered) {
  const auto [answer, error] = ask<bool>(*this, gate(0, key), atom::open::value, spec_with(), true);
  BOOST_REQUIRE(answer);
  BOOST_CHECK(std::get<0>(*answer));
  invoke(0, spec_with(), client, id(1));
  invoke(0, spec_with(), client, id(2));
  BOOST_CHECK_EQUAL(owner().opened.size(), 1u);
  BOOST_CHECK(owner().opened[0].second);
  BOOST_CHECK_EQUAL(owner().calls.size(), 2u);
}

BOOST_AUTO_TEST_CASE(output_goes_to_who_takes_it_and_the_result_comes_after) {
  invoke(0, spec_with(), client, id(1));
  log_text text;
  text.call = id(1);
  tell(owner().calls[0].output, atom::logged::value, std::vector<log_text>{text});
  BOOST_CHECK_EQUAL(client->output.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_child_of_a_remote_call_has_its_own_way_back_and_the_output_of_its_root) {
  invoke(0, spec_with(), client, id(1));
  // The task runs at the owner, and what it calls is owned by the third node.
  auto other = std::make_shared<environment_spec>(*spec_with());
  other->name = "other";
  grant(other->key(), 2, 11);
  const auto replica = caller();
  call child;
  child.header.id = id(2);
  child.header.depth = 1;
  child.spec = other;
  child.caller = replica->handle;
  child.output = owner().calls[0].output;
  std::vector<call> batch;
  batch.push_back(std::move(child));
  tell(gate(1, other->key()), atom::invoke::value, std::move(batch));
  auto& callee = supervisor(2, other->key());
  BOOST_REQUIRE_EQUAL(callee.calls.size(), 1u);
  tell(callee.calls[0].output, atom::logged::value, std::vector<log_text>(1));
  finish(callee, 0);
  BOOST_CHECK_EQUAL(client->output.size(), 1u);
  BOOST_CHECK_EQUAL(replica->output.size(), 0u);
  BOOST_CHECK_EQUAL(replica->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_is_cancelled_where_it_runs) {
  invoke(0, spec_with(), client, id(1));
  tell(gate(0, key), atom::cancel::value, std::vector<cancellation>{{client->handle, id(1), ec::aborted, "enough"}});
  BOOST_REQUIRE_EQUAL(owner().cancels.size(), 1u);
  BOOST_CHECK(owner().cancels[0].id == id(1));
  BOOST_CHECK(owner().cancels[0].caller == owner().calls[0].caller);
  BOOST_CHECK_EQUAL(owner().cancels[0].reason, "enough");
  finish(owner(), 0, ec::aborted);
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_call_that_is_cancelled_twice_at_once_is_answered_once) {
  invoke(0, spec_with(), client, id(1));
  cut(0, 1); // nobody is reached who would answer
  const cancellation enough{client->handle, id(1), ec::aborted, "enough"};
  tell(gate(0, key), atom::cancel::value, std::vector<cancellation>{enough, enough});
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
  BOOST_CHECK(client->replies[0].code == ec::aborted);
}

BOOST_AUTO_TEST_CASE(nobody_cancels_the_call_of_another) {
  invoke(0, spec_with(), client, id(1));
  tell(gate(0, key), atom::cancel::value, std::vector<cancellation>{{caller()->handle, id(1), ec::aborted, "no"}});
  BOOST_CHECK(owner().cancels.empty());
}

BOOST_AUTO_TEST_CASE(what_the_owner_gives_back_as_not_begun_goes_to_the_next_one_and_is_no_loss) {
  invoke(0, spec_with(0), client, id(1));
  auto& first = owner();
  grant(key, 2, 20);
  BOOST_CHECK(first.was_disowned);
  BOOST_CHECK(client->replies.empty());
  finish(first, 0, ec::stale_epoch);
  BOOST_REQUIRE_EQUAL(supervisor(2, key).calls.size(), 1u);
  finish(supervisor(2, key), 0);
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
  BOOST_CHECK(client->replies[0].code == ec::none);
}

BOOST_AUTO_TEST_CASE(what_runs_at_a_former_owner_that_is_there_is_waited_for) {
  invoke(0, spec_with(0), client, id(1));
  grant(key, 2, 20);
  advance(60s);
  BOOST_CHECK(client->replies.empty());
  BOOST_CHECK(!has_supervisor(2, key));
  finish(owner(), 0);
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_call_that_was_at_an_owner_that_is_gone_runs_again_elsewhere) {
  invoke(0, spec_with(3), client, id(1));
  isolate(1);
  BOOST_CHECK(client->replies.empty());
  grant(key, 2, 20);
  advance(100ms); // the new owner hears of it a moment later
  BOOST_REQUIRE_EQUAL(supervisor(2, key).calls.size(), 1u);
  finish(supervisor(2, key), 0);
  finish(owner(), 0); // whatever the old one says comes nowhere
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(with_lost_0_a_call_that_was_at_an_owner_that_is_gone_never_runs_again) {
  invoke(0, spec_with(0), client, id(1));
  isolate(1);
  grant(key, 2, 20);
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
  BOOST_CHECK(client->replies[0].code == ec::maybe_executed);
  BOOST_CHECK(!has_supervisor(2, key));
}

BOOST_AUTO_TEST_CASE(a_call_is_lost_so_often_as_its_task_allows) {
  invoke(0, spec_with(1), client, id(1));
  isolate(1);
  grant(key, 2, 20);
  advance(100ms); // the new owner hears of it a moment later
  BOOST_REQUIRE_EQUAL(supervisor(2, key).calls.size(), 1u);
  isolate(2);
  revoke(key);
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
  BOOST_CHECK(client->replies[0].code == ec::node_lost);
}

BOOST_AUTO_TEST_CASE(an_owner_that_has_not_heard_of_its_grant_is_asked_again) {
  revoke(key);
  const ownership granted{node(2).id, {1}, {20}};
  log->owners[key] = granted; // the owner itself has not applied that entry yet
  invoke(0, spec_with(0), client, id(1));
  BOOST_CHECK(!has_supervisor(2, key));
  tell_fact(2, control::owner_changed{key, granted});
  advance(100ms);
  BOOST_REQUIRE(has_supervisor(2, key));
  BOOST_CHECK_EQUAL(supervisor(2, key).calls.size(), 1u);
}

BOOST_AUTO_TEST_CASE(an_environment_comes_to_the_node_of_its_caller) {
  invoke(0, spec_with(3), client, id(1));
  isolate(1);
  grant(key, 0, 20);
  BOOST_REQUIRE_EQUAL(supervisor(0, key).calls.size(), 1u);
  finish(supervisor(0, key), 0);
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
  invoke(0, spec_with(3), client, id(2));
  BOOST_CHECK_EQUAL(supervisor(0, key).calls.size(), 2u);
}

BOOST_AUTO_TEST_CASE(calls_of_a_local_supervisor_that_fails_follow_the_loss_rule) {
  grant(key, 0, 20);
  invoke(0, spec_with(3), client, id(1));
  invoke(0, spec_with(3), client, id(2));
  auto first = supervisor(0, key).handle;
  node(0).supervisors.erase(key);
  caf::anon_send_exit(first, caf::exit_reason::kill);
  first = supervisor_actor{};
  run();
  advance(100ms);
  BOOST_REQUIRE_EQUAL(supervisor(0, key).calls.size(), 2u);
  finish(supervisor(0, key), 0);
  finish(supervisor(0, key), 1);
  BOOST_CHECK_EQUAL(client->replies.size(), 2u);
}

BOOST_AUTO_TEST_CASE(a_node_without_standing_gives_up_what_it_owns) {
  grant(key, 0, 20);
  invoke(0, spec_with(0), client, id(1));
  log->refusal = failure{ec::no_quorum, "its lease is over"};
  tell_fact(0, control::standing{false, {}, "its lease is over"});
  BOOST_CHECK(supervisor(0, key).was_disowned);
  finish(supervisor(0, key), 0, ec::stale_epoch);
  BOOST_CHECK(client->replies.empty());
  log->refusal.reset();
  grant(key, 2, 30);
  advance(100ms);
  BOOST_REQUIRE(has_supervisor(2, key));
  BOOST_CHECK_EQUAL(supervisor(2, key).calls.size(), 1u);
}

BOOST_AUTO_TEST_CASE(without_an_owner_calls_wait_and_then_are_refused_in_words) {
  revoke(key);
  log->refusal = failure{ec::no_quorum, "two of three voters are missing"};
  invoke(0, spec_with(), client, id(1));
  advance(10s);
  BOOST_CHECK(client->replies.empty());
  for (int i = 0; i < 10; ++i)
    advance(2s);
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
  BOOST_CHECK(client->replies[0].code == ec::no_quorum);
  BOOST_CHECK(client->replies[0].value.head.view().find("two of three voters") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(calls_that_waited_for_an_owner_go_to_it_in_their_order) {
  revoke(key);
  for (std::uint64_t i = 1; i <= 3; ++i)
    invoke(0, spec_with(), client, id(i));
  grant(key, 2, 20);
  advance(100ms);
  BOOST_REQUIRE(has_supervisor(2, key));
  const auto& calls = supervisor(2, key).calls;
  BOOST_REQUIRE_EQUAL(calls.size(), 3u);
  for (std::uint64_t i = 1; i <= 3; ++i)
    BOOST_CHECK(calls[i - 1].header.id == id(i));
}

BOOST_AUTO_TEST_CASE(an_opening_without_an_owner_fails_in_words) {
  revoke(key);
  log->refusal = failure{ec::no_quorum, "nobody answers"};
  auto failed = std::make_shared<caf::error>();
  auto asker = sys.spawn([&, to = gate(0, key)](caf::event_based_actor* self) {
    self->request(to, caf::infinite, atom::open::value, spec_with(), false)
      .then([](bool) {}, [failed](caf::error& e) { *failed = std::move(e); });
  });
  run();
  for (int i = 0; i < 16; ++i)
    advance(2s);
  BOOST_CHECK(failure_of(*failed).code == ec::no_quorum);
}

BOOST_AUTO_TEST_CASE(too_many_waiting_roots_are_refused_and_children_never) {
  revoke(key);
  log->refusal = failure{ec::no_quorum, "nobody answers"};
  std::vector<call> many(defaults::gate_waiting_calls);
  for (std::uint64_t i = 0; i < many.size(); ++i) {
    many[i].header.id = id(100 + i);
    many[i].spec = spec_with();
  }
  tell(gate(0, key), atom::invoke::value, std::move(many));
  invoke(0, spec_with(), client, id(1));
  BOOST_REQUIRE_EQUAL(client->replies.size(), 1u);
  BOOST_CHECK(client->replies[0].code == ec::overloaded);
  invoke(0, spec_with(), client, id(2), 1);
  BOOST_CHECK_EQUAL(client->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_result_that_was_lost_with_the_link_to_where_it_ran_is_found_missing) {
  invoke(0, spec_with(3), client, id(1));
  std::erase(owner().open, id(1)); // it ended at the third node, whose link to the caller is cut
  cut(0, 2);
  advance(2s);
  BOOST_CHECK_EQUAL(owner().calls.size(), 1u); // an answer on its way is given time
  advance(2s);
  BOOST_REQUIRE_EQUAL(owner().calls.size(), 2u);
  finish(owner(), 1);
  BOOST_CHECK_EQUAL(client->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_result_that_found_no_link_to_the_caller_is_found_missing_when_there_is_one) {
  cut(0, 2);
  invoke(0, spec_with(3), client, id(1));
  std::erase(owner().open, id(1)); // it ended at the third node
  connect(0, 2);
  run();
  advance(2s);
  advance(2s);
  BOOST_REQUIRE_EQUAL(owner().calls.size(), 2u);
}

BOOST_AUTO_TEST_CASE(a_result_that_was_lost_for_want_of_a_link_is_found_missing_in_time) {
  cut(0, 2);
  advance(60s);
  invoke(0, spec_with(3), client, id(1));
  std::erase(owner().open, id(1));
  advance(defaults::doubt_interval);
  advance(2s);
  advance(2s);
  BOOST_REQUIRE_EQUAL(owner().calls.size(), 2u);
}

BOOST_AUTO_TEST_CASE(a_long_call_is_asked_after_seldom) {
  invoke(0, spec_with(3), client, id(1));
  const auto probes = [&] {
    const auto& said = node(0).said;
    return std::count_if(said.begin(), said.end(),
                         [](const auto& m) { return std::holds_alternative<link::probe>(m); });
  };
  advance(std::chrono::seconds(defaults::doubt_interval) / 2);
  BOOST_CHECK_EQUAL(probes(), 0);
  for (int minute = 0; minute < 60; ++minute)
    advance(1s);
  BOOST_CHECK(probes() > 2 && probes() < 16);
  BOOST_CHECK_EQUAL(owner().calls.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_call_that_still_runs_when_some_link_ends_is_left_alone) {
  invoke(0, spec_with(3), client, id(1));
  cut(0, 2);
  advance(20s);
  BOOST_CHECK_EQUAL(owner().calls.size(), 1u);
  BOOST_CHECK(client->replies.empty());
}

BOOST_AUTO_TEST_CASE(an_id_that_is_open_is_not_taken_again) {
  invoke(0, spec_with(), client, id(1));
  const auto other = caller();
  invoke(0, spec_with(), other, id(1));
  BOOST_REQUIRE_EQUAL(other->replies.size(), 1u);
  BOOST_CHECK(other->replies[0].code == ec::bad_request);
  finish(owner(), 0);
  BOOST_CHECK_EQUAL(client->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(the_time_that_a_call_waited_for_an_owner_counts_towards_its_deadline) {
  revoke(key);
  call c;
  c.header.id = id(1);
  c.header.deadline = 10s;
  c.spec = spec_with();
  c.caller = client->handle;
  std::vector<call> batch;
  batch.push_back(std::move(c));
  tell(gate(0, key), atom::invoke::value, std::move(batch));
  advance(4s);
  grant(key, 2, 20);
  advance(100ms);
  BOOST_REQUIRE(has_supervisor(2, key));
  BOOST_CHECK(supervisor(2, key).calls.at(0).header.deadline <= 6s);
}

BOOST_AUTO_TEST_SUITE_END()
