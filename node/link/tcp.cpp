#include "node/link/tcp.hpp"

#include "core/defaults.hpp"
#include "node/loop/accepting.hpp"
#include "node/start_error.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace hearth::node {

namespace {

template <class Address>
socket_address stored(const Address& address) {
  socket_address made;
  std::memcpy(&made.storage, &address, sizeof address);
  made.size = sizeof address;
  return made;
}

template <class Address>
Address loaded(const socket_address& address) {
  Address read{};
  std::memcpy(&read, &address.storage, sizeof read);
  return read;
}

std::string text_of(int family, const void* number) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, number, text.data(), text.size()) ? text.data() : "";
}

} // namespace

std::optional<socket_address> numeric_address(const link_address& address) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  if (::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1)
    return stored(v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  if (::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1)
    return stored(v6);
  return std::nullopt;
}

std::string host_of(const socket_address& address) {
  if (address.storage.ss_family == AF_INET) {
    const auto number = loaded<sockaddr_in>(address).sin_addr;
    return text_of(AF_INET, &number);
  }
  if (address.storage.ss_family == AF_INET6) {
    const auto number = loaded<sockaddr_in6>(address).sin6_addr;
    return text_of(AF_INET6, &number);
  }
  return {};
}

std::string origin_of(const socket_address& address) {
  if (address.storage.ss_family != AF_INET6)
    return host_of(address);
  auto v6 = loaded<sockaddr_in6>(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6))
    return text_of(AF_INET, v6.s6_addr + 12);
  std::memset(v6.s6_addr + 8, 0, 8);
  return text_of(AF_INET6, &v6);
}

kj::AutoCloseFd listen_at(const link_address& address, const std::string& setting) {
  const auto where = to_string(address);
  const auto at = numeric_address(address);
  if (!at)
    throw start_error("The node cannot listen at " + where
                      + ": give the address as a number, for instance 10.0.0.5:7400.");
  kj::AutoCloseFd socket(::socket(at->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (socket.get() < 0 || ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
      || ::bind(socket, at->get(), at->size) != 0 || ::listen(socket, accept_backlog) != 0) {
    const int error = errno;
    throw start_error("The node cannot listen at " + where + ": " + std::generic_category().message(error)
                      + ". Name an address of this machine and a free port with `" + setting + "`.");
  }
  return socket;
}

std::uint16_t port_of(int socket) {
  socket_address address;
  address.size = sizeof address.storage;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0)
    throw std::system_error(errno, std::generic_category(), "getsockname");
  return ntohs(address.storage.ss_family == AF_INET6 ? loaded<sockaddr_in6>(address).sin6_port
                                                     : loaded<sockaddr_in>(address).sin_port);
}

std::optional<kj::AutoCloseFd> begin_connect(const socket_address& to) {
  kj::AutoCloseFd socket(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0)
    return std::nullopt;
  make_link_socket(socket);
  if (::connect(socket, to.get(), to.size) != 0 && errno != EINPROGRESS && errno != EINTR) {
    const int error = errno;
    socket = nullptr;
    errno = error;
    return std::nullopt;
  }
  return socket;
}

void make_link_socket(int socket) noexcept {
  const auto set = [socket](int level, int option, int value) {
    // A system that lacks one of them serves, and finds lost peers later.
    [[maybe_unused]] auto done = ::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(defaults::link_probe_after.count()));
  set(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(defaults::link_probe_interval.count()));
  set(IPPROTO_TCP, TCP_KEEPCNT, defaults::link_probes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(defaults::link_unconfirmed_max.count()));
}

} // namespace hearth::node
