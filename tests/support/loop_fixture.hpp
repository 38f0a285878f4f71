#pragma once

#include "node/loop/loop.hpp"

#include <boost/test/unit_test.hpp>
#include <kj/io.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace hearth::test {

/// How long a test waits for what must come: far beyond what it takes on a busy machine.
inline constexpr std::chrono::seconds patience{60};

/// A loop whose uncaught exceptions are kept for the test to look at; any that is left fails it.
struct loop_fixture {
  std::vector<std::string> faults;
  work_loop loop{[this](std::string_view what) { faults.emplace_back(what); }};

  ~loop_fixture() {
    BOOST_CHECK_MESSAGE(faults.empty(), "the loop reported: " + (faults.empty() ? "" : faults.front()));
  }

  static work_loop::clock::time_point deadline() { return work_loop::clock::now() + patience; }

  /// Lets the loop run for a moment in which nothing is to happen.
  void pass_time() {
    bool over = false;
    auto timer = loop.after(std::chrono::milliseconds{2}, [&] { over = true; });
    BOOST_REQUIRE(run_until([&] { return over; }));
  }

  bool run_until(std::function<bool()> done) { return loop.run_until(std::move(done), deadline()); }
};

/// Both ends of a Unix stream socket, closed on exec.
inline std::pair<kj::AutoCloseFd, kj::AutoCloseFd> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::system_error(errno, std::generic_category(), "socketpair");
  return {kj::AutoCloseFd(ends[0]), kj::AutoCloseFd(ends[1])};
}

} // namespace hearth::test
