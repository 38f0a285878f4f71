#include "node/loop/doorbell.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace hearth {

doorbell::doorbell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0)
    throw std::system_error(errno, std::generic_category(), "An event loop cannot be made: eventfd");
}

doorbell::~doorbell() { ::close(fd_); }

void doorbell::ring() noexcept {
  if (rung_.exchange(true))
    return;
  const std::uint64_t one = 1;
  // Writing to an open eventfd fails only when its counter is full, which leaves it readable all the same. Anything
  // else would leave a loop asleep for ever with work at its door.
  if (::write(fd_, &one, sizeof one) != sizeof one && errno != EAGAIN)
    std::abort();
}

void doorbell::hear() noexcept {
  std::uint64_t count = 0;
  // EAGAIN: nobody rang.
  if (::read(fd_, &count, sizeof count) != sizeof count && errno != EAGAIN)
    std::abort();
  rung_.store(false);
}

} // namespace hearth
