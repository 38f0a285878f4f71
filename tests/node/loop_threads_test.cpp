#include "node/loop/doorbell.hpp"
#include "node/loop/inbox.hpp"
#include "tests/support/loop_fixture.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/resumable.hpp>

#include <poll.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace hearth;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(loop_threads, *boost::unit_test::timeout(200))

namespace {

constexpr int threads = 4;
constexpr int items = 20'000;

/// A job as CAF's scheduler sees it, without any code of CAF in it. It runs once, and then again as
/// long as `again` says so.
class job final : public caf::resumable {
public:
  job(std::vector<int>& ran, int number, const bool* again = nullptr) : ran_(ran), number_(number), again_(again) {}

  subtype_t subtype() const override { return function_object; }

  resume_result resume(caf::execution_unit*, std::size_t) override {
    ran_.push_back(number_);
    return again_ && *again_ ? resume_later : done;
  }

  void intrusive_ptr_add_ref_impl() override { ++references_; }
  void intrusive_ptr_release_impl() override {
    if (--references_ == 0)
      delete this;
  }

private:
  std::vector<int>& ran_; // of the loop's thread, like *again_
  int number_;
  const bool* again_;
  std::atomic<int> references_{1};
};

template <class Body>
void on_threads(std::vector<std::thread>& running, Body body) {
  for (int t = 0; t < threads; ++t)
    running.emplace_back([=] { body(t); });
}

void join(std::vector<std::thread>& running) {
  for (auto& thread : running)
    thread.join();
}

/// Whether `ran` holds what each thread handed over, thread by thread in its order.
bool complete_and_in_order(const std::vector<int>& ran) {
  std::vector<int> next(threads, 0);
  for (auto number : ran) {
    auto& expected = next[static_cast<std::size_t>(number / items)];
    if (number % items != expected++)
      return false;
  }
  return ran.size() == std::size_t{threads} * items;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_threads_push_is_taken_once_and_in_each_threads_order_and_no_ring_is_lost) {
  inbox<int> box;
  doorbell bell;
  std::vector<std::thread> running;
  on_threads(running, [&](int t) {
    for (int i = 0; i < items; ++i) {
      box.push(t * items + i);
      bell.ring();
    }
  });
  std::vector<int> all;
  std::vector<int> batch;
  pollfd ready{bell.fd(), POLLIN, 0};
  while (all.size() < std::size_t{threads} * items) {
    // A lost ring would leave us here.
    BOOST_REQUIRE(::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds{patience}.count())) == 1);
    bell.hear();
    box.take(batch);
    all.insert(all.end(), batch.begin(), batch.end());
    batch.clear();
  }
  join(running);
  BOOST_TEST(complete_and_in_order(all));
}

BOOST_FIXTURE_TEST_CASE(functions_posted_by_threads_run_on_the_loop_once_and_in_each_threads_order, loop_fixture) {
  std::vector<int> ran;
  std::vector<std::thread> running;
  on_threads(running, [&](int t) {
    for (int i = 0; i < items; ++i)
      loop.post([&ran, number = t * items + i] { ran.push_back(number); });
  });
  BOOST_REQUIRE(run_until([&] { return ran.size() == std::size_t{threads} * items; }));
  join(running);
  BOOST_TEST(complete_and_in_order(ran));
}

BOOST_FIXTURE_TEST_CASE(jobs_enqueued_by_threads_run_on_the_loop_once_and_in_each_threads_order, loop_fixture) {
  std::vector<int> ran;
  auto& scheduler = loop.system().scheduler();
  std::vector<std::thread> running;
  on_threads(running, [&](int t) {
    for (int i = 0; i < items; ++i)
      scheduler.enqueue(new job(ran, t * items + i));
  });
  BOOST_REQUIRE(run_until([&] { return ran.size() == std::size_t{threads} * items; }));
  join(running);
  BOOST_TEST(complete_and_in_order(ran));
}

BOOST_FIXTURE_TEST_CASE(jobs_of_threads_run_while_a_job_of_the_loop_never_ends, loop_fixture) {
  std::vector<int> endless;
  std::vector<int> ran;
  auto& scheduler = loop.system().scheduler();
  bool again = true;
  scheduler.enqueue(new job(endless, 0, &again));
  std::vector<std::thread> running;
  on_threads(running, [&](int t) {
    for (int i = 0; i < 100; ++i)
      scheduler.enqueue(new job(ran, t));
  });
  BOOST_REQUIRE(run_until([&] { return ran.size() == std::size_t{threads} * 100; }));
  join(running);
  again = false;
  pass_time();
  const auto runs = endless.size();
  BOOST_TEST(runs > 0u);
  pass_time();
  BOOST_TEST(endless.size() == runs);
}

BOOST_FIXTURE_TEST_CASE(one_post_at_a_time_wakes_a_loop_that_sleeps, loop_fixture) {
  std::atomic<int> answered{0};
  std::thread other([&] {
    for (int i = 1; i <= 2000; ++i) {
      loop.post([&] {
        ++answered;
        answered.notify_one();
      });
      answered.wait(i - 1);
    }
  });
  BOOST_REQUIRE(run_until([&] { return answered == 2000; }));
  other.join();
}

BOOST_AUTO_TEST_SUITE_END()
