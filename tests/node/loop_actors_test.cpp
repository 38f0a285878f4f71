#include "core/defaults.hpp"
#include "node/loop/stream.hpp"
#include "node/wire/frame.hpp"
#include "tests/support/loop_actors.hpp"
#include "tests/support/not_printed.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>

#include <sys/socket.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(loop_actors, *boost::unit_test::timeout(120))

namespace {

/// Answers each message for ever, without ever falling silent.
caf::behavior player(caf::event_based_actor* self, std::shared_ptr<std::size_t> strokes) {
  return {[=](go, const caf::actor& other) {
    ++*strokes;
    self->send(other, go::value, caf::actor_cast<caf::actor>(self));
  }};
}

std::size_t threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

/// Sends every frame back.
struct echo final : frame_stream::owner {
  std::unique_ptr<frame_stream> stream;

  void on_frames(std::vector<bytes>& frames) override {
    for (auto& f : frames)
      stream->write(std::move(f));
  }
  void on_end(const std::string&) override {}
};

} // namespace

BOOST_FIXTURE_TEST_CASE(actors_run_on_the_loop_and_start_no_thread, actors_fixture) {
  const auto before = threads();
  std::thread::id where;
  spawn([&where](caf::event_based_actor*) { where = std::this_thread::get_id(); });
  BOOST_REQUIRE(run_until([&] { return where != std::thread::id{}; }));
  BOOST_TEST((where == std::this_thread::get_id()));
  BOOST_TEST(threads() == before);
}

BOOST_FIXTURE_TEST_CASE(an_actor_never_runs_inside_the_code_that_sends_to_it, actors_fixture) {
  std::vector<int> heard;
  auto ear = spawn(listener, &heard);
  bool nested = false;
  auto timer = loop.after(0ms, [&] {
    caf::anon_send(ear, note::value, 1);
    nested = !heard.empty();
  });
  BOOST_REQUIRE(run_until([&] { return heard.size() == 1; }));
  BOOST_TEST(!nested);
}

BOOST_FIXTURE_TEST_CASE(sockets_timers_and_posts_are_served_while_two_actors_play_for_ever, actors_fixture) {
  auto strokes = std::make_shared<std::size_t>(0);
  auto one = spawn(player, strokes);
  auto two = spawn(player, strokes);
  caf::anon_send(one, go::value, two);
  auto [a, b] = socket_pair();
  echo server;
  server.stream = std::make_unique<frame_stream>(loop, kj::mv(a), server);
  wire::signal ping;
  std::string text;
  wire::encode(ping, text);
  for (int i = 0; i < 100; ++i) {
    const auto before = *strokes;
    BOOST_REQUIRE(::send(b.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    std::string back(text.size(), '\0');
    BOOST_REQUIRE(run_until([&] { return ::recv(b.get(), back.data(), back.size(), MSG_DONTWAIT) > 0; }));
    BOOST_TEST(back == text);
    bool timed = false;
    bool posted = false;
    auto timer = loop.after(0ms, [&] { timed = true; });
    std::thread([&] { loop.post([&] { posted = true; }); }).join();
    BOOST_REQUIRE(run_until([&] { return timed && posted; }));
    BOOST_TEST(*strokes > before);
  }
}

BOOST_FIXTURE_TEST_CASE(an_actor_that_writes_to_itself_leaves_the_others_their_turns, actors_fixture) {
  spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->send(self, go::value);
    return {[self](go) { self->send(self, go::value); }};
  });
  std::vector<int> heard;
  auto ear = spawn(listener, &heard);
  for (int i = 0; i < 10; ++i)
    caf::anon_send(ear, note::value, i);
  BOOST_REQUIRE(run_until([&] { return heard.size() == 10; }));
}

