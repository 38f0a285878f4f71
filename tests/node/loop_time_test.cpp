#include "node/loop/stream.hpp"
#include "tests/support/loop_actors.hpp"
#include "tests/support/not_printed.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/resource.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(loop_time, *boost::unit_test::timeout(120))

namespace {

caf::behavior nobody_answers(caf::event_based_actor* self) {
  auto promises = std::make_shared<std::vector<caf::response_promise>>();
  return {[=](go) {
    promises->push_back(self->make_response_promise());
    return promises->back();
  }};
}

/// How often this thread has given up its core by itself: once each time it sleeps.
long sleeps() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

/// Hears nothing.
struct silence final : frame_stream::owner {
  void on_frames(std::vector<bytes>&) override {}
  void on_end(const std::string&) override {}
};

} // namespace

BOOST_FIXTURE_TEST_CASE(delayed_messages_come_once_in_the_order_of_their_times, actors_fixture) {
  std::vector<int> heard;
  auto ear = spawn(listener, &heard);
  for (int delay : {30, 10, 20, 0, 25, 5, 15})
    caf::delayed_anon_send(ear, std::chrono::milliseconds{delay}, note::value, delay);
  BOOST_REQUIRE(run_until([&] { return heard.size() == 7; }));
  BOOST_TEST(heard == (std::vector<int>{0, 5, 10, 15, 20, 25, 30}));
  pass_time();
  BOOST_TEST(heard.size() == 7u);
}

BOOST_FIXTURE_TEST_CASE(a_message_for_a_point_in_time_does_not_come_before_it, actors_fixture) {
  std::vector<int> heard;
  const auto due = work_loop::clock::now() + 20ms;
  auto ear = spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->scheduled_send(self, due, note::value, 1);
    return {[&](note, int value) {
      BOOST_TEST((work_loop::clock::now() >= due));
      heard.push_back(value);
    }};
  });
  BOOST_REQUIRE(run_until([&] { return heard.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(a_delay_set_by_another_thread_wakes_a_sleeping_loop, actors_fixture) {
  std::vector<int> heard;
  auto ear = spawn(listener, &heard);
  // The loop sleeps towards a far timer when the nearer one is set.
  caf::delayed_anon_send(ear, 1h, note::value, 2);
  std::thread other;
  const auto before = loop.turns();
  auto timer = loop.after(1ms, [&] { other = std::thread([&] { caf::delayed_anon_send(ear, 5ms, note::value, 1); }); });
  BOOST_REQUIRE(run_until([&] { return heard.size() == 1; }));
  other.join();
  BOOST_TEST(heard.front() == 1);
  BOOST_TEST(loop.turns() > before);
}

BOOST_FIXTURE_TEST_CASE(a_request_nobody_answers_times_out_once_and_an_answered_one_never, actors_fixture) {
  auto silent = spawn(nobody_answers);
  auto answering = spawn([] { return caf::behavior{[](go) { return 1; }}; });
  std::vector<std::string> heard;
  spawn([&](caf::event_based_actor* self) {
    self->request(silent, 20ms, go::value)
      .then([&](int) { heard.push_back("answer of the silent"); },
            [&](caf::error& error) { heard.push_back(error == caf::sec::request_timeout ? "late" : "wrong error"); });
    self->request(silent, 10ms, go::value)
      .then([&](int) { heard.push_back("answer of the silent"); },
            [&](caf::error& error) { heard.push_back(error == caf::sec::request_timeout ? "early" : "wrong error"); });
    self->request(answering, 15ms, go::value)
      .then([&](int) { heard.push_back("answer"); }, [&](caf::error&) { heard.push_back("error of the answering"); });
  });
  BOOST_REQUIRE(run_until([&] { return heard.size() == 3; }));
  BOOST_TEST((heard == std::vector<std::string>{"answer", "early", "late"}));
  pass_time();
  BOOST_TEST(heard.size() == 3u);
}

BOOST_FIXTURE_TEST_CASE(an_actor_that_waits_too_long_for_a_message_is_told_so, actors_fixture) {
  bool told = false;
  spawn([&](caf::event_based_actor* self) -> caf::behavior {
    return {[](go) {}, caf::after(5ms) >>
                         [&told, self] {
                           told = true;
                           self->quit();
                         }};
  });
  BOOST_REQUIRE(run_until([&] { return told; }));
}

BOOST_FIXTURE_TEST_CASE(timers_fire_once_in_the_order_of_their_times_unless_cancelled, loop_fixture) {
  std::vector<int> fired;
  std::vector<std::unique_ptr<loop_timer>> timers;
  for (int delay : {9, 3, 6, 0})
    timers.push_back(loop.after(std::chrono::milliseconds{delay}, [&fired, delay] { fired.push_back(delay); }));
  auto cancelled = loop.after(4ms, [&] { fired.push_back(-1); });
  auto destroyed = loop.after(5ms, [&] { fired.push_back(-2); });
  cancelled->cancel();
  destroyed.reset();
  BOOST_REQUIRE(run_until([&] { return fired.size() == 4; }));
  pass_time();
  BOOST_TEST(fired == (std::vector<int>{0, 3, 6, 9}));
}

BOOST_FIXTURE_TEST_CASE(timers_and_hooks_may_destroy_themselves_and_each_other, loop_fixture) {
  std::unique_ptr<loop_timer> timer;
  std::unique_ptr<turn_hook> first;
  std::unique_ptr<turn_hook> second;
  bool second_ran = false;
  second = std::make_unique<turn_hook>(loop.reading(), [&] { second_ran = true; });
  first = std::make_unique<turn_hook>(loop.reading(), [&] {
    second.reset();
    first.reset();
  });
  timer = loop.after(1ms, [&] {
    first->arm();
    second->arm();
    timer.reset();
  });
  BOOST_REQUIRE(run_until([&] { return !first; }));
  BOOST_TEST(!timer);
  BOOST_TEST(!second_ran);
}

BOOST_FIXTURE_TEST_CASE(an_idle_loop_does_not_wake, actors_fixture) {
  std::vector<int> heard;
  auto ear = spawn(listener, &heard);
  auto [a, b] = socket_pair();
  silence owner;
  frame_stream stream(loop, kj::mv(a), owner);
  caf::delayed_anon_send(ear, 1h, note::value, 1);
  pass_time();
  const auto turns_before = loop.turns();
  const auto sleeps_before = sleeps();
  bool over = false;
  auto timer = loop.after(300ms, [&] { over = true; });
  BOOST_REQUIRE(run_until([&] { return over; }));
  // One turn sets the timer, one finds it due; a loop that wakes for nothing would take hundreds.
  BOOST_TEST(loop.turns() - turns_before <= 4u);
  BOOST_TEST(sleeps() - sleeps_before <= 8);
}

BOOST_AUTO_TEST_SUITE_END()
