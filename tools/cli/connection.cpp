#include "tools/cli/connection.hpp"

#include "core/defaults.hpp"

#include <nlohmann/json.hpp>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace hearth::cli {

namespace {

constexpr std::uint16_t control_more = 2; // Control.flags: further responses follow

std::string reason(int error) { return std::generic_category().message(error); }

command_error failed(const std::string& text) { return {exit_status::failed, text}; }

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

timeval time_of(std::chrono::milliseconds length) {
  const auto ms = length.count();
  return {static_cast<time_t>(ms / 1000), static_cast<suseconds_t>(ms % 1000 * 1000)};
}

/// A connected socket; none when nobody listens.
file_descriptor connect_to(const std::string& path, std::chrono::milliseconds patience) {
  const auto address = address_of(path);
  file_descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket)
    throw failed("No socket can be made: " + reason(errno) + ".");
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
  throw failed("The node's socket " + path + " cannot be opened: " + reason(errno)
               + ". It must belong to you; set HEARTH_SOCKET to use another.");
}

/// Who listens. Whatever it is, it has to be this user's: it will be told what this user does.
pid_t trusted_peer(const file_descriptor& socket, const std::string& path) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    throw failed("The system does not say who listens at " + path + ": " + reason(errno) + ".");
  if (peer.uid != ::geteuid() && peer.uid != 0)
    throw failed("The program that listens at " + path + " belongs to user " + std::to_string(peer.uid)
                 + ", not to you, so it is not trusted. Set HEARTH_SOCKET to use another socket.");
  return peer.pid;
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

// -- opening ----

command_error no_node_error() {
  return {exit_status::no_node, "No node is running; `hearth node start` or `hearth run FILE TASK` starts one."};
}

std::optional<connection> connection::open(const std::string& path, std::chrono::milliseconds patience) {
  auto socket = connect_to(path, patience);
  if (!socket)
    return std::nullopt;
  const auto peer = trusted_peer(socket, path);
  connection result(std::move(socket), path, peer);
  const json hello{
    {"protocol", defaults::protocol_version}, {"program", "hearth"}, {"pid", ::getpid()}, {"version", HEARTH_VERSION}};
  result.set_patience(patience);
  result.ask("hello", hello, "hello");
  result.set_patience({});
  return result;
}

void connection::set_patience(std::chrono::milliseconds patience) {
  const auto time = time_of(patience);
  for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})
    if (::setsockopt(socket_.get(), SOL_SOCKET, direction, &time, sizeof time) != 0)
      lost(reason(errno));
}

connection connection::open_existing(const std::string& path) {
  if (auto found = open(path))
    return std::move(*found);
  throw no_node_error();
}

// -- asking ----

json connection::ask(const std::string& name, const json& value, const std::string& answer, const frame_sink& others) {
  const auto request = ++requests_;
  send(control_frame(request, json{{name, value}}.dump(-1, ' ', false, json::error_handler_t::replace)));
  json result;
  for (;;) {
    auto next = next_frame();
    if (next.kind != frame_kind::control) {
      if (others)
        others(std::move(next));
      continue;
    }
    if (next.request != request)
      continue; // of a request whose answer nobody waits for any more
    auto response = json::parse(next.body, nullptr, false);
    if (!response.is_object())
      lost("it sent what is not a response; command and node may be of different versions");
    if (auto error = response.find("error"); error != response.end())
      throw failed(error->value("message", error->value("name", "The node refused.")));
    auto content = response.find(answer);
    if (content == response.end())
      lost("it answered `" + name + "` with something else; command and node may be of different versions");
    if (result.is_array() && content->is_array())
      result.insert(result.end(), content->begin(), content->end());
    else
      result = std::move(*content);
    if ((next.flags & control_more) == 0)
      return result;
  }
}

void connection::send(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto n = ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR)
      lost(reason(errno));
    sent += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
}

frame connection::next_frame() {
  if (!fill(frame_prefix_bytes))
    lost("the node closed it");
  const auto size = frame_size(received_.data() + taken_);
  if (!size)
    lost("it sent what is not a frame; command and node may be of different versions");
  if (!fill(*size))
    lost("the node closed it in the middle of a frame");
  auto result = read_frame(std::string_view(received_).substr(taken_, *size));
  taken_ += *size;
  if (!result)
    lost("it sent what is not a frame; command and node may be of different versions");
  return std::move(*result);
}

/// Reads until `size` bytes are there; false at the end of the stream.
bool connection::fill(std::size_t size) {
  if (taken_ == received_.size()) {
    received_.clear();
    taken_ = 0;
  }
  std::array<char, 64 * defaults::kib> part; // filled by recv
  while (received_.size() - taken_ < size) {
    const auto n = ::recv(socket_.get(), part.data(), part.size(), 0);
    if (n == 0)
      return false;
    if (n < 0 && errno == EAGAIN)
      lost("the node does not answer in time");
    if (n < 0 && errno != EINTR)
      lost(reason(errno));
    if (n > 0) {
      received_.erase(0, taken_);
      taken_ = 0;
      received_.append(part.data(), static_cast<std::size_t>(n));
    }
  }
  return true;
}

void connection::lost(const std::string& why) const {
  throw connection_lost(exit_status::failed, "The connection to the node at " + path_ + " is gone: " + why + ".");
}

} // namespace hearth::cli
