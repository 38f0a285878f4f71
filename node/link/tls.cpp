#include "node/link/tls.hpp"

#include "core/defaults.hpp"

#include <openssl/err.h>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace hearth::node {

namespace {

constexpr int peers_show_themselves = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
constexpr int chain_depth_max = 1; // the authority and what it signed

std::size_t size_of(std::span<const iovec> parts) {
  std::size_t size = 0;
  for (const auto& part : parts)
    size += part.iov_len;
  return size;
}

/// Verifies what a server presented against this authority alone.
bool is_signed_by(X509& authority, X509_STORE_CTX& presented) {
  certificate_store_ptr store(X509_STORE_new());
  store_context_ptr context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_add_cert(store.get(), &authority) != 1
      || X509_STORE_CTX_init(context.get(), store.get(), X509_STORE_CTX_get0_cert(&presented), nullptr) != 1
      || X509_STORE_CTX_set_default(context.get(), "ssl_server") != 1)
    return false;
  X509_STORE_CTX_set_depth(context.get(), chain_depth_max);
  return X509_verify_cert(context.get()) == 1;
}

/// RFC 7301: a client that does not speak HTTP/1.1 is told in the handshake.
int choose_http(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                unsigned offered_size, void*) {
  constexpr std::string_view http = "http/1.1";
  for (unsigned at = 0; at < offered_size; at += 1U + offered[at])
    if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), offered[at]) == http) {
      *chosen = offered + at + 1;
      *size = offered[at];
      return SSL_TLSEXT_ERR_OK;
    }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

X509* find_pinned(STACK_OF(X509) * chain, const std::string& pinned) {
  for (int i = 0; i < sk_X509_num(chain); ++i)
    if (auto* certificate = sk_X509_value(chain, i); fingerprint(*certificate) == pinned)
      return certificate;
  return nullptr;
}

} // namespace

// -- contexts ----

tls_context::tls_context(const SSL_METHOD* method) : context_(SSL_CTX_new(method)) {
  require(context_ != nullptr, "TLS cannot be used");
  auto* context = context_.get();
  require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1
            && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1,
          "TLS 1.3 cannot be used");
  // Nothing is sent to a peer that was not judged: neither tickets nor early data. The end of the connection without a
  // farewell is an end as any other: frames know where they end.
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  require(SSL_CTX_set_num_tickets(context, 0) == 1, "TLS cannot be used");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, defaults::tls_read_bytes);
  SSL_CTX_set_verify_depth(context, chain_depth_max);
}

void tls_context::trust(X509& authority) {
  require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), &authority) == 1,
          "the authority's certificate cannot be used");
}

void tls_context::show(const credentials& own) {
  const auto certificate = certificate_from_pem(own.certificate);
  const auto key = key_from_pem(own.key);
  require(SSL_CTX_use_certificate(context_.get(), certificate.get()) == 1
            && SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1 && SSL_CTX_check_private_key(context_.get()) == 1,
          "the node's certificate cannot be used");
}

std::shared_ptr<const tls_context> tls_context::of_member_accepting(const credentials& own,
                                                                    std::function<bool(node_uuid)> is_removed) {
  std::shared_ptr<tls_context> made(new tls_context(TLS_server_method()));
  const auto authority = certificate_from_pem(own.authority);
  made->trust(*authority);
  made->show(own);
  made->is_removed_ = std::move(is_removed);
  SSL_CTX_set_app_data(made->context_.get(), made.get());
  SSL_CTX_set_verify(made->context_.get(), peers_show_themselves, verify_member);
  require(SSL_CTX_add_client_CA(made->context_.get(), authority.get()) == 1, "the authority cannot be named");
  return made;
}

std::shared_ptr<const tls_context> tls_context::of_member_dialing(const credentials& own) {
  std::shared_ptr<tls_context> made(new tls_context(TLS_client_method()));
  made->trust(*certificate_from_pem(own.authority));
  made->show(own);
  SSL_CTX_set_verify(made->context_.get(), SSL_VERIFY_PEER, nullptr);
  return made;
}

std::shared_ptr<const tls_context> tls_context::for_guests(const credentials& own) {
  std::shared_ptr<tls_context> made(new tls_context(TLS_server_method()));
  made->show(own);
  require(SSL_CTX_add1_chain_cert(made->context_.get(), certificate_from_pem(own.authority).get()) == 1,
          "the authority's certificate cannot be shown");
  SSL_CTX_set_verify(made->context_.get(), SSL_VERIFY_NONE, nullptr);
  return made;
}

