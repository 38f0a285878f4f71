#include "core/defaults_cache.hpp"
#include "tests/support/fronted.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(cache_front_serialized, serialized)

BOOST_AUTO_TEST_CASE(of_equal_calls_one_executes_and_the_others_get_its_value) {
  const auto other = front();
  for (std::uint64_t number = 1; number <= 3; ++number)
    square(number);
  invoke(other, spec, client, id(4));
  BOOST_TEST(executed().size() == 1u);
  BOOST_TEST(other.behind->calls.empty());
  finish(f, 0);
  BOOST_TEST(values_of(*client) == "4 4 4 4");
  BOOST_TEST(counts().waited == 3u);
  square(5);
  BOOST_TEST(executed().size() == 1u);
}

BOOST_AUTO_TEST_CASE(calls_that_wait_are_answered_before_the_disk_has_the_value) {
  entries->are_slow = true;
  square(1);
  square(2);
  finish(f, 0);
  BOOST_TEST(values_of(*client) == "4 4");
}

BOOST_AUTO_TEST_CASE(overwrite_looks_nothing_up_here_either) {
  square(1);
  finish(f, 0, "4");
  unix_ms += 1;
  square(2, "2", true);
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  finish(f, 1, "four");
  square(3);
  BOOST_TEST(values_of(*client) == "4 four four");
}

BOOST_AUTO_TEST_CASE(who_overwrites_waits_for_its_turn_and_executes_itself) {
  square(1);
  square(2, "2", true);
  square(3);
  BOOST_TEST(executed().size() == 1u);
  unix_ms += 1;
  finish(f, 0, "4");
  BOOST_TEST(values_of(*client) == "4 4"); // of the first and the third
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  BOOST_TEST((executed()[1].header.id == id(2)));
  square(4);
  finish(f, 1, "four");
  square(5);
  BOOST_TEST(values_of(*client).ends_with("four four") == true);
  BOOST_TEST(executed().size() == 2u);
}

BOOST_AUTO_TEST_CASE(other_inputs_wait_for_nobody) {
  square(1, "2");
  square(2, "3");
  BOOST_TEST(executed().size() == 2u);
}

BOOST_AUTO_TEST_CASE(when_the_one_that_executes_fails_the_next_one_executes) {
  square(1);
  square(2);
  square(3);
  finish(f, 0, "boom", ec::user_error);
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  BOOST_TEST((executed()[1].header.id == id(2)));
  finish(f, 1);
  BOOST_TEST(values_of(*client) == "user_error 4 4");
}

BOOST_AUTO_TEST_CASE(when_the_one_that_executes_is_cancelled_the_next_one_executes) {
  square(1);
  square(2);
  cancel(f, client->handle, id(1));
  BOOST_TEST(executed().size() == 1u); // it may run still
  finish(f, 0, "enough", ec::aborted);
  BOOST_TEST(executed().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_call_that_waits_for_another_can_be_cancelled_alone) {
  square(1);
  square(2);
  square(3);
  cancel(f, client->handle, id(2));
  BOOST_TEST(values_of(*client) == "aborted");
  finish(f, 0);
  BOOST_TEST(values_of(*client) == "aborted 4 4");
  BOOST_TEST(executed().size() == 1u);
}

BOOST_AUTO_TEST_CASE(when_the_front_of_the_one_that_executes_ends_the_next_one_executes) {
  const auto other = front();
  invoke(other, spec, client, id(1));
  square(2);
  BOOST_TEST(executed().empty());
  caf::anon_send_exit(other.behind->handle, caf::exit_reason::kill);
  run();
  BOOST_TEST(executed().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_call_that_waits_for_another_is_answered_at_its_deadline) {
  square(1);
  for (std::uint64_t number = 2; number <= 4; ++number) {
    auto c = make_call(spec, client, id(number), keyed("2"));
    c.header.deadline = std::chrono::seconds(number);
    invoke(f, std::move(c));
  }
  advance(2s);
  BOOST_TEST(values_of(*client) == "deadline_exceeded");
  advance(1s);
  BOOST_TEST(values_of(*client) == "deadline_exceeded deadline_exceeded");
  finish(f, 0);
  BOOST_TEST(values_of(*client) == "deadline_exceeded deadline_exceeded 4 4");
  advance(10s);
  BOOST_TEST(client->replies.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_value_from_before_an_invalidation_is_no_answer_to_a_call_that_came_after_it) {
  square(1);
  invalidate("default");
  square(2);
  finish(f, 0, "old");
  BOOST_TEST(values_of(*client) == "old");
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  finish(f, 1, "new");
  BOOST_TEST(values_of(*client) == "old new");
}

BOOST_AUTO_TEST_CASE(when_the_node_stops_calls_that_wait_execute_themselves) {
  square(1);
  square(2);
  tell(f.handle, atom::stop::value, milliseconds{0});
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  finish(f, 1);
  finish(f, 0);
  BOOST_TEST(values_of(*client) == "4 4");
}

BOOST_AUTO_TEST_CASE(with_a_new_seat_calls_wait_for_its_lease_too_before_they_are_looked_up_anew) {
  square(1);
  square(2);
  has_lease = false; // the node stood still
  tell(cache, atom::events::value, control::facts{control::standing{}});
  control::standing again;
  again.holds = true;
  again.seat = seat_id{7};
  tell(cache, atom::events::value, control::facts{again});
  BOOST_TEST(executed().size() == 1u);
  finish(f, 0, "late"); // of who executed with the former seat
  advance(defaults::cache_home_retry);
  BOOST_TEST(executed().size() == 1u);
  has_lease = true;
  advance(defaults::cache_home_retry);
  advance(defaults::cache_leave_interval); // the home learns that nobody executes by the leave of the former seat
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  finish(f, 1, "new");
  BOOST_TEST(values_of(*client) == "late new");
}

BOOST_AUTO_TEST_CASE(without_a_seat_for_long_calls_execute) {
  square(1);
  square(2);
  has_lease = false;
  tell(cache, atom::events::value, control::facts{control::standing{}});
  advance(defaults::cache_start_patience - 1ms);
  BOOST_TEST(executed().size() == 1u);
  advance(defaults::cache_home_retry);
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  finish(f, 1); // beside whoever has leave in the rest of the cluster
  BOOST_TEST(entries->kept.empty());
}

BOOST_AUTO_TEST_CASE(an_action_that_waits_for_another_is_listed_and_can_be_aborted) {
  const auto record = recorder();
  square(1);
  square_in_run(*record, 2);
  BOOST_TEST(record->row(id(2)).phase == "QUEUED");
  cancel(f, {}, id(2));
  BOOST_TEST(record->row(id(2)).phase == "ABORTED");
  BOOST_TEST(values_of(*client) == "aborted");
}

BOOST_AUTO_TEST_SUITE_END()
