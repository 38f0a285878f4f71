#pragma once

#include "node/identity/cluster_file.hpp"

#include <kj/io.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

/// The system's side of a link's sockets. Nothing here blocks or asks a name server.
namespace hearth::node {

/// An address as the system takes it.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Nothing when the host is a name and no number.
std::optional<socket_address> numeric_address(const link_address& address);

/// "127.0.0.1"; empty for what is no address of the internet.
std::string host_of(const socket_address& address);

/// What counts as one origin: an IPv4 address, the first half of an IPv6 address, because that is what one machine has.
std::string origin_of(const socket_address& address);

/// A socket that listens at the address and does not block; port 0 takes a free one. `setting` decides the address. Throws
/// start_error.
kj::AutoCloseFd listen_at(const link_address& address, const std::string& setting = "listen");

/// The port at which the socket listens.
std::uint16_t port_of(int socket);

/// Begins to connect: a socket that becomes writable when it is decided. Nothing, with errno, when it failed at once.
std::optional<kj::AutoCloseFd> begin_connect(const socket_address& to);

/// Small frames leave at once, and a peer that does not answer is given up after a while.
void make_link_socket(int socket) noexcept;

} // namespace hearth::node
