#include "node/link/arrival.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hearth::node {

arrival::arrival(work_loop& loop, kj::AutoCloseFd socket, std::string address, const gate_contexts& contexts,
                 std::optional<link_kind> kind, owner& owner)
  : loop_(loop), owner_(owner), contexts_(contexts), socket_(kj::mv(socket)), address_(std::move(address)),
    deadline_(loop.timers(), [this] { fail("did not finish its handshake in time"); }), kind_(kind), says_kind_(!kind) {
  watch_.emplace(loop_, socket_.get(), [this] { go_on(); });
  deadline_.set(defaults::link_handshake_timeout);
  watch_->call_soon(); // for what is there already
}

/// Each step returns false when it waits, or when it was the last.
void arrival::go_on() {
  if (stage_ == stage::kind && !take_kind())
    return;
  if (stage_ == stage::handshake && !shake_hands())
    return;
  if (stage_ == stage::token && !take_token())
    return;
  finish();
}

bool arrival::fail(const std::string& why) {
  watch_.reset();
  owner_.on_failed(*this, why); // may destroy us
  return false;
}

void arrival::await(tls_channel::step step) {
  if (step == tls_channel::step::wants_write)
    watch_->await_writable();
  else
    watch_->await_readable();
}

bool arrival::take_kind() {
  char byte = 0;
  ssize_t n = 0;
  do
    n = ::recv(socket_, &byte, 1, says_kind_ ? MSG_DONTWAIT : MSG_DONTWAIT | MSG_PEEK);
  while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    watch_->await_readable();
    return false;
  }
  if (n <= 0)
    return fail(n == 0 ? std::string{} : std::string("broke off: ") + std::strerror(errno));
  if (says_kind_)
    kind_ = link_kind_of(byte);
  if (!kind_)
    return fail("sent what no connection of a cluster begins with");
  try {
    tls_ = std::make_unique<tls_channel>(channel_of(*kind_) ? contexts_.members : contexts_.guests, socket_.get(),
                                         tls_channel::side::accepting);
  } catch (const std::exception& e) {
    return fail(std::string("cannot be served: ") + e.what());
  }
  stage_ = stage::handshake;
  return true;
}

bool arrival::shake_hands() {
  const auto step = tls_->shake_hands();
  if (step == tls_channel::step::failed)
    return fail("was refused in the handshake (" + std::string(name(*kind_)) + "): " + tls_->fault());
  if (step != tls_channel::step::done) {
    await(step);
    return false;
  }
  stage_ = stage::token;
  return true;
}

/// Reads exactly the first frame: what follows belongs to whoever serves the connection.
bool arrival::take_token() {
  if (channel_of(*kind_) || !says_kind_)
    return true;
  if (!has_prefix_) {
    if (!receive(prefix_.data(), prefix_.size()))
      return false;
    const auto length = link_frame_length(prefix_.data(), defaults::link_token_bytes_max);
    if (!length || *length == 0)
      return fail("showed no token");
    has_prefix_ = true;
    filled_ = 0;
    length_ = *length;
    token_.assign(length_, 0);
    append_link_padding(length_, token_);
  }
  if (!receive(token_.data(), token_.size()))
    return false;
  token_.resize(length_);
  return true;
}

bool arrival::receive(char* into, std::size_t goal) {
  while (filled_ < goal) {
    const iovec part{into + filled_, goal - filled_};
    const auto n = tls_->receive({&part, 1}, true);
    if (n < 0 && errno == EAGAIN) {
      watch_->await_readable();
      return false;
    }
    if (n <= 0)
      return fail(n == 0 ? "showed no token" : "broke off: " + tls_->describe(errno));
    filled_ += static_cast<std::size_t>(n);
  }
  return true;
}

void arrival::finish() {
  watch_.reset();
  deadline_.cancel();
  arrived done;
  if (channel_of(*kind_)) {
    done.peer = tls_->peer();
    if (!done.peer)
      return void(fail("showed a certificate that is not a node's"));
  }
  done.socket = kj::mv(socket_);
  done.tls = std::move(tls_);
  done.kind = *kind_;
  done.token = std::move(token_);
  done.address = address_;
  owner_.on_arrived(*this, std::move(done)); // may destroy us
}

} // namespace hearth::node
