#pragma once

#include "node/wire/frame.hpp"

#include <boost/test/unit_test.hpp>
#include <kj/io.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::test {

/// The client's end of a connection, which never blocks: the test turns the loop between its steps.
class raw_client {
public:
  explicit raw_client(kj::AutoCloseFd fd) : fd_(kj::mv(fd)) {}

  static raw_client connect(const std::filesystem::path& path) {
    kj::AutoCloseFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    BOOST_REQUIRE_LT(path.native().size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    BOOST_REQUIRE_EQUAL(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return raw_client(kj::mv(fd));
  }

  /// Sends what the socket takes; how much that was.
  std::size_t send(std::string_view data) {
    const auto n = ::send(fd_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

  template <class Frame>
  void send_frame(const Frame& frame) {
    std::string out;
    wire::encode(frame, out);
    BOOST_REQUIRE_EQUAL(send(out), out.size());
  }

  void request(std::uint32_t number, std::string_view json) {
    wire::control frame;
    frame.request = number;
    frame.body = json;
    send_frame(frame);
  }

  /// Reads what is there. False: the node has closed the connection and everything was read.
  bool receive() {
    char block[65536];
    while (true) {
      const auto n = ::recv(fd_, block, sizeof block, MSG_DONTWAIT);
      if (n > 0)
        received_.append(block, static_cast<std::size_t>(n));
      else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        return is_open_ = false;
      else
        return true;
    }
  }

  /// The next whole frame, if it is there.
  std::optional<std::string> frame() {
    if (received_.size() - at_ < wire::prefix_bytes)
      return std::nullopt;
    const auto size = wire::frame_size(received_.data() + at_);
    BOOST_REQUIRE_MESSAGE(size, "the node sent what is no frame");
    if (received_.size() - at_ < *size)
      return std::nullopt;
    auto result = received_.substr(at_, *size);
    at_ += *size;
    return result;
  }

  /// The body of the next frame, which must be a Control.
  std::optional<std::string> answer() {
    const auto next = frame();
    if (!next)
      return std::nullopt;
    wire::control control;
    BOOST_REQUIRE(wire::parse(std::string_view(*next), control));
    return std::string(control.body);
  }

  std::size_t received() const { return received_.size(); }
  bool is_open() const { return is_open_; }
  int fd() const { return fd_.get(); }
  void close() { fd_ = nullptr; }

private:
  kj::AutoCloseFd fd_;
  std::string received_;
  std::size_t at_ = 0;
  bool is_open_ = true;
};

} // namespace hearth::test
