#pragma once

#include "core/defaults.hpp"
#include "node/link/socket_watch.hpp"
#include "node/link/tls.hpp"
#include "node/link/wire.hpp"
#include "node/loop/loop.hpp"

#include <kj/io.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

namespace hearth::node {

/// A connection after its handshake.
struct arrived {
  kj::AutoCloseFd socket;
  std::unique_ptr<tls_channel> tls;
  link_kind kind = link_kind::control;
  std::optional<peer_identity> peer; // of a node: verified
  std::string token;                 // of who has no certificate: what it showed, not judged yet
  std::string address;
  std::shared_ptr<void> place; // to be kept as long as the connection is served
};

/// With which certificates a node lets others in.
struct gate_contexts {
  std::shared_ptr<const tls_context> members;
  std::shared_ptr<const tls_context> guests;
};

/// An accepted connection on its way to be trusted: its kind, TLS, and of who has no certificate the token. Nothing is read
/// beyond that. Until the first byte it costs a descriptor and this object; memory for TLS comes after. Loop thread only.
class arrival {
public:
  class owner {
  public:
    /// Last calls; both may destroy the arrival.
    virtual void on_arrived(arrival& who, arrived connection) = 0;
    /// `why` continues a sentence about the address; empty: it came and went without a word.
    virtual void on_failed(arrival& who, const std::string& why) = 0;

  protected:
    ~owner() = default;
  };

  /// `contexts`, `loop` and `owner` outlive it. Of a `kind` that is known the first byte is one of TLS. Throws kj::Exception.
  arrival(work_loop& loop, kj::AutoCloseFd socket, std::string address, const gate_contexts& contexts,
          std::optional<link_kind> kind, owner& owner);

  const std::string& address() const noexcept { return address_; }

private:
  enum class stage { kind, handshake, token };

  void go_on();
  bool take_kind();
  bool shake_hands();
  bool take_token();
  bool receive(char* into, std::size_t goal);
  void await(tls_channel::step step);
  bool fail(const std::string& why);
  void finish();

  work_loop& loop_;
  owner& owner_;
  const gate_contexts& contexts_;
  kj::AutoCloseFd socket_;
  std::string address_;
  std::optional<socket_watch> watch_; // gone before the socket is
  loop_timer deadline_;
  stage stage_ = stage::kind;
  std::optional<link_kind> kind_;
  const bool says_kind_;
  std::unique_ptr<tls_channel> tls_;
  std::array<char, link_prefix_bytes> prefix_{};
  std::string token_;      // as long as its frame said, with its padding
  std::size_t filled_ = 0; // of the prefix, then of the token
  std::size_t length_ = 0; // of the token without padding
  bool has_prefix_ = false;
};

} // namespace hearth::node
