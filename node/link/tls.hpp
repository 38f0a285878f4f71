#pragma once

#include "node/identity/authority.hpp"
#include "node/identity/openssl.hpp"
#include "node/loop/byte_channel.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::node {

/// What one side of a TLS connection shows and whom it trusts. TLS 1.3 alone, no tickets and no early data, nothing of the
/// system's trust store. Made at the start of a node; serves many connections, also of several threads.
class tls_context {
public:
  /// Between nodes: both sides show a certificate of the cluster's authority. Throw crypto_error. A node of which `is_removed`
  /// says so is told in the handshake that its certificate is revoked; asked on the thread of the connection.
  static std::shared_ptr<const tls_context> of_member_accepting(const credentials& own,
                                                                std::function<bool(node_uuid)> is_removed = {});
  static std::shared_ptr<const tls_context> of_member_dialing(const credentials& own);

  /// For who has no certificate: shows the node's and its authority's, asks for none.
  static std::shared_ptr<const tls_context> for_guests(const credentials& own);

  /// For HTTP: shows the chain in the file `certificate`, asks for none, and speaks HTTP/1.1 to who asks what it speaks (ALPN).
  /// Throws crypto_error, in words that follow the name of a file.
  static std::shared_ptr<const tls_context> for_http(const std::filesystem::path& certificate,
                                                     const std::filesystem::path& key);

  /// Trusts the authority alone whose certificate has this SHA-256 (32 bytes); the server sends it along.
  static std::shared_ptr<const tls_context> pinned_to(std::string_view fingerprint);

  SSL_CTX& native() const noexcept { return *context_; }
  const std::string& pinned() const noexcept { return pinned_; }

private:
  explicit tls_context(const SSL_METHOD* method);
  void trust(X509& authority);
  void show(const credentials& own);

  static int verify_pinned(X509_STORE_CTX* presented, void* fingerprint) noexcept;
  static int verify_member(int is_good, X509_STORE_CTX* presented) noexcept;

  tls_context_ptr context_;
  std::string pinned_;
  std::function<bool(node_uuid)> is_removed_;
};

/// Whom the certificate of a verified peer names.
struct peer_identity {
  node_uuid node;
  node_uuid cluster;
};

/// TLS over a connected socket that does not block. What is written in one go is encrypted together and leaves in one system
/// call. Belongs to one thread at a time.
class tls_channel final : public byte_channel {
public:
  enum class side : std::uint8_t { accepting, dialing };
  enum class step : std::uint8_t { done, wants_read, wants_write, failed };

  /// `expected`: the DNS name that the peer's certificate must have, empty for any. Does not own `socket`. Throws
  /// crypto_error.
  tls_channel(std::shared_ptr<const tls_context> context, int socket, side side, const std::string& expected = {});
  ~tls_channel() override;
  tls_channel(const tls_channel&) = delete;
  tls_channel& operator=(const tls_channel&) = delete;

  /// Goes on with the handshake as far as the socket lets it. Nothing else may be called before it is done.
  step shake_hands();

  /// Why the handshake or the connection failed.
  const std::string& fault() const noexcept { return fault_; }

  /// The peer has said, once it had shown who it is, that our certificate is revoked.
  bool is_revoked() const noexcept { return is_revoked_; }

  /// Of a peer that showed a certificate: nothing when it is not that of a node.
  std::optional<peer_identity> peer() const;

  /// The authority's certificate (PEM) that a server sent and pinned_to() trusts.
  std::string peer_authority() const;

  ssize_t receive(std::span<const iovec> parts, bool end_is_near) override;
  bool is_drained() const override { return stop_ == step::wants_read; }
  ssize_t send(std::span<const iovec> parts) override;
  bool is_blocked() const override { return held_at_ < held_.size(); }
  std::size_t bytes_held() const override { return held_.size() - held_at_; }
  std::size_t turn_bytes() const override { return defaults::tls_turn_bytes; }
  std::string describe(int error) const override;

private:
  static BIO_METHOD* socket_method();
  static int on_write(BIO* bio, const char* data, int size);
  static int on_read(BIO* bio, char* data, int size);
  static long on_control(BIO* bio, int command, long, void*);

  step judge(int result);
  bool push();

  std::shared_ptr<const tls_context> context_;
  int socket_;
  tls_ptr tls_;
  std::string held_; // ciphertext on its way to the socket
  std::size_t held_at_ = 0;
  bool was_short_ = false; // the socket gave less than it was asked for
  bool end_is_near_ = true;
  bool has_ended_ = false;
  step stop_ = step::wants_read;
  std::string fault_;
  bool has_shaken_hands_ = false;
  bool is_revoked_ = false;
};

} // namespace hearth::node