std::shared_ptr<const tls_context> tls_context::for_http(const std::filesystem::path& certificate,
                                                         const std::filesystem::path& key) {
  std::shared_ptr<tls_context> made(new tls_context(TLS_server_method()));
  auto* context = made->context_.get();
  require(SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) == 1,
          (certificate.string() + " holds no certificate in PEM that can be used").c_str());
  require(SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1
            && SSL_CTX_check_private_key(context) == 1,
          (key.string() + " does not hold, in PEM, the key of the certificate in " + certificate.string()).c_str());
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_alpn_select_cb(context, choose_http, nullptr);
  return made;
}

std::shared_ptr<const tls_context> tls_context::pinned_to(std::string_view fingerprint) {
  std::shared_ptr<tls_context> made(new tls_context(TLS_client_method()));
  made->pinned_ = fingerprint;
  SSL_CTX_set_verify(made->context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(made->context_.get(), verify_pinned, &made->pinned_);
  return made;
}

int tls_context::verify_pinned(X509_STORE_CTX* presented, void* fingerprint) noexcept {
  bool is_good = false;
  try {
    auto* chain = X509_STORE_CTX_get0_untrusted(presented);
    auto* authority = find_pinned(chain, *static_cast<const std::string*>(fingerprint));
    is_good = authority && is_signed_by(*authority, *presented);
  } catch (...) {
    ERR_clear_error(); // without memory nobody is trusted
  }
  X509_STORE_CTX_set_error(presented, is_good ? X509_V_OK : X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
  return is_good ? 1 : 0;
}

/// Called for each certificate of the chain; the last one is the peer's own.
int tls_context::verify_member(int is_good, X509_STORE_CTX* presented) noexcept {
  if (is_good != 1 || X509_STORE_CTX_get_error_depth(presented) != 0)
    return is_good;
  try {
    const auto* tls = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(presented, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto& self = *static_cast<const tls_context*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
    const auto node = parse_node_uuid(
      subject_entry(*X509_get_subject_name(X509_STORE_CTX_get_current_cert(presented)), NID_commonName));
    if (!node || !self.is_removed_ || !self.is_removed_(*node))
      return 1;
    X509_STORE_CTX_set_error(presented, X509_V_ERR_CERT_REVOKED);
  } catch (...) { // without memory nobody is trusted
    X509_STORE_CTX_set_error(presented, X509_V_ERR_OUT_OF_MEM);
  }
  return 0;
}

// -- the socket under it ----

BIO_METHOD* tls_channel::socket_method() {
  static BIO_METHOD* const method = [] {
    auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a socket and what waits for it");
    require(made && BIO_meth_set_write(made, on_write) == 1 && BIO_meth_set_read(made, on_read) == 1
              && BIO_meth_set_ctrl(made, on_control) == 1,
            "TLS cannot be used");
    return made;
  }();
  return method;
}

int tls_channel::on_write(BIO* bio, const char* data, int size) {
  auto& self = *static_cast<tls_channel*>(BIO_get_data(bio));
  try {
    self.held_.append(data, static_cast<std::size_t>(size));
  } catch (...) {
    return -1; // no memory: this connection's loss alone
  }
  return size;
}

int tls_channel::on_read(BIO* bio, char* data, int size) {
  auto& self = *static_cast<tls_channel*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.was_short_ && !self.end_is_near_) { // spares the system call that would say so
    BIO_set_retry_read(bio);
    return -1;
  }
  ssize_t n = 0;
  do
    n = ::recv(self.socket_, data, static_cast<std::size_t>(size), MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    BIO_set_retry_read(bio);
  self.was_short_ = n < size;
  self.has_ended_ = n == 0;
  return static_cast<int>(n);
}

long tls_channel::on_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return static_cast<tls_channel*>(BIO_get_data(bio))->has_ended_ ? 1 : 0;
    default:
      return 0;
  }
}

// -- the channel ----

tls_channel::tls_channel(std::shared_ptr<const tls_context> context, int socket, side side, const std::string& expected)
  : context_(std::move(context)), socket_(socket), tls_(SSL_new(&context_->native())) {
  require(tls_ != nullptr, "TLS cannot be used");
  auto* bio = BIO_new(socket_method());
  require(bio != nullptr, "TLS cannot be used");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_.get(), bio, bio);
  if (side == side::accepting)
    SSL_set_accept_state(tls_.get());
  else
    SSL_set_connect_state(tls_.get());
  if (!expected.empty()) {
    SSL_set_hostflags(tls_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    require(SSL_set1_host(tls_.get(), expected.c_str()) == 1, "TLS cannot be used");
  }
}

tls_channel::~tls_channel() = default;

tls_channel::step tls_channel::judge(int result) {
  const int error = errno;
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_NONE:
      return step::done;
    case SSL_ERROR_WANT_READ:
      return step::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return step::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      has_ended_ = true;
      return step::failed;
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      fault_ = error == 0 || has_ended_ ? "the connection ended" : std::strerror(error);
      return step::failed;
    default:
      if (const auto verdict = SSL_get_verify_result(tls_.get());
          verdict != X509_V_OK && !SSL_is_init_finished(tls_.get())) {
        ERR_clear_error();
        fault_ = std::string("TLS: its certificate is refused: ") + X509_verify_cert_error_string(verdict);
      } else {
        // Before the handshake anybody may have said so.
        is_revoked_ = has_shaken_hands_ && ERR_GET_REASON(ERR_peek_error()) == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED;
        fault_ = "TLS: " + crypto_reason();
      }
      return step::failed;
  }
}

