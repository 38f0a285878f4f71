#include "tools/cli/command_line.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace {

bool wants_colours() {
  const auto* forbidden = std::getenv("NO_COLOR");
  const auto* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && !(forbidden && *forbidden) && terminal && std::string_view(terminal) != "dumb";
}

std::uint64_t unix_ms() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

/// Gives a stream that the shell has closed (`>&-`) to the null device: a socket that took its number would get what is
/// printed, here and in the Python that this process becomes.
void open_standard_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream)
    if (::fcntl(stream, F_GETFD) == -1) // those below are open: it gets the lowest number that is free, its own
      static_cast<void>(::open("/dev/null", O_RDWR));
}

} // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  std::ios::sync_with_stdio(false);
  hearth::cli::surroundings around{.out = std::cout,
                                   .err = std::cerr,
                                   .colours = wants_colours(),
                                   .variable = [](const char* name) -> const char* { return std::getenv(name); },
                                   .unix_ms = unix_ms,
                                   .socket = {},
                                   .socket_is_chosen = false};
  auto status = hearth::cli::run_command_line(around, {argv + 1, argv + argc});
  std::cout.flush();
  if (!std::cout && status == hearth::cli::exit_status::ok) {
    std::cerr << "hearth: the output cannot be written; is the disk full?\n";
    status = hearth::cli::exit_status::failed;
  }
  return static_cast<int>(status);
}
