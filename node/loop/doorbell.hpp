#pragma once

#include <atomic>

namespace hearth {

/// Wakes a loop that may be asleep: an eventfd, written at most once until the loop has heard it.
class doorbell {
public:
  /// Throws std::system_error when the process has no descriptor left.
  doorbell();
  ~doorbell();
  doorbell(const doorbell&) = delete;
  doorbell& operator=(const doorbell&) = delete;

  /// Becomes readable when somebody rang. Owned by the doorbell; whoever observes it must stop before.
  int fd() const noexcept { return fd_; }

  /// Any thread.
  void ring() noexcept;

  /// The loop calls this before it looks at what it was rung for: what is handed over afterwards rings again.
  void hear() noexcept;

private:
  int fd_;
  std::atomic<bool> rung_{false};
};

} // namespace hearth
