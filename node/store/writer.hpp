#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace hearth::node {

/// The thread that waits for disks, so that no loop has to. Jobs run one after the other in the order in which they were
/// taken. Jobs must not throw: an exception in one ends the process.
class writer {
public:
  using job = std::function<void()>;

  /// The queue holds jobs of at most `bytes_max` bytes together; a single one may be larger.
  explicit writer(std::uint64_t bytes_max);

  /// Runs what is queued, then ends the thread.
  ~writer();

  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  /// Takes a job that holds `bytes` bytes. False: the queue is full or closed, the job was not taken. Any thread.
  bool submit(std::uint64_t bytes, job what);

  /// Takes no more jobs; those queued still run. Any thread.
  void close();

  /// Closes, and waits until what is queued has run. False: not by `deadline`; a disk is stuck, and the destructor would
  /// wait for it.
  bool finish(std::chrono::steady_clock::time_point deadline);

private:
  struct item {
    std::uint64_t bytes = 0;
    job what;
  };

  void work();

  const std::uint64_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<item> items_;
  std::uint64_t bytes_ = 0; // queued and at work
  bool closed_ = false;
  bool ended_ = false; // the thread runs no more jobs
  std::thread thread_; // last: begins when the rest exists
};

} // namespace hearth::node
