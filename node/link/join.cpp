#include "node/link/join.hpp"

#include "core/defaults.hpp"
#include "node/link/tcp.hpp"
#include "node/link/tls.hpp"
#include "node/start_error.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace hearth::node {

namespace {

using steady = std::chrono::steady_clock;

/// A connection of a command: waits for everything, until its deadline.
class blocking_link {
public:
  blocking_link(const join_token& token, steady::time_point deadline) : where_(token.address), deadline_(deadline) {
    connect(resolve());
    const char kind = static_cast<char>(link_kind::join);
    if (::send(socket_, &kind, 1, MSG_NOSIGNAL) != 1)
      fail(std::string("broke off: ") + std::strerror(errno));
    tls_ = std::make_unique<tls_channel>(tls_context::pinned_to(token.fingerprint), socket_.get(),
                                         tls_channel::side::dialing);
    for (auto step = tls_->shake_hands(); step != tls_channel::step::done; step = tls_->shake_hands()) {
      if (step == tls_channel::step::failed)
        fail("is not the cluster that the token names, or no node of it: " + tls_->fault());
      wait(step == tls_channel::step::wants_write ? POLLOUT : POLLIN);
    }
  }

  std::string authority() const { return tls_->peer_authority(); }

  void send(std::string_view content) {
    const auto frame = link_frame(content);
    std::string_view rest = frame;
    while (!rest.empty() || tls_->bytes_held() > 0) {
      const iovec part{const_cast<char*>(rest.data()), rest.size()};
      const auto n = tls_->send({&part, 1});
      if (n < 0 && errno != EAGAIN)
        fail("broke off: " + tls_->describe(errno));
      rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
      if (n < 0 || tls_->is_blocked())
        wait(POLLOUT);
    }
  }

  join_answer receive() {
    constexpr auto bytes_max = defaults::cluster_file_bytes_max + defaults::identity_file_bytes_max;
    std::string prefix(link_prefix_bytes, 0);
    fill(prefix);
    const auto length = link_frame_length(prefix.data(), bytes_max);
    if (!length)
      fail("answered with something else");
    std::string content(*length + (8 - *length % 8) % 8, 0);
    fill(content);
    auto answer = parse_join_answer(std::string_view(content).substr(0, *length));
    if (!answer)
      fail("answered with something else");
    if (!answer->refusal.empty())
      throw start_error("The node at " + where_ + " refuses: " + answer->refusal);
    return std::move(*answer);
  }

private:
  [[noreturn]] void fail(const std::string& what) {
    throw start_error("The cluster cannot be joined: the node at " + where_ + ' ' + what
                      + ". Check that it runs and that this machine reaches it; then make a new token there.");
  }

  void wait(short events) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - steady::now()).count();
    pollfd state{socket_.get(), events, 0};
    const int ready = left > 0 ? ::poll(&state, 1, static_cast<int>(left)) : 0;
    if (ready == 0)
      fail("did not answer in time");
    if (ready < 0 && errno != EINTR)
      fail(std::string("cannot be waited for: ") + std::strerror(errno));
  }

  void fill(std::string& into) {
    for (std::size_t filled = 0; filled < into.size();) {
      const iovec part{into.data() + filled, into.size() - filled};
      const auto n = tls_->receive({&part, 1}, true);
      if (n == 0)
        fail("closed the connection");
      if (n < 0 && errno != EAGAIN)
        fail("broke off: " + tls_->describe(errno));
      if (n < 0)
        wait(POLLIN);
      else
        filled += static_cast<std::size_t>(n);
    }
  }

  socket_address resolve() {
    const auto named = parse_link_address(where_);
    if (!named)
      fail("has no address of the form host:port");
    if (const auto numeric = numeric_address(*named))
      return *numeric;
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(named->host.c_str(), std::to_string(named->port).c_str(), &wanted, &found);
    if (error != 0)
      fail(std::string("has a name that nobody knows: ") + ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, ::freeaddrinfo);
    socket_address address;
    std::memcpy(&address.storage, all->ai_addr, all->ai_addrlen);
    address.size = all->ai_addrlen;
    return address;
  }

  void connect(const socket_address& to) {
    auto socket = begin_connect(to);
    if (!socket)
      fail(std::string("cannot be reached: ") + std::strerror(errno));
    socket_ = kj::mv(*socket);
    wait(POLLOUT);
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
      fail(std::string("cannot be reached: ") + std::strerror(error != 0 ? error : errno));
  }

  std::string where_;
  steady::time_point deadline_;
  kj::AutoCloseFd socket_;
  std::unique_ptr<tls_channel> tls_;
};

} // namespace

cluster_file join_cluster(const join_token& token, node_uuid node, const std::string& name, const link_address& listen,
                          const std::filesystem::path& directory, std::chrono::milliseconds patience) {
  try {
    const auto asked = make_key_request(node);
    blocking_link link(token, steady::now() + patience);
    link.send(token.secret);
    link.receive(); // the token is good
    link.send(encode(join_request{asked.request, name, to_string(listen)}));
    const auto answer = link.receive();
    const credentials own{link.authority(), answer.certificate, asked.key};
    check_credentials(own, node);
    auto file = cluster_file_from_toml(answer.cluster);
    if (file.node != node)
      throw std::invalid_argument("is for another node");
    write_credentials(directory, own);
    write_cluster_file(directory, file);
    return file;
  } catch (const crypto_error& e) {
    throw start_error("The cluster cannot be joined: " + std::string(e.what()) + '.');
  } catch (const std::invalid_argument& e) {
    throw start_error("The cluster cannot be joined: what the node at " + token.address + " sent as cluster file "
                      + e.what() + '.');
  }
}

join_answer welcome(const authority& authority, const join_request& request, const cluster_file& own) {
  constexpr std::size_t name_bytes_max = 63; // of a host name's part
  const auto listen = parse_link_address(request.listen);
  if (!listen)
    return {"The new node has no address of the form host:port at which others reach it; name one.", {}, {}};
  if (request.name.empty() || request.name.size() > name_bytes_max)
    return {"The new node needs a name of at most 63 characters.", {}, {}};
  try {
    const auto node = requested_node(request.request);
    cluster_file file{own.cluster, own.cluster_name, node, request.name, *listen, own.voters, {}};
    file.peers.push_back({own.node, own.name, own.listen});
    for (const auto& peer : own.peers)
      if (peer.node != node)
        file.peers.push_back(peer);
    return {{}, authority.sign(request.request, node, request.name, defaults::certificate_validity), to_toml(file)};
  } catch (const crypto_error& e) {
    return {"The certificate request " + std::string(e.what()) + ".", {}, {}};
  }
}

} // namespace hearth::node
