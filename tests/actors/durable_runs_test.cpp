#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<environment_spec> spec_with_lost(std::uint32_t lost) {
  auto spec = make_spec(1, 1);
  spec->tasks[0].retries.lost = lost;
  return spec;
}

struct world : scripted_world {
  run_row row(const std::string& name) {
    auto& c = connect();
    say(c, client::get{3, "run", name, 0});
    return c.all<client::rows<run_row>>().at(0).items.at(0);
  }

  call_reply result(const std::string& name) {
    auto& c = connect();
    say(c, client::result{4, name});
    return c.replies().at(0);
  }

  std::size_t executions() const {
    std::size_t count = 0;
    for (const auto& i : doors->interpreters)
      count += i->calls.size();
    return count;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(durable_runs, world)

BOOST_AUTO_TEST_CASE(a_client_hears_that_its_run_is_accepted_only_when_the_log_has_it) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  log->is_slow = true;
  start_run(c, handle, "nightly");
  BOOST_TEST(c.all<client::run_state>().empty());
  BOOST_TEST(executions() == 0u);
  control->go_on();
  run();
  BOOST_TEST(c.all<client::run_state>().size() == 1u);
  BOOST_TEST(executions() == 1u);
}

BOOST_AUTO_TEST_CASE(a_client_hears_the_result_only_when_the_log_has_it) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly");
  log->is_slow = true;
  finish(interpreter(0), 0, ec::none, "42");
  BOOST_TEST(c.replies().empty());
  BOOST_TEST(row("nightly").phase == "RUNNING");
  control->go_on();
  run();
  BOOST_TEST(c.replies().at(0).value.head.view() == "42");
}

BOOST_AUTO_TEST_CASE(without_a_majority_nothing_is_accepted) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  control->lose_lease();
  run();
  start_run(c, handle, "nightly");
  BOOST_TEST(c.all<client::refused>().empty()); // it may be there again soon
  advance(defaults::run_acceptance_wait);
  BOOST_TEST((c.all<client::refused>().at(0).why.code == ec::no_quorum));
  BOOST_TEST(executions() == 0u);
}

BOOST_AUTO_TEST_CASE(a_run_waits_a_little_for_a_node_that_starts) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  control->lose_lease();
  run();
  start_run(c, handle, "nightly");
  advance(1s);
  control->have_lease();
  run();
  BOOST_TEST(c.all<client::run_state>().size() == 1u);
  BOOST_TEST(executions() == 1u);
  advance(defaults::run_acceptance_wait);
  BOOST_TEST(c.all<client::refused>().empty());
}

BOOST_AUTO_TEST_CASE(the_end_of_that_wait_starts_nothing_twice) {
  auto& c = connect();
  auto handle = open(c, spec_with_lost(0));
  control->lose_lease();
  run();
  start_run(c, handle, "once");
  log->is_slow = true;
  control->have_lease();
  run();
  while (log->all<cluster::claim_run>().empty() && !log->waiting.empty()) { // up to the claim, which waits
    control->go_on();
    log->is_slow = true;
    run();
  }
  BOOST_TEST_REQUIRE(log->all<cluster::claim_run>().size() == 1u);
  advance(defaults::run_acceptance_wait);
  BOOST_TEST(log->all<cluster::claim_run>().size() == 1u);
  control->go_on();
  run();
  BOOST_TEST(executions() == 1u);
  finish(interpreter(0), 0, ec::none, "42");
  BOOST_TEST(c.replies().at(0).value.head.view() == "42");
}

BOOST_AUTO_TEST_CASE(a_run_that_is_submitted_again_before_it_was_decided_is_the_same_run) {
  const auto spec = make_spec(1, 1);
  auto& lost = connect();
  log->is_slow = true;
  const auto root = start_run(lost, open(lost, spec), "nightly");
  auto& again = connect();
  BOOST_TEST((start_run(again, open(again, spec), "nightly") == root));
  BOOST_TEST(again.all<client::refused>().empty());
  while (!log->waiting.empty()) {
    control->go_on();
    run();
  }
  BOOST_TEST(again.all<client::run_state>().size() == 1u);
  BOOST_TEST(executions() == 1u);
  finish(interpreter(0), 0, ec::none, "42");
  BOOST_TEST_REQUIRE(again.replies().size() == 1u);
  BOOST_TEST(again.replies()[0].value.head.view() == "42");
}

