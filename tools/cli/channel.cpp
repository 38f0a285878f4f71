#include "tools/cli/channel.hpp"

#include "core/defaults.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace hearth::cli {

namespace {

using std::chrono::milliseconds;

timeval time_of(milliseconds length) {
  const auto ms = length.count();
  return {static_cast<time_t>(ms / 1000), static_cast<suseconds_t>(ms % 1000 * 1000)};
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw failed("The socket path " + path
                 + " is longer than a Unix socket allows (107 bytes). Set HEARTH_SOCKET to a "
                   "shorter one.");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// A connected socket; none when nobody listens.
file_descriptor connect_to(const std::string& path, milliseconds patience) {
  const auto address = address_of(path);
  file_descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket)
    throw failed("No socket can be made: " + reason_of(errno) + ".");
  const auto time = time_of(patience); // also for a place in the queue of a node that accepts nobody
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  int status = 0;
  do
    status = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  while (status != 0 && errno == EINTR);
  if (status == 0)
    return socket;
  if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
    return file_descriptor{};
  if (errno == EAGAIN)
    throw connection_lost(exit_status::failed, "The node at " + path + " accepts no connection in time.");
  throw failed("The node's socket " + path + " cannot be opened: " + reason_of(errno)
               + ". It must belong to you; set HEARTH_SOCKET to use another.");
}

/// Who listens. Whatever it is, it has to be this user's: it will be told what this user does.
pid_t trusted_peer(const file_descriptor& socket, const std::string& path) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    throw failed("The system does not say who listens at " + path + ": " + reason_of(errno) + ".");
  if (peer.uid != ::geteuid() && peer.uid != 0)
    throw failed("The program that listens at " + path + " belongs to user " + std::to_string(peer.uid)
                 + ", not to you, so it is not trusted. Set HEARTH_SOCKET to use another socket.");
  return peer.pid;
}

class unix_channel final : public channel {
public:
  unix_channel(file_descriptor socket, pid_t peer) : socket_(std::move(socket)), peer_(peer) {}

  void set_patience(milliseconds patience) override { cli::set_patience(socket_.get(), patience); }

  void send(std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EINTR)
        throw channel_failure{reason_of(errno)};
      bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
  }

  std::size_t receive(char* into, std::size_t size) override {
    for (;;) {
      const auto n = ::recv(socket_.get(), into, size, 0);
      if (n >= 0)
        return static_cast<std::size_t>(n);
      if (errno == EAGAIN)
        throw channel_failure{"the node does not answer in time"};
      if (errno != EINTR)
        throw channel_failure{reason_of(errno)};
    }
  }

  pid_t peer() const override { return peer_; }

private:
  file_descriptor socket_;
  pid_t peer_;
};

/// Whether the connection that was begun is there; `why` not.
bool is_connected(int socket, milliseconds patience, std::string& why) {
  pollfd watched{socket, POLLOUT, 0};
  int ready = 0;
  do
    ready = ::poll(&watched, 1, patience.count() > 0 ? static_cast<int>(patience.count()) : -1);
  while (ready < 0 && errno == EINTR);
  int error = 0;
  socklen_t size = sizeof error;
  if (ready == 0)
    why = "it does not answer in time";
  else if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
    why = reason_of(error != 0 ? error : errno);
  return why.empty();
}

/// Small frames leave at once, and a node that is gone without a word is found out, as between nodes.
void make_prompt(int socket) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(defaults::link_probe_after.count()));
  set(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(defaults::link_probe_interval.count()));
  set(IPPROTO_TCP, TCP_KEEPCNT, defaults::link_probes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(defaults::link_unconfirmed_max.count()));
}

} // namespace

// -- descriptors ----

file_descriptor& file_descriptor::operator=(file_descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

file_descriptor::~file_descriptor() {
  if (fd_ >= 0)
    ::close(fd_);
}

int file_descriptor::release() noexcept { return std::exchange(fd_, -1); }

std::string reason_of(int error) { return std::generic_category().message(error); }

void set_patience(int socket, milliseconds patience) {
  const auto time = time_of(patience);
  for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})
    if (::setsockopt(socket, SOL_SOCKET, direction, &time, sizeof time) != 0)
      throw channel_failure{reason_of(errno)};
}

// -- opening ----

std::unique_ptr<channel> open_unix(const std::string& path, milliseconds patience) {
  auto socket = connect_to(path, patience);
  if (!socket)
    return nullptr;
  const auto peer = trusted_peer(socket, path);
  return std::make_unique<unix_channel>(std::move(socket), peer);
}

file_descriptor connect_tcp(const std::string& address, milliseconds patience, std::string& why) {
  const auto colon = address.rfind(':');
  auto host = address.substr(0, colon);
  if (colon == std::string::npos || host.empty()) {
    why = "it has no address";
    return file_descriptor{};
  }
  if (host.size() > 2 && host.front() == '[')
    host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &wanted, &found); error != 0) {
    why = ::gai_strerror(error);
    return file_descriptor{};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, ::freeaddrinfo);
  for (const auto* at = found; at != nullptr; at = at->ai_next) { // a name may have several, and not all are reached
    why.clear();
    file_descriptor socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || (::connect(socket.get(), at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS)) {
      why = reason_of(errno);
      continue;
    }
    if (!is_connected(socket.get(), patience, why))
      continue;
    make_prompt(socket.get());
    ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
    return socket;
  }
  return file_descriptor{};
}

} // namespace hearth::cli
