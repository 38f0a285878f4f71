#include "node/interpreter/process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace hearth::node {

namespace {

// The start of a file of /proc; empty when it is not there any more.
template <std::size_t Size>
std::string_view read_start(const std::string& path, std::array<char, Size>& buffer) noexcept {
  const kj::AutoCloseFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::size_t size = 0;
  // The kernel hands these files out in pieces of about a page.
  while (file.get() >= 0 && size < buffer.size()) {
    const auto n = ::read(file, buffer.data() + size, buffer.size() - size);
    if (n <= 0)
      break;
    size += static_cast<std::size_t>(n);
  }
  return {buffer.data(), size};
}

template <class Number>
std::optional<Number> number(std::string_view text) noexcept {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  Number value{};
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{})
    return std::nullopt;
  return value;
}

// Names of the numbered entries of a folder of /proc.
std::vector<pid_t> numbered(const char* folder) {
  std::vector<pid_t> result;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(folder), closedir);
  if (listing == nullptr)
    return result;
  while (const auto* entry = readdir(listing.get()))
    if (const auto pid = number<pid_t>(entry->d_name))
      result.push_back(*pid);
  return result;
}

// "pid (name) state ppid ...": the name may hold anything, also parentheses.
pid_t parent_of(std::string_view stat) noexcept {
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || stat.size() < name_end + 4)
    return 0;
  return number<pid_t>(stat.substr(name_end + 4)).value_or(0);
}

bool has_lists_of_children() {
  static const bool found = access(("/proc/self/task/" + std::to_string(getpid()) + "/children").c_str(), R_OK) == 0;
  return found;
}

// `process` is "self" or a pid.
std::vector<pid_t> listed_children(const std::string& process) {
  std::vector<pid_t> result;
  std::array<char, 4096> buffer;
  const auto threads = "/proc/" + process + "/task";
  for (const auto thread : numbered(threads.c_str())) {
    // What does not fit is seen by a later look: of our own children, these are ended, so the list becomes shorter.
    auto list = read_start(threads + '/' + std::to_string(thread) + "/children", buffer);
    for (auto space = list.find(' '); space != std::string_view::npos; space = list.find(' ')) {
      if (const auto pid = number<pid_t>(list.substr(0, space)))
        result.push_back(*pid);
      list.remove_prefix(space + 1);
    }
  }
  return result;
}

// Who is below whom. Interpreters adopt the orphans among what they forked, so nothing leaves its family while they live.
class families {
public:
  families() {
    if (has_lists_of_children())
      return;
    std::array<char, 4096> buffer;
    for (const auto pid : numbered("/proc"))
      below_[parent_of(read_start("/proc/" + std::to_string(pid) + "/stat", buffer))].push_back(pid);
  }

  std::vector<pid_t> of(pid_t head) const {
    std::vector<pid_t> members{head};
    std::unordered_set<pid_t> seen{head}; // the look takes time, in which a number may come to mean another process
    for (std::size_t next = 0; next < members.size(); ++next)
      for (const auto child : below(members[next]))
        if (seen.insert(child).second)
          members.push_back(child);
    return members;
  }

private:
  std::vector<pid_t> below(pid_t pid) const {
    if (has_lists_of_children())
      return listed_children(std::to_string(pid));
    const auto found = below_.find(pid);
    return found == below_.end() ? std::vector<pid_t>{} : found->second;
  }

  std::unordered_map<pid_t, std::vector<pid_t>> below_;
};

template <class Measure>
std::uint64_t sum_of(const std::vector<pid_t>& processes, Measure measure) {
  std::uint64_t sum = 0;
  for (const auto pid : processes)
    sum += measure(pid);
  return sum;
}

} // namespace

std::string in_words(exit_status status) {
  if (status.signal == 0)
    return "exited with status " + std::to_string(status.code);
  auto words = "was ended by signal " + std::to_string(status.signal);
  if (const char* name = sigabbrev_np(status.signal))
    words += std::string(" (SIG") + name + ")";
  return words;
}