BOOST_AUTO_TEST_CASE(a_node_that_starts_runs_nothing_of_its_former_life_before_the_log_says_so) {
  auto& c = connect();
  start_run(c, open(c, spec_with_lost(0)), "once");
  start_run(c, open(c, spec_with_lost(5)), "often");
  BOOST_TEST(row("once").phase == "RUNNING");
  takes_seat = false; // what its disk has says that its runs are at home here
  restart();
  BOOST_TEST(executions() == 0u);
  control->start(2);
  run();
  BOOST_TEST(executions() == 1u);
  BOOST_TEST((result("once").code == ec::maybe_executed));
}

BOOST_AUTO_TEST_CASE(a_run_that_the_log_refuses_for_now_is_refused_and_never_starts) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  log->is_cut = true;
  start_run(c, handle, "nightly");
  BOOST_TEST((c.replies().at(0).code == ec::no_quorum));
  BOOST_TEST(executions() == 0u);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_run_is_proposed_again_until_the_log_takes_it) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly");
  log->is_cut = true;
  finish(interpreter(0), 0, ec::none, "42");
  BOOST_TEST(c.replies().empty());
  advance(5s);
  BOOST_TEST(c.replies().empty());
  log->is_cut = false;
  advance(5s);
  BOOST_TEST(c.replies().at(0).value.head.view() == "42");
  BOOST_TEST(executions() == 1u);
}

BOOST_AUTO_TEST_CASE(an_open_run_goes_on_when_its_node_starts_again) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly");
  BOOST_TEST(executions() == 1u);
  restart();
  BOOST_TEST(executions() == 1u); // again
  finish(interpreter(0), 0, ec::none, "42");
  BOOST_TEST(result("nightly").value.head.view() == "42");
  BOOST_TEST(result("nightly").attempt == 2u);
}

BOOST_AUTO_TEST_CASE(an_ended_run_answers_after_a_restart) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  start_run(c, handle, "good");
  finish(interpreter(0), 0, ec::none, "42");
  start_run(c, handle, "bad");
  finish(interpreter(0), 1, ec::user_error, "traceback");
  restart();
  BOOST_TEST(executions() == 0u);
  BOOST_TEST(row("good").phase == "SUCCEEDED");
  BOOST_TEST(row("bad").phase == "FAILED");
  BOOST_TEST(result("good").value.head.view() == "42");
  BOOST_TEST(result("bad").value.head.view() == "traceback");
  BOOST_TEST(!result("bad").is_text);
}

BOOST_AUTO_TEST_CASE(with_lost_0_the_log_knows_before_the_run_starts_and_it_never_starts_twice) {
  auto& c = connect();
  auto handle = open(c, spec_with_lost(0));
  start_run(c, handle, "once");
  BOOST_TEST(log->all<cluster::claim_run>().size() == 1u);
  BOOST_TEST(executions() == 1u);
  restart();
  BOOST_TEST(executions() == 0u);
  BOOST_TEST((result("once").code == ec::maybe_executed));
}

BOOST_AUTO_TEST_CASE(with_lost_0_a_run_that_had_not_started_starts_after_a_restart) {
  auto& c = connect();
  auto handle = open(c, spec_with_lost(0));
  start_run(c, handle, "first");
  log->is_slow = true;
  start_run(c, handle, "second"); // accepted below, but not claimed
  auto accept = log->waiting.back();
  log->commit(accept.second);
  log->waiting.clear();
  log->is_slow = false;
  restart();
  BOOST_TEST(executions() == 1u);
  finish(interpreter(0), 0, ec::none, "42");
  BOOST_TEST(result("second").value.head.view() == "42");
}

BOOST_AUTO_TEST_CASE(a_run_that_loses_its_home_too_often_ends) {
  auto& c = connect();
  start_run(c, open(c, spec_with_lost(1)), "nightly");
  restart();
  BOOST_TEST(executions() == 1u);
  restart();
  BOOST_TEST(executions() == 0u);
  BOOST_TEST((result("nightly").code == ec::node_lost));
}

BOOST_AUTO_TEST_CASE(submitting_the_same_run_again_gives_the_same_run) {
  auto& c = connect();
  auto spec = make_spec(1, 1);
  auto root = start_run(c, open(c, spec), "nightly");
  restart(); // its client tries again
  auto& again = connect();
  auto handle = open(again, spec);
  again.next = root.lo;
  start_run(again, handle, "nightly");
  BOOST_TEST(again.all<client::run_state>().at(0).row.name == "nightly");
  BOOST_TEST(executions() == 1u);
  finish(interpreter(0), 0, ec::none, "42");
  BOOST_TEST(again.replies().at(0).value.head.view() == "42");
  auto& late = connect();
  handle = open(late, spec);
  late.next = root.lo;
  start_run(late, handle, "nightly");
  BOOST_TEST(late.replies().at(0).value.head.view() == "42");
  BOOST_TEST(executions() == 1u);
}

