#pragma once

#include <kj/io.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <system_error>

namespace hearth::test {

/// Another process that runs `work` and tells numbers through a pipe. Made before this process opens a store, as LMDB wants
/// it.
class told {
public:
  using tell = std::function<void(std::uint64_t)>;

  explicit told(const std::function<void(const tell&)>& work) {
    int ends[2];
    if (::pipe(ends) != 0)
      throw std::system_error(errno, std::generic_category(), "pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::close(ends[0]);
      try {
        work([&](std::uint64_t number) {
          if (::write(ends[1], &number, sizeof number) != sizeof number)
            ::_exit(2);
        });
      } catch (...) {
        ::_exit(3);
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    from_ = kj::AutoCloseFd(ends[0]);
  }
  ~told() {
    if (child_ > 0)
      kill();
    end();
  }
  told(const told&) = delete;
  told& operator=(const told&) = delete;

  /// The next number; nothing when the process has ended and said no more.
  std::optional<std::uint64_t> next() {
    std::uint64_t number = 0;
    ssize_t n = 0;
    do
      n = ::read(from_, &number, sizeof number);
    while (n < 0 && errno == EINTR);
    return n == sizeof number ? std::optional(number) : std::nullopt;
  }

  /// kill -9.
  void kill() { ::kill(child_, SIGKILL); }

  /// Waits for its end; its status as waitpid gives it.
  int end() {
    if (child_ > 0)
      while (::waitpid(child_, &status_, 0) < 0 && errno == EINTR) {}
    child_ = -1;
    return status_;
  }

private:
  pid_t child_ = -1;
  int status_ = 0;
  kj::AutoCloseFd from_;
};

} // namespace hearth::test
