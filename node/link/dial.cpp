#include "node/link/dial.hpp"

#include "core/defaults.hpp"

#include <kj/exception.h>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hearth::node {

dial::dial(work_loop& loop, request request, std::function<void(outcome)> done)
  : loop_(loop), request_(std::move(request)), done_(std::move(done)), begin_(loop.reading(), [this] { look_up(); }),
    deadline_(loop.timers(), [this] { fail("did not answer in time"); }) {
  deadline_.set(defaults::link_handshake_timeout);
  begin_.arm();
}

void dial::look_up() {
  if (const auto address = numeric_address(request_.address))
    return connect(*address);
  const auto text = to_string(request_.address);
  looking_up_ = loop_.network()
                  .parseAddress(kj::StringPtr(text.c_str()))
                  .then([this](kj::Own<kj::NetworkAddress> found) {
                    const std::string all = found->toString().cStr();
                    const auto first = parse_link_address(all.substr(0, all.find(',')));
                    if (const auto address = first ? numeric_address(*first) : std::nullopt)
                      connect(*address);
                    else
                      fail("has an address that means nothing here (" + all + ")");
                  })
                  .eagerlyEvaluate([this](kj::Exception&& e) {
                    fail("has an address that nobody knows: " + std::string(e.getDescription().cStr()));
                  });
}

void dial::connect(const socket_address& to) {
  auto socket = begin_connect(to);
  if (!socket)
    return fail(std::string("cannot be reached: ") + std::strerror(errno), errno == ECONNREFUSED);
  socket_ = kj::mv(*socket);
  watch_.emplace(loop_, socket_.get(), [this] { go_on(); });
  watch_->call_soon();
}

void dial::go_on() {
  if (!is_connected_ && !await_connection())
    return;
  if (!request_.on)
    return finish();
  if (has_shaken_hands_)
    return await_verdict();
  shake_hands();
}

bool dial::await_connection() {
  pollfd state{socket_.get(), POLLOUT, 0};
  if (::poll(&state, 1, 0) == 0) {
    watch_->await_writable();
    return false;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    error = errno;
  if (error != 0) {
    fail(std::string("cannot be reached: ") + std::strerror(error), error == ECONNREFUSED);
    return false;
  }
  is_connected_ = true;
  if (!request_.on)
    return true;
  const char kind = static_cast<char>(kind_of(*request_.on));
  if (::send(socket_, &kind, 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1) {
    fail(std::string("broke off: ") + std::strerror(errno));
    return false;
  }
  try {
    tls_ = std::make_unique<tls_channel>(request_.context, socket_.get(), tls_channel::side::dialing,
                                         to_string(request_.peer));
  } catch (const std::exception& e) {
    fail(std::string("cannot be spoken to: ") + e.what());
    return false;
  }
  return true;
}

void dial::shake_hands() {
  switch (tls_->shake_hands()) {
    case tls_channel::step::done:
      has_shaken_hands_ = true;
      return request_.awaits_verdict ? await_verdict() : finish();
    case tls_channel::step::wants_read:
      return watch_->await_readable();
    case tls_channel::step::wants_write:
      return watch_->await_writable();
    case tls_channel::step::failed:
      return fail("failed in the handshake: " + tls_->fault());
  }
}

/// It has shown who it is; what it thinks of our certificate comes after that.
void dial::await_verdict() {
  char byte = 0;
  const iovec part{&byte, 1};
  const auto n = tls_->receive({&part, 1}, true);
  if (n < 0 && errno == EAGAIN)
    return watch_->await_readable();
  if (n > 0)
    return finish();
  watch_.reset();
  auto done = std::exchange(done_, nullptr);
  done(unreached{"hung up", false, tls_->is_revoked()}); // may destroy us
}

void dial::fail(const std::string& why, bool is_refused) {
  watch_.reset();
  auto done = std::exchange(done_, nullptr);
  if (done)
    done(unreached{why, is_refused, false}); // may destroy us
}

void dial::finish() {
  watch_.reset();
  deadline_.cancel();
  connected made;
  if (tls_)
    made.peer = tls_->peer();
  made.socket = kj::mv(socket_);
  made.tls = std::move(tls_);
  auto done = std::exchange(done_, nullptr);
  done(std::move(made)); // may destroy us
}

} // namespace hearth::node
