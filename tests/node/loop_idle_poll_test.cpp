#include "node/loop/idle_poll.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(loop_idle_poll)

namespace {

struct polled {
  idle_poll poll;
  idle_poll::time_point now{std::chrono::hours(1)};

  /// After a pause, a turn in which the sockets bring `frames`; whether the loop polls after it.
  bool turn(std::chrono::nanoseconds pause, std::size_t frames = 1) {
    now += pause;
    poll.begin(frames, now);
    return poll.go_on(now);
  }

  void warm_up() {
    for (std::uint64_t n = 0; n <= defaults::idle_poll_streak; ++n)
      turn(20us);
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_loop_polls_once_single_messages_have_followed_each_other_quickly_for_a_while) {
  polled p;
  for (std::uint64_t n = 0; n < defaults::idle_poll_streak; ++n)
    BOOST_CHECK(!p.turn(20us));
  BOOST_CHECK(p.turn(20us));
}

BOOST_AUTO_TEST_CASE(it_sleeps_when_nothing_comes_in_time) {
  polled p;
  p.warm_up();
  BOOST_CHECK(p.poll.go_on(p.now + defaults::idle_poll_time / 2));
  BOOST_CHECK(!p.poll.go_on(p.now + defaults::idle_poll_time));
}

BOOST_AUTO_TEST_CASE(one_long_pause_ends_it) {
  polled p;
  p.warm_up();
  BOOST_CHECK(!p.turn(defaults::idle_poll_time + 1us));
  BOOST_CHECK(!p.turn(20us));
}

BOOST_AUTO_TEST_CASE(several_messages_at_once_end_it_because_somebody_else_works) {
  polled p;
  p.warm_up();
  BOOST_CHECK(!p.turn(20us, 2));
}

BOOST_AUTO_TEST_CASE(a_turn_without_messages_changes_nothing) {
  polled p;
  p.warm_up();
  BOOST_CHECK(p.turn(5us, 0)); // a timer
  BOOST_CHECK(p.turn(20us));
}

BOOST_AUTO_TEST_SUITE_END()
