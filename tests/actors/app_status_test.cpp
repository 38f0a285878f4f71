#include "actors/app_status.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>

using namespace hearth;

namespace {

app_row app(std::uint32_t least = 0) {
  app_row row;
  row.state = "idle";
  row.min_replicas = least;
  row.max_replicas = 4;
  return row;
}

app_row with(std::uint32_t serving, std::uint32_t starting = 0, std::uint32_t draining = 0) {
  auto row = app();
  row.replicas = row.serving = serving;
  row.starting = starting;
  row.draining = draining;
  return row;
}

std::string words(const app_row& row) {
  const auto now = status_of(row);
  return std::string(now.status) + ' ' + std::string(now.sub_status);
}

} // namespace

BOOST_AUTO_TEST_SUITE(app_statuses)

BOOST_AUTO_TEST_CASE(an_app_is_active_with_replicas_and_without) {
  BOOST_TEST(words(app()) == "ACTIVE SCALED_TO_ZERO");
  BOOST_TEST(words(with(2)) == "ACTIVE RUNNING");
  BOOST_TEST(words(app(1)) == "PENDING INITIALIZING");
}

BOOST_AUTO_TEST_CASE(its_replicas_come_and_go) {
  BOOST_TEST(words(with(0, 1)) == "SCALING_UP SCALING_FROM_ZERO");
  BOOST_TEST(words(with(1, 1)) == "SCALING_UP SCALING_UP");
  BOOST_TEST(words(with(1, 0, 1)) == "SCALING_DOWN SCALING_DOWN");
  BOOST_TEST(words(with(0, 0, 1)) == "SCALING_DOWN SCALING_DOWN");
}

BOOST_AUTO_TEST_CASE(a_version_takes_the_place_of_another_one) {
  auto row = with(0, 1);
  row.replicas = 2;
  BOOST_TEST(words(row) == "DEPLOYING INITIALIZING");
  row = with(1);
  row.replicas = 2;
  BOOST_TEST(words(row) == "DEPLOYING RUNNING");
}

BOOST_AUTO_TEST_CASE(what_waits_for_room_is_pending_and_says_for_what) {
  auto row = with(0, 2);
  row.waiting_for = "wants 2, has 0, waiting for memory";
  BOOST_TEST(words(row) == "PENDING INITIALIZING");
  BOOST_TEST(status_of(row).why == "It wants 2, has 0, waiting for memory.");
}

BOOST_AUTO_TEST_CASE(replicas_that_do_not_come_to_serve_are_a_crash_loop_also_while_the_next_one_starts) {
  for (const std::uint32_t starting : {0u, 1u}) {
    auto row = with(0, starting);
    row.failure = "module_load";
    row.message = "No module named 'x'.";
    row.retry_ms = 1500;
    BOOST_TEST(words(row) == "FAILED CRASH_LOOP");
    BOOST_TEST(status_of(row).why == "No module named 'x'. No replica is started for the next 2 s.");
  }
  auto row = with(0);
  row.failure = "start_failed";
  row.message = "The last it wrote: no weights";
  row.retry_ms = 1;
  BOOST_TEST(status_of(row).why == "The last it wrote: no weights. No replica is started for the next 1 s.");
  row.failure = "out_of_memory";
  BOOST_TEST(words(row) == "FAILED OOM_KILLED");
  row.failure = "does_not_fit";
  BOOST_TEST(words(row) == "FAILED ");
  row = with(1);
  row.failure = "interpreter_lost"; // others serve
  BOOST_TEST(words(row) == "ACTIVE RUNNING");
}

BOOST_AUTO_TEST_CASE(a_deactivated_app_is_stopped_when_its_replicas_have_ended) {
  auto row = with(1);
  row.state = "inactive";
  BOOST_TEST(words(row) == "SCALING_DOWN SCALING_DOWN");
  row = with(0, 0, 1);
  row.state = "inactive";
  BOOST_TEST(words(row) == "SCALING_DOWN SCALING_DOWN");
  row.draining = 0;
  row.failure = "module_load";
  BOOST_TEST(words(row) == "STOPPED ");
}

BOOST_AUTO_TEST_SUITE_END()
