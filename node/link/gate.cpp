#include "node/link/gate.hpp"

#include "node/link/tcp.hpp"
#include "node/loop/accepting.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hearth::node {

namespace {

kj::AutoCloseFd accept_from(int socket, socket_address& from) {
  from.size = sizeof from.storage;
  return kj::AutoCloseFd(
    ::accept4(socket, reinterpret_cast<sockaddr*>(&from.storage), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

template <class Counts>
void count_down(Counts& counts, const std::string& origin) {
  const auto found = counts.find(origin);
  if (--found->second == 0)
    counts.erase(found);
}

} // namespace

link_gate::link_gate(work_loop& loop, int socket, config config)
  : loop_(loop), socket_(socket), config_(std::move(config)), complaints_(config_.warn),
    contexts_(std::make_shared<gate_contexts>(config_.contexts)), spare_(spare_descriptor()),
    observer_(loop.port(), socket, kj::UnixEventPort::FdObserver::OBSERVE_READ),
    hook_(loop.reading(), [this] { accept(); }) {
  hook_.arm(); // who came before we observed
}

link_gate::~link_gate() = default;

void link_gate::use(gate_contexts contexts) { contexts_ = std::make_shared<gate_contexts>(std::move(contexts)); }

std::size_t link_gate::guests() const noexcept {
  std::size_t all = 0;
  for (const auto& [origin, count] : *guests_of_)
    all += count;
  return all;
}

// -- at the gate ----

void link_gate::accept() {
  for (int i = 0; i < defaults::link_accepts_per_turn; ++i)
    if (!accept_one())
      return;
  hook_.arm();
}

/// True: there may be another one now.
bool link_gate::accept_one() {
  socket_address from;
  auto socket = accept_from(socket_, from);
  if (socket.get() >= 0) {
    take_in(kj::mv(socket), origin_of(from));
    return true;
  }
  switch (errno) {
    case EAGAIN:
      readable_ = observer_.whenBecomesReadable().then([this] { hook_.arm(); }).eagerlyEvaluate(nullptr);
      return false;
    case EINTR:
    case ECONNABORTED:
    case EPROTO: // what a connection that is waiting had already suffered
    case ENETDOWN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ETIMEDOUT:
      return true;
    case EMFILE:
    case ENFILE:
      return turn_away();
    default:
      rest(errno);
      return false;
  }
}

void link_gate::take_in(kj::AutoCloseFd socket, const std::string& origin) {
  make_link_socket(socket);
  make_room(origin);
  try {
    auto who = std::make_unique<arrival>(loop_, kj::mv(socket), origin, *contexts_, config_.only,
                                         static_cast<arrival::owner&>(*this));
    strangers_.push_back({contexts_, std::move(who)});
    ++strangers_of_[origin];
  } catch (const kj::Exception& e) {
    complaints_.note(origin, "cannot be served: " + std::string(e.getDescription().cStr()));
  }
}

void link_gate::make_room(const std::string& origin) {
  const auto of_origin = strangers_of_.find(origin);
  auto leaves = strangers_.end();
  if (of_origin != strangers_of_.end() && of_origin->second >= config_.strangers_per_address_max)
    leaves = std::find_if(strangers_.begin(), strangers_.end(),
                          [&](const stranger& s) { return s.who->address() == origin; });
  else if (strangers_.size() >= config_.strangers_max)
    leaves = strangers_.begin();
  if (leaves == strangers_.end())
    return;
  complaints_.note(leaves->who->address(), "was closed before its handshake was done, to make room for others");
  forget(leaves);
}

link_gate::stranger_list::iterator link_gate::find(const arrival& who) {
  return std::find_if(strangers_.begin(), strangers_.end(), [&](const stranger& s) { return s.who.get() == &who; });
}

void link_gate::forget(stranger_list::iterator who) {
  count_down(strangers_of_, who->who->address());
  strangers_.erase(who);
}

bool link_gate::turn_away() {
  const bool had_spare = spare_.get() >= 0;
  spare_ = nullptr;
  socket_address from;
  auto socket = accept_from(socket_, from);
  const int error = errno;
  const bool is_there = socket.get() >= 0;
  if (is_there)
    complaints_.note(origin_of(from), "was turned away: the node has no free file descriptor (see `ulimit -n`)");
  socket = nullptr;
  spare_ = spare_descriptor();
  if (is_there && spare_.get() >= 0)
    return true;
  if (!is_there && had_spare && error == EAGAIN) // the system asks for a descriptor before it looks for a connection
    readable_ = observer_.whenBecomesReadable().then([this] { hook_.arm(); }).eagerlyEvaluate(nullptr);
  else
    rest(is_there ? EMFILE : error);
  return false;
}

void link_gate::rest(int error) {
  complaints_.note("the link", "cannot take connections for now: " + std::generic_category().message(error));
  pause_ = loop_.after(defaults::accept_pause, [this] { hook_.arm(); });
}

// -- who has shown what it is ----

void link_gate::on_failed(arrival& who, const std::string& why) {
  if (why.empty())
    ++silent_;
  else
    complaints_.note(who.address(), why);
  forget(find(who));
}

void link_gate::on_arrived(arrival& who, arrived connection) {
  forget(find(who));
  if (channel_of(connection.kind))
    admit_peer(std::move(connection));
  else
    admit_guest(std::move(connection));
}

void link_gate::admit_peer(arrived connection) {
  const auto peer = *connection.peer;
  if (peer.cluster != config_.cluster)
    return complaints_.note(connection.address, "showed a certificate of the cluster " + to_string(peer.cluster));
  if (!config_.is_member(peer.node))
    return complaints_.note(to_string(peer.node), "was refused: it is no member of the cluster, or no longer");
  config_.on_peer(std::move(connection));
}

void link_gate::admit_guest(arrived connection) {
  const bool joins = connection.kind == link_kind::join;
  auto& serve = joins ? config_.on_join : config_.on_client;
  if (!serve)
    return complaints_.note(connection.address, "was refused: this node takes no such connection ("
                                                  + std::string(name(connection.kind)) + ')');
  const auto origin = connection.address;
  if (guests() >= config_.guests_max || (*guests_of_)[origin] >= config_.guests_per_address_max) {
    if ((*guests_of_)[origin] == 0)
      guests_of_->erase(origin);
    complaints_.note(origin, "was turned away: too many clients are connected");
    if (!joins)
      serve(std::move(connection)); // it is told so
    return;
  }
  ++(*guests_of_)[origin];
  connection.place = std::shared_ptr<void>(guests_of_.get(),
                                           [counts = guests_of_, origin](void*) { count_down(*counts, origin); });
  serve(std::move(connection));
}

} // namespace hearth::node