kj::AutoCloseFd open_pidfd(pid_t pid) {
  kj::AutoCloseFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd.get() < 0)
    throw std::system_error(errno, std::generic_category(), "pidfd_open");
  return pidfd;
}

pid_t pid_of(int pidfd) noexcept {
  std::array<char, 512> buffer;
  const auto text = read_start("/proc/self/fdinfo/" + std::to_string(pidfd), buffer);
  constexpr std::string_view key = "\nPid:\t";
  const auto line = text.find(key);
  return line == std::string_view::npos ? 0 : std::max(0, number<pid_t>(text.substr(line + key.size())).value_or(0));
}

exit_status of_sandbox(exit_status of_bubblewrap) noexcept {
  constexpr int signals_from = 128, signals_to = signals_from + 64;
  const int code = of_bubblewrap.code;
  return of_bubblewrap.signal == 0 && code > signals_from && code <= signals_to ? exit_status{0, code - signals_from}
                                                                                : of_bubblewrap;
}

void send_signal(int pidfd, int signal) noexcept { syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0); }

void kill_group(pid_t leader, int pidfd) noexcept {
  // The group first: as long as its leader was not reaped, the number cannot mean another group.
  if (leader > 1)
    ::kill(-leader, SIGKILL);
  send_signal(pidfd, SIGKILL);
}

std::optional<exit_status> reap(int pidfd) noexcept {
  siginfo_t info{};
  if (waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0
      || info.si_pid == 0)
    return std::nullopt;
  if (info.si_code == CLD_EXITED)
    return exit_status{info.si_status, 0};
  return exit_status{0, info.si_status};
}

void adopt_orphans() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    throw std::system_error(errno, std::generic_category(), "prctl(PR_SET_CHILD_SUBREAPER)");
}

std::vector<pid_t> children_of(pid_t parent) {
  if (has_lists_of_children())
    return listed_children(std::to_string(parent));
  std::vector<pid_t> result;
  std::array<char, 4096> buffer;
  for (const auto pid : numbered("/proc"))
    if (parent_of(read_start("/proc/" + std::to_string(pid) + "/stat", buffer)) == parent)
      result.push_back(pid);
  return result;
}

std::vector<pid_t> children() { return children_of(getpid()); }

std::uint64_t resident_bytes_of(pid_t pid) noexcept {
  std::array<char, 4096> buffer;
  const auto text = read_start("/proc/" + std::to_string(pid) + "/statm", buffer);
  const auto space = text.find(' ');
  if (space == std::string_view::npos)
    return 0;
  return number<std::uint64_t>(text.substr(space)).value_or(0) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t proportional_bytes(pid_t pid) noexcept {
  std::array<char, 4096> buffer;
  const auto text = read_start("/proc/" + std::to_string(pid) + "/smaps_rollup", buffer);
  const auto line = text.find("\nPss:");
  if (line == std::string_view::npos)
    return 0;
  return number<std::uint64_t>(text.substr(line + 5)).value_or(0) * 1024;
}

std::vector<std::uint64_t> excesses(const std::vector<memory_bound>& bounds) {
  const families all;
  std::vector<std::uint64_t> result;
  for (const auto& bound : bounds) {
    const auto members = all.of(bound.pid);
    // The cheap figure first: it counts what is shared several times, so it is never below the other.
    auto used = sum_of(members, resident_bytes_of);
    if (used > bound.limit)
      used = sum_of(members, proportional_bytes);
    result.push_back(used > bound.limit ? used : 0);
  }
  return result;
}

bool kernel_ended_for_memory() noexcept {
  static std::uint64_t seen = 0;
  std::array<char, 16384> buffer;
  const auto text = read_start("/proc/vmstat", buffer);
  const auto line = text.find("\noom_kill ");
  if (line == std::string_view::npos)
    return false;
  const auto count = number<std::uint64_t>(text.substr(line + 10)).value_or(0);
  return std::exchange(seen, count) < count;
}

} // namespace hearth::node
