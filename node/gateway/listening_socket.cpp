#include "node/gateway/listening_socket.hpp"

#include "node/loop/accepting.hpp"
#include "node/start_error.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace hearth::node {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int error) {
  throw start_error("The socket " + path.string() + ' ' + what + ": " + std::generic_category().message(error) + '.');
}

/// Removes the socket of a process that is gone. Only for the holder of the lock.
void remove_stale(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno != ENOENT)
      fail(path, "cannot be looked at", errno);
    return;
  }
  if (!S_ISSOCK(found.st_mode))
    throw start_error("There is a file at " + path.string()
                      + " that is no socket. Remove it, or name another place with "
                        "--socket or HEARTH_SOCKET.");
  if (::unlink(path.c_str()) != 0)
    fail(path, "of an earlier node cannot be removed", errno);
}

} // namespace

listening_socket::listening_socket(const std::filesystem::path& path, privacy asked) : path_(path) {
  if (path.native().size() >= sizeof(sockaddr_un::sun_path))
    throw start_error("The socket path " + path.string() + " is longer than a Unix socket allows ("
                      + std::to_string(sizeof(sockaddr_un::sun_path) - 1)
                      + " bytes); name a shorter one with --socket or HEARTH_SOCKET.");
  const auto directory = path.parent_path();
  if (auto system = network_file_system(directory); !system.empty())
    throw start_error("The socket's directory " + directory.string() + " is on a network file system (" + system
                      + "), where a socket reaches nobody; name a local place with --socket or HEARTH_SOCKET.");
  make_directory(directory, "the socket's directory", asked);
  pid_t holder = 0;
  auto lock = lock_with_pid(path.string() + ".pid", holder);
  if (!lock)
    throw start_error("A node (pid " + std::to_string(holder) + ") listens at " + path.string()
                      + " already; use it, end it with `hearth node stop`, or name another place with --socket.");
  lock_ = std::move(*lock);
  remove_stale(path);
  listen();
}

void listening_socket::listen() {
  socket_ = kj::AutoCloseFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket_.get() < 0)
    fail(path_, "cannot be made", errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.native().size());
  if (::fchmod(socket_, 0600) != 0) // what bind makes takes this mode, so it never is more open
    fail(path_, "cannot be made private", errno);
  if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail(path_, "cannot be made", errno);
  struct stat made {};
  if (::chmod(path_.c_str(), 0600) != 0 || ::lstat(path_.c_str(), &made) != 0)
    fail(path_, "cannot be made private", errno);
  device_ = made.st_dev;
  file_ = made.st_ino;
  if (::listen(socket_, accept_backlog) != 0)
    fail(path_, "cannot be listened at", errno);
}

listening_socket::~listening_socket() {
  struct stat found {};
  if (::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == file_)
    ::unlink(path_.c_str());
}

} // namespace hearth::node
