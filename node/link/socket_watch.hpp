#pragma once

#include "node/loop/loop.hpp"

#include <kj/async-unix.h>

#include <functional>
#include <optional>

namespace hearth::node {

/// Calls a function at the start of the turn after a socket has become ready: for the beginning of a connection, before a
/// frame_stream has it. Must be gone before the descriptor is closed, or observed by somebody else. Loop thread only.
class socket_watch {
public:
  /// Nothing is awaited at first. `ready` may destroy the watch. Throws kj::Exception.
  socket_watch(work_loop& loop, int socket, std::function<void()> ready)
    : hook_(loop.reading(), std::move(ready)),
      observer_(loop.port(), socket, kj::UnixEventPort::FdObserver::OBSERVE_READ_WRITE) {}

  /// Only after the socket has said that it would block.
  void await_readable() { wait(observer_.whenBecomesReadable()); }
  void await_writable() { wait(observer_.whenBecomesWritable()); }

  /// In the next turn.
  void call_soon() { hook_.arm(); }

private:
  void wait(kj::Promise<void> ready) {
    ready_ = ready.then([this] { hook_.arm(); }).eagerlyEvaluate(nullptr);
  }

  turn_hook hook_;
  kj::UnixEventPort::FdObserver observer_;
  kj::Promise<void> ready_ = nullptr;
};

} // namespace hearth::node
