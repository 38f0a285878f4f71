#include "tools/cli/child.hpp"

#include "tools/cli/connection.hpp"
#include "tools/cli/spawning.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <string_view>
#include <system_error>

extern char** environ;

namespace hearth::cli {

namespace {

/// Where a child writes: a file that needs no reader while it runs.
file_descriptor written_file(const char* name) {
  file_descriptor file(::memfd_create(name, MFD_CLOEXEC));
  if (!file)
    throw failed("No memory file can be made: " + std::generic_category().message(errno) + ".");
  return file;
}

std::string content_of(const file_descriptor& file) {
  std::string text;
  std::array<char, 4096> part{};
  ::lseek(file.get(), 0, SEEK_SET);
  for (ssize_t n = 0; (n = ::read(file.get(), part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(n));
  return text;
}

bool is_set_in(const std::vector<std::string>& settings, std::string_view variable) {
  const auto name = variable.substr(0, variable.find('=') + 1);
  for (const auto& setting : settings)
    if (std::string_view(setting).starts_with(name))
      return true;
  return false;
}

} // namespace

child_outcome run_program(const std::filesystem::path& program, const std::vector<std::string>& words,
                          const std::vector<std::string>& settings) {
  const auto out = written_file("out"), err = written_file("err");
  spawn_settings how;
  ::posix_spawn_file_actions_addopen(&how.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&how.files, out.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&how.files, err.get(), STDERR_FILENO);
  std::vector<std::string> all{program.string()};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<std::string> variables = settings;
  for (char** at = environ; *at; ++at)
    if (!is_set_in(settings, *at))
      variables.emplace_back(*at);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &how.files, &how.attributes, pointers_to(all).data(),
                                  pointers_to(variables).data());
  if (error != 0)
    throw failed("The program " + program.string() + " cannot be run: " + std::generic_category().message(error) + ".");
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      throw failed("The end of " + program.string() + " is not known: " + std::generic_category().message(errno) + ".");
  constexpr int of_signal = 128;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : of_signal + WTERMSIG(status), content_of(out), content_of(err)};
}

std::string run_file_work(const std::filesystem::path& daemon, const std::vector<std::string>& words,
                          std::ostream& err) {
  auto done = run_program(daemon, words);
  while (done.err.ends_with('\n'))
    done.err.pop_back();
  if (done.status == 0) {
    if (!done.err.empty())
      err << done.err << '\n';
    return done.out;
  }
  constexpr std::string_view prefix = "hearthd: ";
  if (done.err.starts_with(prefix))
    done.err.erase(0, prefix.size());
  throw failed(done.err.empty() ? "The node program " + daemon.string() + " ended with status "
                                    + std::to_string(done.status) + " and said nothing."
                                : done.err);
}

} // namespace hearth::cli
