#pragma once

#include <mutex>
#include <utility>
#include <vector>

namespace hearth {

/// What other threads hand to a loop, in the order in which they came. Whoever pushes rings the loop's doorbell next.
template <class T>
class inbox {
public:
  /// Any thread.
  void push(T item) {
    std::lock_guard guard(mutex_);
    items_.push_back(std::move(item));
  }

  /// Moves everything into `into`, which must be empty; its capacity serves the next items. Any thread.
  void take(std::vector<T>& into) {
    std::lock_guard guard(mutex_);
    items_.swap(into);
  }

private:
  std::mutex mutex_;
  std::vector<T> items_;
};

} // namespace hearth
