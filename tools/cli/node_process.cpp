#include "tools/cli/node_process.hpp"

#include "tools/cli/spawning.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <system_error>
#include <thread>
#include <vector>

extern char** environ;

namespace hearth::cli {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds first_look{2};    // a warm disk starts a node in about ten
constexpr milliseconds longest_look{50}; // between two looks: nobody feels it
constexpr std::size_t log_lines_shown = 12;

std::string reason(int error) { return std::generic_category().message(error); }

/// The variables of this process, with those that `how` decides.
std::vector<std::string> variables_of(const node_start& how) {
  const std::string socket = "HEARTH_SOCKET=", idle = "HEARTH_IDLE_EXIT=";
  std::vector<std::string> result;
  for (char** at = environ; *at; ++at) {
    const std::string_view variable(*at);
    if (!variable.starts_with(socket) && !(variable.starts_with(idle) && !how.idle_exit.empty()))
      result.emplace_back(variable);
  }
  result.push_back(socket + how.socket);
  if (!how.idle_exit.empty())
    result.push_back(idle + how.idle_exit);
  return result;
}

pid_t spawn(const node_start& how, int log) {
  spawn_settings settings;
  ::posix_spawn_file_actions_addopen(&settings.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&settings.files, log, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&settings.files, log, STDERR_FILENO);
  ::posix_spawn_file_actions_addchdir_np(&settings.files, "/");
  ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSID); // a terminal's Ctrl-C is not meant for it
  std::vector<std::string> words{how.daemon.string()};
  words.insert(words.end(), how.words.begin(), how.words.end());
  auto variables = variables_of(how);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, how.daemon.c_str(), &settings.files, &settings.attributes,
                                  pointers_to(words).data(), pointers_to(variables).data());
  if (error != 0)
    throw failed("The node program " + how.daemon.string() + " cannot be run: " + reason(error) + ".");
  return pid;
}

std::string why_it_ended(const node_start& how, int status, std::streamoff begin) {
  const auto cause = WIFEXITED(status) ? "with status " + std::to_string(WEXITSTATUS(status))
                                       : "by signal " + std::to_string(WTERMSIG(status));
  const auto said = last_lines(how.log, begin);
  return "The node " + how.daemon.string() + " ended " + cause + " while it started. Its log is " + how.log.string()
         + ":" + said;
}

/// Looks until the node answers, ends, or is out of time.
connection wait_for_answer(const node_start& how, pid_t pid, std::streamoff log_begin, clock::time_point deadline) {
  for (auto pause = first_look;; pause = std::min(pause * 3 / 2, longest_look)) {
    if (auto found = connection::open(how.socket))
      return std::move(*found);
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) {
      if (auto found = connection::open(how.socket)) // it may have found another node at work and left
        return std::move(*found);
      throw failed(why_it_ended(how, status, log_begin));
    }
    if (clock::now() > deadline) {
      ::kill(pid, SIGTERM);
      throw failed("The node " + how.daemon.string() + " was started but does not listen at " + how.socket
                   + "; it was ended. Its log is " + how.log.string() + ".");
    }
    std::this_thread::sleep_for(pause);
  }
}

} // namespace

file_descriptor take_turn(const std::string& of, std::chrono::milliseconds timeout) {
  const auto deadline = clock::now() + timeout;
  const auto path = of + ".lock";
  file_descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock)
    throw failed("Cannot open " + path + ": " + reason(errno) + ". Set HEARTH_SOCKET to a path you may write.");
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      throw failed("Cannot lock " + path + ": " + reason(errno) + ".");
    if (clock::now() > deadline)
      throw failed("Another process has been starting nodes for too long (it holds " + path
                   + "). Look at `hearth node status`, or end that process.");
    std::this_thread::sleep_for(longest_look);
  }
  return lock;
}

std::string last_lines(const std::filesystem::path& file, std::streamoff begin) {
  std::deque<std::string> lines;
  std::ifstream log(file);
  log.seekg(begin);
  for (std::string line; std::getline(log, line);) {
    lines.push_back(line);
    if (lines.size() > log_lines_shown)
      lines.pop_front();
  }
  std::string said = lines.empty() ? " It wrote nothing." : "";
  for (const auto& line : lines)
    said += "\n  " + line;
  return said;
}

spawned_node spawn_node(const node_start& how) {
  std::error_code error;
  std::filesystem::create_directories(how.log.parent_path(), error);
  file_descriptor log(::open(how.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log)
    throw failed("The node's log " + how.log.string() + " cannot be opened: " + reason(errno)
                 + ". Set HEARTH_STATE_DIR to a folder you may write.");
  const auto begin = ::lseek(log.get(), 0, SEEK_END);
  return {spawn(how, log.get()), begin};
}

connection start_node(const node_start& how, milliseconds timeout) {
  const auto deadline = clock::now() + timeout;
  const auto turn = take_turn(how.socket, timeout);
  if (auto found = connection::open(how.socket)) // whoever had the turn before may have started it
    return std::move(*found);
  const auto [pid, begin] = spawn_node(how);
  return wait_for_answer(how, pid, begin, deadline);
}

void become_node(const node_start& how) {
  std::vector<std::string> words{how.daemon.string()};
  auto variables = variables_of(how);
  ::execve(how.daemon.c_str(), pointers_to(words).data(), pointers_to(variables).data());
  throw failed("The node program " + how.daemon.string() + " cannot be run: " + reason(errno) + ".");
}

bool wait_for_end(pid_t pid, milliseconds timeout) {
  const auto deadline = clock::now() + timeout;
  file_descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    if (errno == ESRCH)
      return true;
    throw failed("Process " + std::to_string(pid) + " cannot be watched: " + reason(errno) + ".");
  }
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now()).count();
    pollfd watched{process.get(), POLLIN, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(std::max<milliseconds::rep>(left, 0)));
    if (ready > 0)
      return true;
    if (ready == 0 || errno != EINTR)
      return false;
  }
}

} // namespace hearth::cli