tls_channel::step tls_channel::shake_hands() {
  ERR_clear_error();
  was_short_ = false;
  auto result = judge(SSL_do_handshake(tls_.get()));
  has_shaken_hands_ = result == step::done;
  if (result == step::failed && fault_.empty())
    fault_ = "the connection ended";
  if (!push() && result != step::failed) {
    if (errno != EAGAIN) {
      fault_ = std::strerror(errno);
      return step::failed;
    }
    return step::wants_write;
  }
  return result;
}

std::optional<peer_identity> tls_channel::peer() const {
  const auto* certificate = SSL_get0_peer_certificate(tls_.get());
  if (!certificate || SSL_get_verify_result(tls_.get()) != X509_V_OK)
    return std::nullopt;
  const auto& subject = *X509_get_subject_name(certificate);
  const auto name = subject_entry(subject, NID_commonName);
  const auto node = parse_node_uuid(name);
  const auto cluster = parse_node_uuid(subject_entry(subject, NID_organizationName));
  if (!node || !cluster
      || X509_check_host(const_cast<X509*>(certificate), name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr)
           != 1)
    return std::nullopt;
  return peer_identity{*node, *cluster};
}

std::string tls_channel::peer_authority() const {
  auto* found = find_pinned(SSL_get_peer_cert_chain(tls_.get()), context_->pinned());
  return found ? to_pem(*found) : std::string{};
}

ssize_t tls_channel::receive(std::span<const iovec> parts, bool end_is_near) {
  if (!fault_.empty()) { // told together with bytes that came before it
    errno = EPROTO;
    return -1;
  }
  ERR_clear_error();
  was_short_ = false;
  end_is_near_ = end_is_near;
  std::size_t total = 0;
  stop_ = step::done;
  for (auto part = parts.begin(); part != parts.end() && stop_ == step::done; ++part) {
    for (std::size_t filled = 0; filled < part->iov_len && stop_ == step::done;) {
      std::size_t n = 0;
      stop_ = judge(SSL_read_ex(tls_.get(), static_cast<char*>(part->iov_base) + filled, part->iov_len - filled, &n));
      filled += n;
      total += n;
    }
  }
  push(); // what TLS itself had to answer; a full socket takes it with the next words
  if (total > 0)
    return static_cast<ssize_t>(total);
  if (stop_ == step::failed && has_ended_ && fault_.empty())
    return 0;
  errno = stop_ == step::failed ? EPROTO : EAGAIN;
  return -1;
}

bool tls_channel::push() {
  while (held_at_ < held_.size()) {
    const auto n = ::send(socket_, held_.data() + held_at_, held_.size() - held_at_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      errno = errno == EWOULDBLOCK ? EAGAIN : errno;
      return false;
    }
    held_at_ += static_cast<std::size_t>(n);
  }
  held_at_ = 0;
  held_.clear();
  if (held_.capacity() > 2 * defaults::write_text_bytes)
    held_.shrink_to_fit(); // a connection that is quiet again holds little
  return true;
}

ssize_t tls_channel::send(std::span<const iovec> parts) {
  if (!push())
    return -1;
  ERR_clear_error();
  std::size_t taken = 0;
  const auto goal = std::min(size_of(parts), defaults::tls_turn_bytes);
  for (auto part = parts.begin(); taken < goal; ++part) {
    const auto size = std::min(part->iov_len, goal - taken);
    std::size_t written = 0;
    if (size > 0 && SSL_write_ex(tls_.get(), part->iov_base, size, &written) != 1) {
      judge(0);
      errno = EPROTO;
      return -1;
    }
    taken += written;
  }
  if (!push() && errno != EAGAIN)
    return -1;
  return static_cast<ssize_t>(taken);
}

std::string tls_channel::describe(int error) const {
  return error == EPROTO && !fault_.empty() ? fault_ : std::strerror(error);
}

} // namespace hearth::node
