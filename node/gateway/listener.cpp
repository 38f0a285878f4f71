#include "node/gateway/listener.hpp"

#include "core/defaults.hpp"
#include "node/gateway/outbound.hpp"
#include "node/loop/accepting.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace hearth::node {

namespace {

/// Clients let in between two looks at the other sockets.
constexpr int clients_per_turn = 64;

} // namespace

std::string listener::in_frames(ec code, const std::string& why) {
  wire::frame_text out;
  write_effect(hearth::client::refused{0, {code, why}}, out);
  return std::move(out.text);
}

/// A sentence for a client that is not served: a new socket has room for it.
void listener::say(int socket, ec code, const std::string& why) const {
  const auto text = config_.last_words(code, why);
  // A client that does not even take this learns from the end of the connection.
  [[maybe_unused]] auto sent = ::send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

listener::listener(work_loop& loop, int socket, config config)
  : loop_(loop), socket_(socket), config_(std::move(config)), spare_(spare_descriptor()),
    observer_(loop.port(), socket, kj::UnixEventPort::FdObserver::OBSERVE_READ),
    hook_(loop.reading(), [this] { accept(); }) {
  hook_.arm(); // who came before we observed
}

void listener::await_clients() {
  readable_ = observer_.whenBecomesReadable().then([this] { hook_.arm(); }).eagerlyEvaluate(nullptr);
}

void listener::accept() {
  for (int i = 0; i < clients_per_turn; ++i)
    if (!accept_one())
      return;
  hook_.arm();
}

/// True: there may be another one now.
bool listener::accept_one() {
  kj::AutoCloseFd socket(::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.get() >= 0) {
    admit(kj::mv(socket));
    return true;
  }
  switch (errno) {
    case EAGAIN:
      await_clients();
      return false;
    case EINTR:
    case ECONNABORTED:
      return true;
    case EMFILE:
    case ENFILE:
      return turn_away();
    default:
      rest(errno);
      return false;
  }
}

void listener::admit(kj::AutoCloseFd socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != config_.user) {
    config_.warn("a process of user " + std::to_string(peer.uid) + " (pid " + std::to_string(peer.pid)
                 + ") tried to connect and was refused");
    say(socket, ec::not_permitted,
        "This node serves user " + std::to_string(config_.user) + " alone; you are user " + std::to_string(peer.uid)
          + ".");
    return;
  }
  if (*clients_ >= config_.clients_max) {
    config_.warn("pid " + std::to_string(peer.pid) + " was turned away: " + std::to_string(*clients_)
                 + " clients are connected");
    say(socket, ec::queue_full,
        "The node serves " + std::to_string(config_.clients_max)
          + " connections already, its limit; end some clients and try again.");
    return;
  }
  ++*clients_;
  std::shared_ptr<void> place(clients_.get(), [count = clients_](void*) { --*count; });
  config_.on_client({kj::mv(socket), peer.pid, std::move(place)});
}

/// Without a free descriptor: one client is told so and closed. True: there may be another one now.
bool listener::turn_away() {
  const bool had_spare = spare_.get() >= 0;
  spare_ = nullptr;
  kj::AutoCloseFd socket(::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const int error = errno;
  const bool is_there = socket.get() >= 0;
  if (is_there) {
    config_.warn("a client was turned away: the node has no free file descriptor (see `ulimit -n`)");
    say(socket, ec::queue_full,
        "The node has no free file descriptor for another connection; end some clients and try "
        "again, or start it with a higher limit (`ulimit -n`).");
  }
  socket = nullptr;
  spare_ = spare_descriptor();
  if (is_there && spare_.get() >= 0)
    return true;
  if (!is_there && had_spare && error == EAGAIN)
    await_clients(); // the system asks for a descriptor before it looks whether anybody is there
  else
    rest(is_there ? EMFILE : error);
  return false;
}

void listener::rest(int error) {
  config_.warn("clients cannot be accepted for now: " + std::generic_category().message(error));
  pause_ = loop_.after(defaults::accept_pause, [this] { hook_.arm(); });
}

} // namespace hearth::node
