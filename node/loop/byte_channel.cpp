#include "node/loop/byte_channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace hearth {

namespace {

msghdr message_of(std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data()); // the system reads it only
  message.msg_iovlen = parts.size();
  return message;
}

/// -1 with errno, like the system call, but never EINTR.
template <class Call>
ssize_t uninterrupted(Call&& call) {
  ssize_t result = 0;
  do
    result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

} // namespace

ssize_t plain_channel::receive(std::span<const iovec> parts, bool) {
  auto message = message_of(parts);
  return uninterrupted([&] { return ::recvmsg(socket_, &message, MSG_DONTWAIT); });
}

ssize_t plain_channel::send(std::span<const iovec> parts) {
  is_blocked_ = false;
  auto message = message_of(parts);
  std::size_t offered = 0;
  for (const auto& part : parts)
    offered += part.iov_len;
  const auto sent = uninterrupted([&] { return ::sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
  is_blocked_ = sent < 0 || static_cast<std::size_t>(sent) < offered;
  return sent;
}

std::string plain_channel::describe(int error) const { return std::strerror(error); }

} // namespace hearth