BOOST_FIXTURE_TEST_CASE(a_turn_runs_no_more_actors_than_its_limit, actors_fixture) {
  auto strokes = std::make_shared<std::size_t>(0);
  auto one = spawn(player, strokes);
  auto two = spawn(player, strokes);
  caf::anon_send(one, go::value, two);
  std::size_t most = 0;
  std::size_t last = 0;
  std::size_t turns = 0;
  BOOST_REQUIRE(run_until([&] {
    most = std::max(most, *strokes - std::exchange(last, *strokes));
    return ++turns == 1000;
  }));
  BOOST_TEST(most > 1u);
  BOOST_TEST(most <= defaults::resumes_per_turn);
}

BOOST_FIXTURE_TEST_CASE(what_actors_wrote_is_flushed_once_at_the_end_of_the_turn, actors_fixture) {
  int flushed = 0;
  std::vector<int> seen_by_flush;
  std::vector<int> heard;
  turn_hook flush(loop.flushing(), [&] {
    ++flushed;
    seen_by_flush = heard;
  });
  auto ear = spawn([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](note, int value) {
      heard.push_back(value);
      flush.arm();
    }};
  });
  for (int i = 0; i < 10; ++i)
    caf::anon_send(ear, note::value, i);
  BOOST_REQUIRE(run_until([&] { return flushed > 0; }));
  BOOST_TEST(flushed == 1);
  BOOST_TEST(seen_by_flush.size() == 10u);
}

BOOST_FIXTURE_TEST_CASE(thousands_of_actors_stop_on_request, loop_fixture) {
  std::vector<caf::actor> roots;
  std::vector<int> heard;
  for (int i = 0; i < 5000; ++i)
    roots.push_back(caf::actor_cast<caf::actor>(loop.system().spawn(listener, &heard)));
  for (int i = 0; i < 100; ++i)
    caf::delayed_anon_send(roots[static_cast<std::size_t>(i)], 1h, note::value, i);
  BOOST_TEST(loop.system().registry().running() == 5000u);
  BOOST_TEST(loop.stop(roots, deadline()) == 0u);
}

BOOST_FIXTURE_TEST_CASE(stopping_waits_for_detached_and_blocking_actors_too, loop_fixture) {
  std::vector<caf::actor> roots;
  std::vector<int> heard;
  std::atomic<int> on_the_loop{0};
  auto here = std::this_thread::get_id();
  roots.push_back(
    caf::actor_cast<caf::actor>(loop.system().spawn<caf::detached>([&](caf::event_based_actor*) -> caf::behavior {
      on_the_loop += std::this_thread::get_id() == here;
      return {[](go) {}};
    })));
  roots.push_back(caf::actor_cast<caf::actor>(loop.system().spawn([&](caf::blocking_actor* self) {
    on_the_loop += std::this_thread::get_id() == here;
    bool running = true;
    self->receive_while(running)([](go) {}, [&](caf::exit_msg&) { running = false; });
  })));
  BOOST_TEST(loop.stop(roots, deadline()) == 0u);
  BOOST_TEST(on_the_loop == 0);
}

BOOST_AUTO_TEST_CASE(a_loop_whose_actors_refuse_to_end_says_so_and_can_still_be_destroyed) {
  work_loop loop;
  auto strokes = std::make_shared<std::size_t>(0);
  std::vector<caf::actor> roots;
  for (int i = 0; i < 2; ++i)
    roots.push_back(
      caf::actor_cast<caf::actor>(loop.system().spawn([strokes](caf::event_based_actor* self) -> caf::behavior {
        self->set_exit_handler([](caf::exit_msg&) {});
        return player(self, strokes);
      })));
  caf::anon_send(roots[0], go::value, roots[1]);
  BOOST_TEST(loop.stop(roots, work_loop::clock::now() + 20ms) == 2u);
  BOOST_TEST(*strokes > 0u);
}

