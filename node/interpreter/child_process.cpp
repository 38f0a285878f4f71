#include "node/interpreter/child_process.hpp"

#include <poll.h>

#include <utility>

namespace hearth::node {

exit_watch::exit_watch(work_loop& loop, kj::AutoCloseFd pidfd, std::function<void()> on_exit)
  : on_exit_(std::move(on_exit)), watch_(loop, kj::mv(pidfd), [this] { look(); }) {}

void exit_watch::look() {
  pollfd state{watch_.fd(), POLLIN, 0};
  if (::poll(&state, 1, 0) != 1 || on_exit_ == nullptr)
    return;
  // It may destroy us, and with us the function.
  std::exchange(on_exit_, nullptr)();
}

child_process::child_process(work_loop& loop, pid_t pid, kj::AutoCloseFd pidfd,
                             std::function<void(exit_status)> on_exit)
  : pid_(pid), watch_(loop, kj::mv(pidfd), [this, on_exit = std::move(on_exit)] {
      if (std::exchange(released_, true))
        return;
      on_exit(reap(watch_.pidfd()).value_or(exit_status{}));
    }) {}

child_process::~child_process() {
  if (!released_)
    kill();
}

} // namespace hearth::node
