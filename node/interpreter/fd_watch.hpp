#pragma once

#include "node/loop/loop.hpp"

#include <kj/async-unix.h>
#include <kj/io.h>

#include <functional>

namespace hearth::node {

/// Calls a function on the loop whenever a descriptor may have something to read, its end included. For descriptors
/// that are no frame streams: pidfds, pipes, packet sockets. Loop thread only.
class fd_watch {
public:
  /// Takes the descriptor, which must be non-blocking for whoever reads it. `call` reads until there is no more, or
  /// asks for another call with again(); it may destroy the watch. The first call comes with the next turn, whatever
  /// there is to read. Throws kj::Exception when the descriptor cannot be observed.
  fd_watch(work_loop& loop, kj::AutoCloseFd fd, std::function<void()> call);
  fd_watch(const fd_watch&) = delete;
  fd_watch& operator=(const fd_watch&) = delete;

  int fd() const noexcept { return fd_.get(); }

  /// There is more than was read: the next turn calls again.
  void again() { hook_.arm(); }

private:
  void await();

  kj::AutoCloseFd fd_;
  kj::UnixEventPort::FdObserver observer_; // gone before the descriptor is closed
  std::function<void()> call_;
  turn_hook hook_;
  kj::Promise<void> readable_ = nullptr;
};

} // namespace hearth::node