BOOST_FIXTURE_TEST_CASE(an_exception_in_a_handler_ends_that_actor_alone_and_its_monitors_hear, actors_fixture) {
  auto fails = spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr&) { return caf::sec::runtime_error; });
    return {[](go) { throw std::runtime_error("a bug"); }};
  });
  int down = 0;
  std::vector<int> heard;
  auto watcher = spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->monitor(fails);
    self->set_down_handler([&](caf::down_msg&) { ++down; });
    return {[&](note, int value) { heard.push_back(value); }};
  });
  caf::anon_send(fails, go::value);
  BOOST_REQUIRE(run_until([&] { return down == 1; }));
  caf::anon_send(watcher, note::value, 1);
  BOOST_REQUIRE(run_until([&] { return heard.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(an_actor_that_throws_where_caf_does_not_look_is_ended_and_reported, actors_fixture) {
  auto fails = spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_exception_handler(
      [](caf::scheduled_actor*, std::exception_ptr&) -> caf::error { throw std::runtime_error("twice"); });
    return {[](go) { throw std::runtime_error("once"); }};
  });
  int down = 0;
  spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->monitor(fails);
    self->set_down_handler([&](caf::down_msg&) { ++down; });
    return {[](go) {}};
  });
  caf::anon_send(fails, go::value);
  BOOST_REQUIRE(run_until([&] { return down == 1; }));
  BOOST_REQUIRE(faults.size() == 1u);
  BOOST_TEST(faults.front().find("twice") != std::string::npos);
  faults.clear();
}

BOOST_FIXTURE_TEST_CASE(what_hooks_timers_and_posts_throw_is_reported_and_the_loop_goes_on, loop_fixture) {
  turn_hook reading(loop.reading(), [] { throw std::runtime_error("reading"); });
  turn_hook flushing(loop.flushing(), [] { throw 7; });
  reading.arm();
  flushing.arm();
  auto timer = loop.after(0ms, [] { throw std::runtime_error("timing"); });
  loop.post([] { throw std::runtime_error("posting"); });
  BOOST_REQUIRE(run_until([&] { return faults.size() == 4; }));
  faults.clear();
  bool alive = false;
  loop.post([&] { alive = true; });
  BOOST_REQUIRE(run_until([&] { return alive; }));
}

BOOST_FIXTURE_TEST_CASE(a_promise_made_by_an_actor_is_kept_without_another_event, actors_fixture) {
  auto later = kj::newPromiseAndFulfiller<void>();
  auto fulfiller = std::make_shared<kj::Own<kj::PromiseFulfiller<void>>>(kj::mv(later.fulfiller));
  auto keeper = spawn([&](caf::event_based_actor*) -> caf::behavior { return {[&](go) { (*fulfiller)->fulfill(); }}; });
  caf::anon_send(keeper, go::value);
  loop.run(kj::mv(later.promise));
}

BOOST_AUTO_TEST_CASE(actors_of_two_loops_each_run_on_their_own) {
  loop_fixture here;
  std::atomic<int> misplaced{0};
  std::atomic<bool> released{false};
  std::promise<caf::actor> spawned;
  std::size_t left = 1;
  std::thread other([&] {
    work_loop there;
    spawned.set_value(
      caf::actor_cast<caf::actor>(there.system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
        return {[&, self](go, const caf::actor& from) {
          misplaced += !there.on_loop();
          self->send(from, go::value, caf::actor_cast<caf::actor>(self));
        }};
      })));
    there.run_until([&] { return there.system().registry().running() == 0; }, loop_fixture::deadline());
    left = there.system().registry().running();
    released.wait(false);
  });
  auto partner = spawned.get_future().get();
  int strokes = 0;
  auto mine = caf::actor_cast<caf::actor>(here.loop.system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->send(partner, go::value, caf::actor_cast<caf::actor>(self));
    return {[&, self](go, const caf::actor& from) {
      misplaced += !here.loop.on_loop();
      if (++strokes < 1000)
        self->send(from, go::value, caf::actor_cast<caf::actor>(self));
    }};
  }));
  BOOST_CHECK(here.run_until([&] { return strokes == 1000; }));
  BOOST_CHECK(here.loop.stop({mine}, loop_fixture::deadline()) == 0);
  caf::anon_send_exit(partner, caf::exit_reason::user_shutdown);
  partner = nullptr;
  released = true;
  released.notify_one();
  other.join();
  BOOST_TEST(left == 0u);
  BOOST_TEST(misplaced == 0);
}

BOOST_AUTO_TEST_SUITE_END()