BOOST_AUTO_TEST_CASE(the_same_id_with_other_content_is_a_conflict) {
  auto& c = connect();
  auto spec = make_spec(1, 1);
  auto root = start_run(c, open(c, spec), "nightly");
  auto& other = connect();
  auto handle = open(other, spec);
  other.next = root.lo;
  start_run(other, handle, "another name");
  BOOST_TEST((other.all<client::refused>().at(0).why.code == ec::conflict));
}

BOOST_AUTO_TEST_CASE(large_arguments_and_results_are_blobs_and_go_with_their_run) {
  auto& c = connect();
  const std::string large(100'000, 'x');
  client::start_run order;
  order.call = id(c.next);
  order.name = "nightly";
  auto handle = open(c, make_spec(1, 1));
  say(c, order);
  invoke(c, handle, 0, large, true);
  BOOST_TEST(blobs->size() == 1u);
  restart();
  BOOST_TEST(interpreter(0).calls.at(0).arguments.size() == large.size());
  finish(interpreter(0), 0, ec::none, large + "y");
  BOOST_TEST(blobs->size() == 2u);
  restart();
  BOOST_TEST(result("nightly").value.size() == large.size() + 1);
  blobs->clear();
  BOOST_TEST((result("nightly").code == ec::gone));
  BOOST_TEST(row("nightly").phase == "SUCCEEDED");
}

BOOST_AUTO_TEST_CASE(a_run_that_was_to_end_when_its_home_was_lost_ends) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly", true);
  log->commit(cluster::abort_run{"nightly", "wrong data", 1000}); // and the node is killed before it hears
  restart();
  BOOST_TEST(executions() == 0u);
  BOOST_TEST(row("nightly").phase == "ABORTED");
  BOOST_TEST(row("nightly").error == "wrong data");
}

BOOST_AUTO_TEST_CASE(the_deadline_of_a_run_counts_from_its_acceptance) {
  auto& c = connect();
  client::start_run order;
  order.call = id(c.next);
  order.name = "nightly";
  auto handle = open(c, make_spec(1, 1));
  say(c, order);
  client::invoke e;
  e.environment = handle;
  e.is_run = true;
  e.header.id = e.header.root = order.call;
  e.header.deadline = 10s;
  e.arguments = payload::text("x");
  say(c, std::move(e));
  BOOST_TEST(executions() == 1u);
  unix_ms += 11'000;
  restart();
  BOOST_TEST(executions() == 0u);
  BOOST_TEST((result("nightly").code == ec::deadline_exceeded));
}

BOOST_AUTO_TEST_CASE(a_run_starts_again_when_its_supervisor_fails) {
  auto& c = connect();
  auto spec = make_spec(1, 1);
  start_run(c, open(c, spec), "nightly");
  kill_supervisor(spec);
  advance(5s);
  BOOST_TEST(executions() == 2u);
  finish(interpreter(interpreters() - 1), 0, ec::none, "42");
  BOOST_TEST(c.replies().at(0).value.head.view() == "42");
}

BOOST_AUTO_TEST_CASE(the_first_end_decides_and_the_client_hears_that_one) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly");
  cluster::complete_run other;
  other.name = "nightly";
  other.attempt = 1;
  other.unix_ms = 1000;
  other.value = {"d", 5, bytes::copy_of("other")};
  log->commit(other); // from elsewhere; not heard of yet
  finish(interpreter(0), 0, ec::none, "mine");
  BOOST_TEST(c.replies().size() == 1u);
  BOOST_TEST(c.replies().at(0).value.head.view() == "other");
}

BOOST_AUTO_TEST_CASE(a_run_whose_home_is_taken_stops_here) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly");
  const node_uuid other{2, 2};
  log->commit(cluster::admit_node{other, "other"});
  const seat_id there{log->commit(cluster::take_seat{other, 1, {}, {}, 0, 1}).index};
  log->commit(cluster::end_seat{log->seat, cluster::departure::expired});
  log->rehome(there);
  control->catch_up();
  run();
  BOOST_TEST(interpreter(0).cancelled.size() == 1u);
  BOOST_TEST(c.replies().empty());
  cluster::complete_run end;
  end.name = "nightly";
  end.attempt = 2;
  end.unix_ms = 1000;
  end.value = {"d", 2, bytes::copy_of("42")};
  log->commit(end);
  control->catch_up();
  run();
  BOOST_TEST(c.replies().at(0).value.head.view() == "42"); // waits here all the same
}

BOOST_AUTO_TEST_SUITE_END()
