#include "node/store/writer.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

using namespace hearth::node;

BOOST_AUTO_TEST_SUITE(store_writer)

BOOST_AUTO_TEST_CASE(jobs_of_one_thread_run_in_order_on_one_other_thread) {
  std::vector<int> ran;
  std::thread::id where;
  {
    writer disk(1 << 20);
    for (int i = 0; i < 1000; ++i)
      BOOST_REQUIRE(disk.submit(1, [&, i] {
        ran.push_back(i);
        where = std::this_thread::get_id();
      }));
  }
  BOOST_REQUIRE_EQUAL(ran.size(), 1000u);
  for (int i = 0; i < 1000; ++i)
    BOOST_CHECK_EQUAL(ran[static_cast<std::size_t>(i)], i);
  BOOST_CHECK(where != std::this_thread::get_id());
}

BOOST_AUTO_TEST_CASE(many_threads_lose_no_job) {
  std::atomic<int> taken{0};
  int ran = 0; // of the writer's thread alone
  {
    writer disk(1 << 20);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i)
          if (disk.submit(100, [&ran] { ++ran; }))
            ++taken;
      });
    for (auto& thread : threads)
      thread.join();
  }
  BOOST_CHECK_EQUAL(ran, taken.load());
  BOOST_CHECK_GT(ran, 0);
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_until_there_is_room) {
  std::promise<void> begun, go_on;
  writer disk(10'000);
  BOOST_REQUIRE(disk.submit(50'000, [&] { // larger than the queue: taken alone
    begun.set_value();
    go_on.get_future().wait();
  }));
  begun.get_future().wait();
  BOOST_CHECK(!disk.submit(1, [] {}));
  go_on.set_value();
  std::promise<void> ran;
  while (!disk.submit(1, [&ran] { ran.set_value(); }))
    std::this_thread::yield();
  ran.get_future().wait();
}

BOOST_AUTO_TEST_CASE(many_small_jobs_fill_the_queue_too) {
  std::promise<void> go_on;
  auto gate = go_on.get_future().share();
  writer disk(10'000);
  int taken = 0;
  while (disk.submit(0, [gate] { gate.wait(); }))
    BOOST_REQUIRE_LT(++taken, 1000);
  go_on.set_value();
}

BOOST_AUTO_TEST_CASE(a_closed_writer_finishes_what_it_took_and_takes_no_more) {
  int ran = 0;
  {
    writer disk(1 << 20);
    for (int i = 0; i < 100; ++i)
      disk.submit(1, [&ran] { ++ran; });
    disk.close();
    BOOST_CHECK(!disk.submit(1, [&ran] { ++ran; }));
  }
  BOOST_CHECK_EQUAL(ran, 100);
}

BOOST_AUTO_TEST_CASE(finishing_waits_for_what_is_queued_but_not_for_a_stuck_disk) {
  std::promise<void> go_on;
  auto gate = go_on.get_future().share();
  int ran = 0;
  writer disk(1 << 20);
  disk.submit(1, [&ran, gate] { gate.wait(), ++ran; });
  BOOST_CHECK(!disk.finish(std::chrono::steady_clock::now()));
  BOOST_CHECK(!disk.submit(1, [] {}));
  go_on.set_value();
  BOOST_CHECK(disk.finish(std::chrono::steady_clock::now() + std::chrono::minutes(1)));
  BOOST_CHECK_EQUAL(ran, 1);
}

BOOST_AUTO_TEST_CASE(what_a_job_holds_is_free_before_the_job_counts_as_done) {
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> seen = held;
  std::promise<bool> was_freed;
  writer disk(1 << 20);
  disk.submit(1, [held = std::move(held)] {});
  disk.submit(1, [&] { was_freed.set_value(seen.expired()); });
  BOOST_CHECK(was_freed.get_future().get());
}

BOOST_AUTO_TEST_SUITE_END()
