#include "tools/cli/tls.hpp"

#include "core/defaults.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace hearth::cli {

namespace {

using std::chrono::milliseconds;

template <auto Free>
struct free_with {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using bio_ptr = std::unique_ptr<BIO, free_with<BIO_free>>;
using certificate_ptr = std::unique_ptr<X509, free_with<X509_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, free_with<SSL_CTX_free>>;
using tls_ptr = std::unique_ptr<SSL, free_with<SSL_free>>;

constexpr char client_kind = 4; // the first byte of a connection of this kind
constexpr int chain_depth_max = 1;

std::string reason_of_tls() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason ? reason : "it speaks no TLS 1.3";
}

[[noreturn]] void fail_tls(const std::string& what) { throw channel_failure{what + ": " + reason_of_tls()}; }

context_ptr new_context() {
  context_ptr context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1)
    fail_tls("TLS cannot be used");
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF); // frames know where they end
  SSL_CTX_set_verify_depth(context.get(), chain_depth_max);
  return context;
}

/// Trusts this authority alone.
context_ptr context_of(const std::string& authority) {
  auto context = new_context();
  const bio_ptr text(BIO_new_mem_buf(authority.data(), static_cast<int>(authority.size())));
  const certificate_ptr certificate(text ? PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!certificate || X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate.get()) != 1)
    fail_tls("the certificate that the login keeps cannot be used");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

/// Its bytes pass through memory, so that writing to a peer that is gone is an error and no signal.
class tls_channel final : public channel {
public:
  tls_channel(file_descriptor socket, context_ptr context, const std::string& node)
    : socket_(std::move(socket)), context_(std::move(context)), tls_(SSL_new(context_.get())) {
    auto* in = BIO_new(BIO_s_mem());
    auto* out = BIO_new(BIO_s_mem());
    if (!tls_ || !in || !out)
      fail_tls("TLS cannot be used");
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(tls_.get(), in, out);
    SSL_set_connect_state(tls_.get());
    SSL_set_hostflags(tls_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (!node.empty() && SSL_set1_host(tls_.get(), node.c_str()) != 1)
      fail_tls("TLS cannot be used");
    send_raw({&client_kind, 1});
    shake_hands();
  }

  void set_patience(milliseconds patience) override { cli::set_patience(socket_.get(), patience); }

  void send(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::size_t taken = 0;
      ERR_clear_error();
      if (SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &taken) != 1)
        fail_tls("TLS");
      bytes.remove_prefix(taken);
      flush();
    }
  }

  std::size_t receive(char* into, std::size_t size) override {
    for (;;) {
      std::size_t taken = 0;
      ERR_clear_error();
      const int result = SSL_read_ex(tls_.get(), into, size, &taken);
      if (result == 1)
        return taken;
      if (SSL_get_error(tls_.get(), result) == SSL_ERROR_ZERO_RETURN)
        return 0;
      if (SSL_get_error(tls_.get(), result) != SSL_ERROR_WANT_READ)
        fail_tls("TLS");
      if (!fill())
        return 0;
    }
  }

  pid_t peer() const override { return 0; }

  SSL& native() const noexcept { return *tls_; }

private:
  void shake_hands() {
    for (;;) {
      ERR_clear_error();
      const int result = SSL_do_handshake(tls_.get());
      const int error = SSL_get_error(tls_.get(), result);
      flush();
      if (result == 1)
        return;
      if (error != SSL_ERROR_WANT_READ) {
        const auto verdict = SSL_get_verify_result(tls_.get());
        if (verdict == X509_V_OK)
          fail_tls("it is no node of a cluster");
        ERR_clear_error();
        throw channel_failure{std::string("it is not the node that it should be: ")
                              + X509_verify_cert_error_string(verdict)};
      }
      if (!fill())
        throw channel_failure{"it closed the connection in the handshake"};
    }
  }

  void flush() {
    char* data = nullptr;
    auto* out = SSL_get_wbio(tls_.get());
    const auto size = BIO_get_mem_data(out, &data);
    if (size > 0)
      send_raw({data, static_cast<std::size_t>(size)});
    static_cast<void>(BIO_reset(out));
  }

  void send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN)
        throw channel_failure{"the node does not answer in time"};
      if (n < 0 && errno != EINTR)
        throw channel_failure{reason_of(errno)};
      bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
  }

  /// False at the end of the stream.
  bool fill() {
    std::array<char, 64 * defaults::kib> part; // filled by recv
    ssize_t n = 0;
    do
      n = ::recv(socket_.get(), part.data(), part.size(), 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
      throw channel_failure{"the node does not answer in time"};
    if (n < 0)
      throw channel_failure{reason_of(errno)};
    if (n > 0 && BIO_write(SSL_get_rbio(tls_.get()), part.data(), static_cast<int>(n)) != n)
      fail_tls("there is no memory");
    return n > 0;
  }

  file_descriptor socket_;
  context_ptr context_;
  tls_ptr tls_;
};

/// The first message of a connection: length, zeros, the token, zeros up to 8 bytes.
std::string token_frame(const std::string& secret) {
  constexpr std::size_t word = 8;
  std::string frame(word, '\0');
  const auto length = static_cast<std::uint32_t>(secret.size());
  for (std::size_t i = 0; i < sizeof length; ++i)
    frame[i] = static_cast<char>(length >> (8 * i) & 0xff);
  frame += secret;
  frame.append((word - secret.size() % word) % word, '\0');
  return frame;
}

std::string fingerprint_of(X509& certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(&certificate, EVP_sha256(), digest.data(), &size) != 1)
    fail_tls("a certificate has no digest");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string pem_of(X509& certificate) {
  const bio_ptr memory(BIO_new(BIO_s_mem()));
  if (!memory || PEM_write_bio_X509(memory.get(), &certificate) != 1)
    fail_tls("a certificate cannot be written");
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

} // namespace

std::unique_ptr<channel> open_remote(const node_address& where, milliseconds patience) {
  std::string why;
  auto socket = connect_tcp(where.where, patience, why);
  if (!socket)
    throw connection_lost(exit_status::failed, "The node at " + where.where + " is not reached: " + why + ".");
  try {
    cli::set_patience(socket.get(), patience);
    auto made = std::make_unique<tls_channel>(std::move(socket), context_of(where.shows->authority), where.node);
    made->send(token_frame(where.shows->secret));
    return made;
  } catch (const channel_failure& failure) {
    throw connection_lost(exit_status::failed, "The node at " + where.where + " is not used: " + failure.why + ".");
  }
}

std::string authority_at(const std::string& address, std::string_view fingerprint, milliseconds patience) {
  std::string why;
  auto socket = connect_tcp(address, patience, why);
  if (!socket)
    throw command_error(exit_status::no_node, "The node at " + address + " is not reached: " + why
                                                + ". Check the address, and that its port is open to this machine.");
  try {
    cli::set_patience(socket.get(), patience);
    const tls_channel link(std::move(socket), new_context(), {});
    auto* chain = SSL_get_peer_cert_chain(&link.native());
    for (int i = 0; i < sk_X509_num(chain); ++i)
      if (auto* certificate = sk_X509_value(chain, i); fingerprint_of(*certificate) == fingerprint)
        return pem_of(*certificate);
  } catch (const channel_failure& failure) {
    throw command_error(exit_status::failed, "What answers at " + address + " is no node of a cluster: " + failure.why
                                               + ". Check the address and its port.");
  }
  throw command_error(exit_status::failed,
                      "The node at " + address
                        + " belongs to another cluster than the token, so nothing was sent to it. Check "
                          "the address, or ask for a token of that cluster.");
}

} // namespace hearth::cli
