#include "node/interpreter/launch.hpp"

#include "core/defaults.hpp"
#include "node/interpreter/forbidden_calls.hpp"
#include "node/interpreter/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <system_error>

extern char** environ;

namespace hearth::node {

namespace {

constexpr std::array passed_on{"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER"};

// Libraries read their limit from these when they are loaded.
constexpr std::array pool_limits{"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
                                 "NUMEXPR_NUM_THREADS"};

constexpr int control_descriptor = 3;
constexpr int first_file_descriptor = 4;

bool is_passed_on(std::string_view name) {
  return name.starts_with("LC_") || std::find(passed_on.begin(), passed_on.end(), name) != passed_on.end();
}

void check(int error, const char* what) {
  if (error != 0)
    throw std::system_error(error, std::generic_category(), what);
}

struct pair_of_ends {
  kj::AutoCloseFd ours;
  kj::AutoCloseFd theirs;
};

pair_of_ends control_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    check(errno, "socketpair");
  pair_of_ends pair{kj::AutoCloseFd(ends[0]), kj::AutoCloseFd(ends[1])};
  // One message is one packet, so a large `configure` has to fit the buffer. Only root may exceed the system's limit.
  const int size = 2 << 20;
  if (setsockopt(pair.ours, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
    setsockopt(pair.ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (fcntl(pair.ours, F_SETFL, O_NONBLOCK) != 0)
    check(errno, "fcntl");
  return pair;
}

pair_of_ends output_pair() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    check(errno, "pipe2");
  pair_of_ends pair{kj::AutoCloseFd(ends[0]), kj::AutoCloseFd(ends[1])};
  // Only our end: the interpreter's writes may block, as they do on a terminal.
  if (fcntl(pair.ours, F_SETFL, O_NONBLOCK) != 0)
    check(errno, "fcntl");
  return pair;
}

/// A file in memory with this content, to be read from its beginning; its number is `above` or higher.
kj::AutoCloseFd memory_file(const std::string& content, int above) {
  const kj::AutoCloseFd made(memfd_create("for-bwrap", MFD_CLOEXEC));
  kj::AutoCloseFd file(fcntl(made, F_DUPFD_CLOEXEC, above));
  if (file.get() < 0)
    check(errno, "memfd_create");
  for (std::size_t done = 0; done < content.size();) {
    const auto n = ::pwrite(file, content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (n < 0)
      check(errno, "pwrite");
    done += static_cast<std::size_t>(n);
  }
  return file;
}

class spawn_plan {
public:
  spawn_plan() {
    check(posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init");
    check(posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  /// `files` have numbers above those that the child gives them.
  void descriptors(int control, int output, const std::vector<kj::AutoCloseFd>& files) {
    check(posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO), "adddup2");
    check(posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO), "adddup2");
    check(posix_spawn_file_actions_adddup2(&actions_, control, control_descriptor), "adddup2");
    int next = first_file_descriptor;
    for (const auto& file : files)
      check(posix_spawn_file_actions_adddup2(&actions_, file, next++), "adddup2");
    check(posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0), "addopen");
    check(posix_spawn_file_actions_addclosefrom_np(&actions_, next), "addclosefrom");
  }

  // A session of its own; signal handling as a shell would leave it.
  void fresh_session() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    check(posix_spawnattr_setsigmask(&attributes_, &none), "setsigmask");
    check(posix_spawnattr_setsigdefault(&attributes_, &all), "setsigdefault");
    check(posix_spawnattr_setflags(
            &attributes_, static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)),
          "setflags");
  }

  pid_t spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
    pid_t pid = 0;
    auto argv = pointers(arguments);
    auto envp = pointers(environment);
    check(posix_spawn(&pid, argv[0], &actions_, &attributes_, argv.data(), envp.data()), argv[0]);
    return pid;
  }

private:
  static std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (const auto& string : strings)
      result.push_back(const_cast<char*>(string.c_str())); // posix_spawn does not write to them
    result.push_back(nullptr);
    return result;
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

} // namespace

milliseconds end_grace_of(const environment_spec& spec) noexcept {
  return spec.has_stop_hooks() ? milliseconds(defaults::hook_grace) : milliseconds(defaults::kill_grace);
}

std::uint32_t threads_of(const environment_spec& spec) noexcept {
  const auto cpu = std::max(spec.resources.cpu_millis, spec.resources.cpu_limit_millis);
  return std::max<std::uint32_t>(1, (cpu + 999) / 1000);
}

std::vector<std::string> clean_environment(const std::vector<std::string>& ours, const std::vector<std::string>& extra,
                                           const environment_spec& spec) {
  std::map<std::string, std::string> chosen;
  const auto take = [&](std::string_view entry) {
    const auto equals = entry.find('=');
    if (equals != 0 && equals != std::string_view::npos)
      chosen[std::string(entry.substr(0, equals))] = entry.substr(equals + 1);
  };
  for (const auto& entry : ours)
    if (is_passed_on(std::string_view(entry).substr(0, entry.find('='))))
      take(entry);
  for (const auto& entry : extra)
    take(entry);
  for (const char* name : pool_limits)
    chosen[name] = std::to_string(threads_of(spec));
  for (const auto& [name, value] : spec.variables)
    if (name.find_first_of(std::string_view("=\0", 2)) == std::string::npos)
      take(name + '=' + value);
  std::vector<std::string> result;
  result.reserve(chosen.size());
  for (const auto& [name, value] : chosen)
    result.push_back(name + '=' + value);
  return result;
}

std::optional<failure> unusable_python(const environment_spec& spec) {
  const auto refuse = [&](const std::string& why) {
    return failure{ec::start_failed, "The Python interpreter of environment '" + spec.name + "', " + spec.python + ", "
                                       + why
                                       + ". Choose one that this machine has with TaskEnvironment(python=...) or "
                                         "HEARTH_PYTHON."};
  };
  if (spec.python.empty())
    return failure{ec::start_failed, "Environment '" + spec.name
                                       + "' names no Python interpreter. Choose one with "
                                         "TaskEnvironment(python=...) or HEARTH_PYTHON."};
  if (spec.python.front() != '/')
    return refuse("is not an absolute path");
  struct stat found {};
  if (stat(spec.python.c_str(), &found) != 0)
    return refuse(errno == ENOENT ? std::string("does not exist on this machine")
                                  : std::string("cannot be used (") + std::strerror(errno) + ")");
  if (!S_ISREG(found.st_mode))
    return refuse("is not a file");
  if (access(spec.python.c_str(), X_OK) != 0)
    return refuse("is not executable");
  return std::nullopt;
}

std::vector<std::string> interpreter_words(const std::string& python, const std::string& boot) {
  return {python, "-E", "-s", "-B", boot};
}

launch_command inside(const std::string& bubblewrap, const std::vector<std::string>& arguments,
                      std::vector<std::string> words) {
  launch_command result{{bubblewrap, "--args", std::to_string(first_file_descriptor), "--seccomp",
                         std::to_string(first_file_descriptor + 1), "--"},
                        {},
                        {std::string(), forbidden_calls_filter()}};
  for (auto& word : words)
    result.words.push_back(std::move(word));
  for (const auto& argument : arguments)
    (result.files.front() += argument) += '\0';
  return result;
}

launched launch(const launch_command& command) {
  auto control = control_pair();
  auto output = output_pair();
  std::vector<kj::AutoCloseFd> files;
  for (const auto& content : command.files)
    files.push_back(memory_file(content, first_file_descriptor + static_cast<int>(command.files.size())));
  spawn_plan plan;
  plan.descriptors(control.theirs, output.theirs, files);
  plan.fresh_session();
  const auto pid = plan.spawn(command.words, command.environment);
  return {pid, open_pidfd(pid), std::move(control.ours), std::move(output.ours)};
}

std::vector<std::string> own_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry)
    result.emplace_back(*entry);
  return result;
}

} // namespace hearth::node
