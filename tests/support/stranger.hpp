#pragma once

#include "node/link/dial.hpp"
#include "node/link/wire.hpp"
#include "tests/support/link_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hearth::test {

/// Somebody who connects to a gate by hand, with whatever certificate, and says what it likes.
class stranger {
public:
  stranger(work_loop& loop, const link_node& gate, cluster::channel on,
           std::shared_ptr<const node::tls_context> context)
    : stranger(loop, gate.id, gate.address(), on, std::move(context)) {}

  stranger(work_loop& loop, node_uuid expected, const node::link_address& at, cluster::channel on,
           std::shared_ptr<const node::tls_context> context)
    : loop_(loop), dial_(std::make_unique<node::dial>(loop, node::dial::request{expected, at, on, std::move(context)},
                                                      [this](node::dial::outcome o) { on_dialed(std::move(o)); })) {}

  bool is_connected() const { return is_connected_; }
  /// It was not let in, or put out.
  bool is_over() const { return is_over_; }
  const std::string& why() const { return why_; }
  /// All that it was sent after the handshake.
  const std::string& received() const { return received_; }

  void pause() { reads_ = false; }

  void send(std::string_view text) {
    while (!text.empty() || tls_->bytes_held() > 0) {
      const iovec part{const_cast<char*>(text.data()), text.size()};
      const auto n = tls_->send({&part, 1});
      BOOST_REQUIRE(n >= 0); // what tests send fits into a socket
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }

private:
  void on_dialed(node::dial::outcome outcome) {
    const auto ended = std::move(dial_);
    if (const auto* failed = std::get_if<node::unreached>(&outcome)) {
      is_over_ = true;
      why_ = failed->reason;
      return;
    }
    auto& made = std::get<node::dial::connected>(outcome);
    socket_ = kj::mv(made.socket);
    tls_ = std::move(made.tls);
    is_connected_ = true;
    watch_.emplace(loop_, socket_.get(), [this] { read(); });
    watch_->call_soon();
  }

  void read() {
    std::string buffer(64 * defaults::kib, 0);
    while (reads_) {
      const iovec part{buffer.data(), buffer.size()};
      const auto n = tls_->receive({&part, 1}, true);
      if (n < 0 && errno == EAGAIN)
        return watch_->await_readable();
      if (n <= 0) {
        is_over_ = true;
        why_ = n == 0 ? "closed" : tls_->describe(errno);
        return;
      }
      received_.append(buffer, 0, static_cast<std::size_t>(n));
    }
  }

  work_loop& loop_;
  std::unique_ptr<node::dial> dial_;
  kj::AutoCloseFd socket_;
  std::optional<node::socket_watch> watch_;
  std::unique_ptr<node::tls_channel> tls_;
  bool is_connected_ = false;
  bool is_over_ = false;
  bool reads_ = true;
  std::string why_;
  std::string received_;
};

/// A connection that says what it is told and no more; it blocks.
inline kj::AutoCloseFd raw_connection(std::uint16_t port) {
  kj::AutoCloseFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (socket.get() < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::system_error(errno, std::generic_category(), "connect");
  return socket;
}

/// May fail: the peer may have closed.
inline void raw_send(int socket, std::string_view text) {
  [[maybe_unused]] const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
}

/// Resident memory of this process, bytes.
inline std::size_t resident_bytes() {
  std::size_t all = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Descriptors up to a number, until it goes.
class file_limit {
public:
  explicit file_limit(rlim_t files) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit wanted = before_;
    wanted.rlim_cur = files;
    wanted.rlim_max = std::max(files, before_.rlim_max); // more needs root
    is_set_ = ::setrlimit(RLIMIT_NOFILE, &wanted) == 0;
  }
  ~file_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  file_limit(const file_limit&) = delete;
  file_limit& operator=(const file_limit&) = delete;

  bool is_set() const { return is_set_; }

private:
  rlimit before_{};
  bool is_set_ = false;
};

} // namespace hearth::test
