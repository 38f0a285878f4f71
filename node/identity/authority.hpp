#pragma once

#include "core/ids.hpp"
#include "node/identity/openssl.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace hearth::node {

/// What a node shows to its peers, in PEM. The key never leaves the node on which it was made.
struct credentials {
  std::string authority;   // the cluster's own certificate, which signs all others
  std::string certificate; // CN and DNS name are the node's uuid, the organisation is the cluster's id
  std::string key;
};

/// A key made here, and the request with which somebody who holds the cluster's key makes a certificate for it.
struct key_request {
  std::string key;     // PEM
  std::string request; // PEM
};

/// For a node that wants a certificate. Throws crypto_error.
key_request make_key_request(node_uuid node);

/// A random UUID (version 4): a cluster's id, a node's. Throws crypto_error.
node_uuid random_uuid();

/// From now, with a day before it for clocks that differ.
using validity = std::chrono::seconds;

/// The private authority of a cluster: signs certificates for its nodes. There is one per cluster, on the nodes that hold
/// `ca.key`; nobody else is trusted by a link. Not to be shared between threads.
class authority {
public:
  /// A new cluster: makes key and certificate in `directory` (0700), as `ca.key` and `ca.pem` (0600). Throws start_error when
  /// a cluster is there already.
  static authority create(const std::filesystem::path& directory, std::string_view cluster_name);

  /// The one that `create` left in `directory`. Throws start_error.
  static authority open(const std::filesystem::path& directory);

  /// Organisation of the certificates; names the cluster wherever names may repeat.
  node_uuid cluster() const noexcept { return cluster_; }
  const std::string& cluster_name() const noexcept { return name_; }
  const std::string& pem() const noexcept { return pem_; }
  /// SHA-256 of the authority's certificate; 32 bytes.
  std::string fingerprint() const;

  /// A certificate for the key in `request` (PEM), whose CN must be `node`: the signature proves that who asks has the key.
  /// `name` is for people. Asking again renews. Throws crypto_error, in words that follow "the certificate request".
  std::string sign(std::string_view request, node_uuid node, std::string_view name, validity valid_for) const;

  /// Key and certificate of a node whose key is made here.
  credentials issue(node_uuid node, std::string_view name, validity valid_for) const;

private:
  authority(key_ptr key, certificate_ptr certificate);

  certificate_ptr certificate_for(EVP_PKEY& key, node_uuid node, std::string_view name, validity valid_for) const;

  key_ptr key_;
  certificate_ptr certificate_;
  node_uuid cluster_;
  std::string name_;
  std::string pem_;
};

/// The node that a certificate request (PEM) names. Throws crypto_error, in words that follow "the certificate request".
node_uuid requested_node(std::string_view request);

/// Throws crypto_error when the three do not belong together, or are not for `node`.
void check_credentials(const credentials& what, node_uuid node);

/// The credentials in `directory`: ca.pem, node.pem, node.key. Throws start_error, also when they do not belong together or
/// are not for `node`.
credentials read_credentials(const std::filesystem::path& directory, node_uuid node);
void write_credentials(const std::filesystem::path& directory, const credentials& what);

/// Seconds until the certificate (PEM) ends; negative when it has ended. Throws crypto_error.
std::chrono::seconds remaining_validity(std::string_view certificate);

} // namespace hearth::node
