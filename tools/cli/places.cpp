#include "tools/cli/places.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace hearth::cli {

namespace fs = std::filesystem;

namespace {

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

bool holds_sdk(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_regular_file(directory / "hearth" / "__init__.py", ignored);
}

} // namespace

std::string value_of(const variable_reader& variable, const char* name) {
  const auto* value = variable(name);
  return value ? value : "";
}

std::string default_socket(const variable_reader& variable, uid_t user) {
  if (auto named = value_of(variable, "HEARTH_SOCKET"); !named.empty())
    return fs::absolute(named).lexically_normal();
  std::error_code ignored;
  const fs::path runtime = value_of(variable, "XDG_RUNTIME_DIR");
  if (runtime.is_absolute() && fs::is_directory(runtime, ignored))
    return runtime / "hearth" / "node.sock";
  return "/tmp/hearth-" + std::to_string(user) + "/node.sock";
}

fs::path state_directory(const variable_reader& variable) {
  if (auto named = value_of(variable, "HEARTH_STATE_DIR"); !named.empty())
    return fs::absolute(named);
  if (const fs::path base = value_of(variable, "XDG_STATE_HOME"); base.is_absolute())
    return base / "hearth";
  if (const fs::path home = value_of(variable, "HOME"); home.is_absolute())
    return home / ".local" / "state" / "hearth";
  throw failed(
    "Neither HOME nor XDG_STATE_HOME is set, so there is no place for the node's state; set HEARTH_STATE_DIR.");
}

fs::path program_directory() {
  std::error_code error;
  auto program = fs::read_symlink("/proc/self/exe", error);
  if (error)
    throw failed("The place of this program is not known (/proc/self/exe: " + error.message() + "). Is /proc mounted?");
  return program.parent_path();
}

fs::path find_daemon(const variable_reader& variable, const fs::path& programs) {
  if (auto named = value_of(variable, "HEARTHD"); !named.empty()) {
    if (is_program(named))
      return fs::absolute(named);
    throw failed("HEARTHD names " + named + ", which is not a program. Correct it or unset it.");
  }
  if (is_program(programs / "hearthd"))
    return programs / "hearthd";
  throw failed("The node program `hearthd` is not in " + programs.string()
               + ", where this command is. Build or install it there, or set HEARTHD to its path.");
}

fs::path find_sdk(const variable_reader& variable, const fs::path& programs) {
  if (auto named = value_of(variable, "HEARTH_SDK"); !named.empty()) {
    if (holds_sdk(named))
      return fs::absolute(named);
    throw failed("HEARTH_SDK names " + named
                 + ", which does not hold the Python package `hearth`. Correct it or unset it.");
  }
  const auto installed = programs.parent_path() / "share" / "hearth" / "sdk";
  const auto built = programs.parent_path() / "sdk";
  for (const auto& place : {installed, built})
    if (holds_sdk(place))
      return place;
  throw failed("The Python package `hearth` is neither in " + installed.string() + " nor in " + built.string()
               + ". Build or install it, or set HEARTH_SDK to the folder that holds it.");
}

void make_socket_directory(const fs::path& directory, bool chosen) {
  std::error_code error;
  if (directory.has_parent_path())
    fs::create_directories(directory.parent_path(), error);
  if (error || (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST))
    throw failed("The socket's folder " + directory.string()
                 + " cannot be made: " + (error ? error.message() : std::generic_category().message(errno))
                 + ". Set HEARTH_SOCKET to a path you may write.");
  if (chosen)
    return;
  struct stat found {};
  if (::lstat(directory.c_str(), &found) != 0)
    throw failed("The socket's folder " + directory.string()
                 + " cannot be looked at: " + std::generic_category().message(errno) + ".");
  if (!S_ISDIR(found.st_mode) || found.st_uid != ::geteuid() || (found.st_mode & 077) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%o", found.st_mode & 07777);
    throw failed(directory.string() + " is not a folder that you alone may use (owner " + std::to_string(found.st_uid)
                 + ", mode " + mode + "), so a socket in it cannot be trusted. Remove it, or set HEARTH_SOCKET.");
  }
}

} // namespace hearth::cli
