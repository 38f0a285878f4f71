#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

/// OpenSSL's objects with owners, and its errors as exceptions.
namespace hearth::node {

/// What OpenSSL could not do, with its own words. No sentence for a person yet.
struct crypto_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <auto Free>
struct free_with {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using bio_ptr = std::unique_ptr<BIO, free_with<BIO_free_all>>;
using bignum_ptr = std::unique_ptr<BIGNUM, free_with<BN_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, free_with<X509_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, free_with<X509_EXTENSION_free>>;
using request_ptr = std::unique_ptr<X509_REQ, free_with<X509_REQ_free>>;
using name_ptr = std::unique_ptr<X509_NAME, free_with<X509_NAME_free>>;
using certificate_store_ptr = std::unique_ptr<X509_STORE, free_with<X509_STORE_free>>;
using store_context_ptr = std::unique_ptr<X509_STORE_CTX, free_with<X509_STORE_CTX_free>>;
using tls_context_ptr = std::unique_ptr<SSL_CTX, free_with<SSL_CTX_free>>;
using tls_ptr = std::unique_ptr<SSL, free_with<SSL_free>>;

/// The thread's newest error in OpenSSL's words, never empty; clears the thread's errors.
std::string crypto_reason();

/// Throws crypto_error when an OpenSSL function did not succeed; `what` was to be done.
void require(bool success, const char* what);

/// New ECDSA key on P-256.
key_ptr make_key();

std::string to_pem(EVP_PKEY& private_key);
std::string to_pem(X509& certificate);
std::string to_pem(X509_REQ& request);

/// Throw crypto_error when `pem` holds none.
key_ptr key_from_pem(std::string_view pem);
certificate_ptr certificate_from_pem(std::string_view pem);
request_ptr request_from_pem(std::string_view pem);

/// SHA-256 of the certificate's DER form; 32 bytes.
std::string fingerprint(X509& certificate);

/// SHA-256; 32 bytes.
std::string digest_of(std::string_view text);

/// `size` bytes that nobody can guess.
std::string random_bytes(std::size_t size);

/// The first entry of the subject with this NID; empty when there is none, or when it holds a zero byte.
std::string subject_entry(const X509_NAME& subject, int nid);

} // namespace hearth::node
