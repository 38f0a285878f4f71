#include "node/interpreter/fd_watch.hpp"

#include <utility>

namespace hearth::node {

fd_watch::fd_watch(work_loop& loop, kj::AutoCloseFd fd, std::function<void()> call)
  : fd_(kj::mv(fd)), observer_(loop.port(), fd_.get(), kj::UnixEventPort::FdObserver::OBSERVE_READ),
    call_(std::move(call)),
    // From a hook, because a function that a promise calls must not destroy that promise.
    hook_(loop.reading(), [this] {
      await(); // before what is there is read, so that nothing that comes later is missed
      call_();
    }) {
  hook_.arm();
}

void fd_watch::await() {
  readable_ = observer_.whenBecomesReadable().then([this] { hook_.arm(); }).eagerlyEvaluate(nullptr);
}

} // namespace hearth::node
