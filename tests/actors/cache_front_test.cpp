#include "tests/support/fronted.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(cache_front, fronted)

// -- hits and misses ----

BOOST_AUTO_TEST_CASE(a_miss_is_handed_on_without_its_key_and_with_the_front_as_its_caller) {
  square(1);
  BOOST_REQUIRE_EQUAL(executed().size(), 1u);
  BOOST_TEST(executed()[0].arguments.head.view() == "arguments");
  BOOST_TEST((executed()[0].caller == caller_actor(f.handle)));
  BOOST_TEST((executed()[0].output == client->handle));
  finish(f, 0);
  BOOST_TEST(values_of(*client) == "4");
  BOOST_TEST(!client->replies[0].is_hit);
  BOOST_TEST(entries->kept.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_hit_is_answered_without_whoever_executes) {
  square(1);
  finish(f, 0);
  square(2);
  BOOST_TEST(executed().size() == 1u);
  BOOST_TEST(values_of(*client) == "4 4");
  BOOST_TEST(client->replies[1].is_hit);
  BOOST_TEST((client->replies[1].id == id(2)));
}

BOOST_AUTO_TEST_CASE(a_hit_of_what_is_read_from_the_disk_is_one_too) {
  square(1);
  finish(f, 0);
  entries->are_elsewhere = true;
  square(2);
  BOOST_TEST(executed().size() == 1u);
  BOOST_TEST(values_of(*client) == "4 4");
}

BOOST_AUTO_TEST_CASE(a_result_is_there_for_the_next_call_before_it_is_on_the_disk) {
  entries->are_slow = true;
  square(1);
  finish(f, 0);
  square(2);
  BOOST_TEST(entries->kept.empty());
  BOOST_TEST(values_of(*client) == "4 4");
  disk_goes_on();
  BOOST_TEST(entries->kept.size() == 1u);
}

BOOST_AUTO_TEST_CASE(other_inputs_versions_tasks_and_projects_are_other_calls) {
  square(1, "2");
  square(2, "3");
  invoke(f, cached_spec(false, "2"), client, id(3));
  invoke(f, cached_spec(false, "1", "env.cube"), client, id(4));
  invoke(f, cached_spec(false, "1", "env.square", "other"), client, id(5));
  for (std::size_t i = 0; i < executed().size(); ++i)
    finish(f, i, std::to_string(i));
  BOOST_TEST(executed().size() == 5u);
  square(6, "2");
  BOOST_TEST(executed().size() == 5u);
  BOOST_TEST(values_of(*client) == "0 1 2 3 4 0");
}

BOOST_AUTO_TEST_CASE(results_of_two_environments_are_one_task_s) {
  square(1);
  finish(f, 0);
  const auto other = front();
  invoke(other, spec, client, id(2));
  BOOST_TEST(other.behind->calls.empty());
  BOOST_TEST(values_of(*client) == "4 4");
}

BOOST_AUTO_TEST_CASE(a_failure_is_not_kept) {
  square(1);
  finish(f, 0, "boom", ec::user_error);
  square(2);
  BOOST_TEST(executed().size() == 2u);
  BOOST_TEST(entries->kept.empty());
  BOOST_TEST(values_of(*client) == "user_error");
}

BOOST_AUTO_TEST_CASE(a_result_is_kept_as_long_as_its_task_says) {
  auto brief = cached_spec();
  brief->tasks[0].caching.ttl = 10s;
  spec = brief;
  square(1);
  finish(f, 0);
  unix_ms += 9'999;
  square(2);
  BOOST_TEST(executed().size() == 1u);
  unix_ms += 1;
  square(3);
  BOOST_TEST(executed().size() == 2u);
}

BOOST_AUTO_TEST_CASE(overwrite_looks_nothing_up_and_replaces_what_is_kept) {
  square(1);
  finish(f, 0, "4");
  const auto looks = entries->looks;
  unix_ms += 1;
  square(2, "2", true);
  BOOST_TEST(entries->looks == looks);
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  finish(f, 1, "four");
  square(3);
  BOOST_TEST(values_of(*client) == "4 four four");
  BOOST_TEST(counts().skipped == 1u);
}

// -- what goes past ----

BOOST_AUTO_TEST_CASE(a_task_that_keeps_nothing_and_a_call_without_a_key_go_past) {
  auto plain = std::make_shared<environment_spec>(*make_spec(0, 1));
  invoke(f, make_call(plain, client, id(1), payload::text("x")));
  invoke(f, make_call(spec, client, id(2), payload::text("x")));
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  for (const auto& c : executed())
    BOOST_TEST((c.caller == client->handle));
  finish(f, 1);
  BOOST_TEST(entries->kept.empty());
  BOOST_TEST(entries->looks == 0u);
}

BOOST_AUTO_TEST_CASE(a_broken_key_is_refused) {
  invoke(f, make_call(spec, client, id(1), payload::text("\xd9\xbe\x16\x58\xff and nothing more")));
  BOOST_TEST(executed().empty());
  BOOST_TEST(values_of(*client) == "bad_request");
}

BOOST_AUTO_TEST_CASE(a_call_whose_id_is_open_goes_past_and_both_are_answered) {
  square(1);
  const auto other = caller();
  invoke(f, spec, other, id(1), "3");
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  BOOST_TEST((executed()[1].caller == other->handle));
  BOOST_TEST(executed()[1].arguments.head.view() == "arguments");
  finish(f, 0, "4");
  finish(f, 1, "9");
  BOOST_TEST(values_of(*client) == "4");
  BOOST_TEST(values_of(*other) == "9");
}

BOOST_AUTO_TEST_CASE(an_environment_is_opened_by_whoever_executes) {
  const auto [answer, error] = ask<bool>(*this, f.handle, atom::open::value, spec, true);
  BOOST_REQUIRE(answer);
  BOOST_TEST(std::get<0>(*answer));
  BOOST_TEST(f.behind->opened.at(0).second);
}

BOOST_AUTO_TEST_CASE(who_asks_hears_of_calls_that_wait_that_run_and_that_went_past) {
  entries->are_elsewhere = entries->are_slow = true;
  square(1, "kept");
  finish(f, 0);
  disk_goes_on();
  entries->are_slow = true;
  square(2, "kept");
  square(3, "new");
  invoke(f, make_call(spec, client, id(4), payload::text("x")));
  const auto [answer, error] = ask<std::vector<call_id>>(*this, f.handle, atom::has::value, client->handle,
                                                         std::vector<call_id>{id(2), id(3), id(4), id(5)});
  BOOST_REQUIRE(answer);
  auto open = std::get<0>(*answer);
  std::sort(open.begin(), open.end());
  open.erase(std::unique(open.begin(), open.end()), open.end());
  BOOST_TEST((open == std::vector<call_id>{id(2), id(3), id(4)}));
}

// -- trouble ----

BOOST_AUTO_TEST_CASE(a_lookup_that_fails_is_a_miss_and_counted) {
  square(1);
  finish(f, 0);
  entries->are_elsewhere = entries->are_unreadable = true;
  square(2);
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  finish(f, 1);
  BOOST_TEST(values_of(*client) == "4 4");
  BOOST_TEST(counts().lookup_failures == 1u);
}

BOOST_AUTO_TEST_CASE(a_disk_that_does_not_answer_holds_a_call_up_no_longer_than_the_patience) {
  square(1);
  finish(f, 0);
  entries->are_elsewhere = entries->are_slow = true;
  square(2);
  BOOST_TEST(executed().size() == 1u);
  advance(defaults::cache_disk_patience);
  BOOST_TEST(executed().size() == 2u);
  BOOST_TEST(counts().lookup_failures == 1u);
}

BOOST_AUTO_TEST_CASE(a_result_that_cannot_be_kept_is_the_call_s_all_the_same_and_counted) {
  entries->are_refused = true;
  square(1);
  finish(f, 0);
  BOOST_TEST(values_of(*client) == "4");
  BOOST_TEST(counts().put_failures == 1u);
  square(2);
  BOOST_TEST(executed().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_node_that_may_not_act_for_the_cluster_serves_nothing) {
  square(1);
  finish(f, 0);
  control.lose_lease();
  run();
  square(2);
  BOOST_TEST(executed().size() == 2u);
  BOOST_TEST(counts().lookup_failures == 1u);
}

// -- invalidation ----

BOOST_AUTO_TEST_CASE(nothing_that_was_kept_before_an_invalidation_is_served_after_it) {
  const cache_scope scope = scope_of(*spec, spec->tasks[0]);
  const std::vector<std::string> paths{path_of(scope, digest_called("2")),
                                       path_of(scope),
                                       "default/development/env.square",
                                       "default/development",
                                       "default",
                                       ""};
  std::uint64_t number = 0;
  square(++number);
  finish(f, 0);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    square(++number);
    BOOST_TEST(executed().size() == i + 1); // it was kept
    invalidate(paths[i]);
    square(++number);
    BOOST_REQUIRE_EQUAL(executed().size(), i + 2);
    finish(f, i + 1);
  }
}

BOOST_AUTO_TEST_CASE(names_with_slashes_are_invalidated_as_what_they_are) {
  const auto odd = cached_spec(false, "1/2", "env/square", "de/fault");
  const auto other = cached_spec(false, "1", "square", "de");
  invoke(f, odd, client, id(1));
  invoke(f, other, client, id(2));
  finish(f, 0);
  finish(f, 1);
  invalidate("de");
  invoke(f, odd, client, id(3));
  BOOST_TEST(executed().size() == 2u);
  invoke(f, other, client, id(4));
  BOOST_TEST(executed().size() == 3u);
  invalidate(path_of(std::vector<std::string>{"de/fault"}));
  invoke(f, odd, client, id(5));
  BOOST_TEST(executed().size() == 4u);
}

BOOST_AUTO_TEST_CASE(what_executes_during_an_invalidation_is_not_served_after_it) {
  square(1);
  invalidate("default");
  finish(f, 0);
  square(2);
  BOOST_TEST(executed().size() == 2u);
}

BOOST_AUTO_TEST_CASE(what_is_on_its_way_from_the_disk_is_not_served_after_an_invalidation) {
  square(1);
  finish(f, 0);
  entries->are_elsewhere = entries->are_slow = true;
  square(2);
  invalidate("default");
  disk_goes_on();
  BOOST_TEST(executed().size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(cache_front_ends, fronted)

// -- cancelling and deadlines ----

BOOST_AUTO_TEST_CASE(a_call_that_runs_is_cancelled_where_it_runs) {
  square(1);
  cancel(f, client->handle, id(1));
  BOOST_REQUIRE_EQUAL(f.behind->cancels.size(), 1u);
  BOOST_TEST((f.behind->cancels[0].caller == caller_actor(f.handle)));
  BOOST_TEST(client->replies.empty());
  finish(f, 0, "enough", ec::aborted);
  BOOST_TEST(values_of(*client) == "aborted");
}

BOOST_AUTO_TEST_CASE(a_call_that_waits_for_the_cache_is_cancelled_at_once) {
  square(1);
  finish(f, 0);
  entries->are_elsewhere = entries->are_slow = true;
  square(2);
  cancel(f, client->handle, id(2));
  cancel(f, client->handle, id(2));
  BOOST_TEST(values_of(*client) == "4 aborted");
  disk_goes_on();
  BOOST_TEST(client->replies.size() == 2u);
  BOOST_TEST(executed().size() == 1u);
}

BOOST_AUTO_TEST_CASE(nobody_cancels_the_call_of_another) {
  square(1);
  cancel(f, caller()->handle, id(1));
  BOOST_TEST(std::none_of(f.behind->cancels.begin(), f.behind->cancels.end(),
                          [&](const auto& c) { return c.caller == caller_actor(f.handle); }));
}

BOOST_AUTO_TEST_CASE(everything_that_a_caller_has_open_is_cancelled_at_once) {
  square(1, "2");
  square(2, "3");
  invoke(f, make_call(spec, client, id(3), payload::text("x")));
  const auto other = caller();
  invoke(f, spec, other, id(4), "5");
  cancel(f, client->handle, {});
  std::vector<std::pair<bool, call_id>> cancelled; // of the front, else of the client
  for (const auto& c : f.behind->cancels)
    cancelled.emplace_back(c.caller == caller_actor(f.handle), c.id);
  BOOST_TEST((cancelled == std::vector<std::pair<bool, call_id>>{{true, id(1)}, {true, id(2)}, {false, call_id{}}}));
}

BOOST_AUTO_TEST_CASE(an_action_that_somebody_aborts_is_cancelled_whoever_calls_it) {
  square(1);
  cancel(f, {}, id(1));
  BOOST_REQUIRE_EQUAL(f.behind->cancels.size(), 1u);
  BOOST_TEST(!f.behind->cancels[0].caller);
}

BOOST_AUTO_TEST_CASE(the_time_that_a_call_waited_counts_towards_its_deadline) {
  square(1);
  finish(f, 0);
  entries->are_elsewhere = entries->are_slow = entries->are_unreadable = true;
  auto c = make_call(spec, client, id(2), keyed("2"));
  c.header.deadline = 10s;
  invoke(f, std::move(c));
  advance(1s);
  disk_goes_on();
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  BOOST_TEST((executed()[1].header.deadline == 9s));
}

// -- ends ----

BOOST_AUTO_TEST_CASE(when_the_cache_ends_calls_execute_as_if_there_were_none) {
  square(1);
  finish(f, 0);
  entries->are_elsewhere = entries->are_slow = true;
  square(2, "2");
  square(3, "3");
  caf::anon_send_exit(cache, caf::exit_reason::kill);
  run();
  square(4, "2");
  BOOST_REQUIRE_EQUAL(executed().size(), 4u);
  BOOST_TEST(executed().back().arguments.head.view() == "arguments");
  for (std::size_t i = 1; i < 4; ++i)
    finish(f, i);
  BOOST_TEST(values_of(*client) == "4 4 4 4");
}

BOOST_AUTO_TEST_CASE(when_the_node_stops_what_waits_executes_and_results_are_kept_to_the_end) {
  square(1);
  finish(f, 0);
  entries->are_elsewhere = entries->are_slow = true;
  square(2, "2"); // waits for the disk
  square(3, "3"); // executes
  tell(f.handle, atom::stop::value, milliseconds{0});
  square(4, "4");
  BOOST_REQUIRE_EQUAL(executed().size(), 4u);
  disk_goes_on();
  for (std::size_t i = 1; i < 4; ++i)
    finish(f, i);
  BOOST_TEST(values_of(*client) == "4 4 4 4");
  BOOST_TEST(entries->kept.contains({spec->tasks[0].caching.scope, digest_called("3")}));
}

BOOST_AUTO_TEST_CASE(a_front_ends_with_whoever_executes) {
  square(1);
  bool has_ended = false;
  f.handle->attach_functor([&](const caf::error&) { has_ended = true; });
  caf::anon_send_exit(f.behind->handle, caf::exit_reason::kill);
  run();
  BOOST_TEST(has_ended);
}

BOOST_AUTO_TEST_SUITE_END()
