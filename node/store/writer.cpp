#include "node/store/writer.hpp"

#include <utility>

namespace hearth::node {

namespace {

/// What an item takes besides the bytes it names: it bounds the number of small ones.
constexpr std::uint64_t item_bytes = 256;

} // namespace

writer::writer(std::uint64_t bytes_max) : bytes_max_(bytes_max), thread_([this] { work(); }) {}

writer::~writer() {
  close();
  thread_.join();
}

bool writer::submit(std::uint64_t bytes, job what) {
  const std::lock_guard lock(mutex_);
  const auto weight = bytes + item_bytes;
  if (closed_ || (bytes_ > 0 && bytes_ + weight > bytes_max_))
    return false;
  bytes_ += weight;
  items_.push_back({weight, std::move(what)});
  changed_.notify_all();
  return true;
}

void writer::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool writer::finish(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
  return changed_.wait_until(lock, deadline, [this] { return ended_; });
}

void writer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closed_ || !items_.empty(); });
    if (items_.empty()) {
      ended_ = true;
      changed_.notify_all();
      return;
    }
    auto next = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    next.what();
    next.what = nullptr; // what it holds is free before its bytes count as free
    lock.lock();
    bytes_ -= next.bytes;
  }
}

} // namespace hearth::node
