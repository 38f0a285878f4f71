#include "node/identity/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <climits>

namespace hearth::node {

std::string crypto_reason() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0)
    return "no reason given";
  if (const char* reason = ERR_reason_error_string(code))
    return reason;
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

void require(bool success, const char* what) {
  if (!success)
    throw crypto_error(std::string(what) + ": " + crypto_reason());
}

key_ptr make_key() {
  key_ptr key(EVP_EC_gen("P-256"));
  require(key != nullptr, "a key cannot be made");
  return key;
}

// -- PEM ----

namespace {

bio_ptr new_memory() {
  bio_ptr memory(BIO_new(BIO_s_mem()));
  require(memory != nullptr, "there is no memory");
  return memory;
}

std::string content(BIO& memory) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(&memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

bio_ptr reader_of(std::string_view text) {
  if (text.size() > INT_MAX)
    throw crypto_error("the text is too long");
  bio_ptr memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  require(memory != nullptr, "there is no memory");
  return memory;
}

/// Instead of asking at the terminal: our files have no password.
int no_password(char*, int, int, void*) { return 0; }

} // namespace

std::string to_pem(EVP_PKEY& private_key) {
  auto memory = new_memory();
  require(PEM_write_bio_PrivateKey(memory.get(), &private_key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "the key cannot be written");
  return content(*memory);
}

std::string to_pem(X509& certificate) {
  auto memory = new_memory();
  require(PEM_write_bio_X509(memory.get(), &certificate) == 1, "the certificate cannot be written");
  return content(*memory);
}

std::string to_pem(X509_REQ& request) {
  auto memory = new_memory();
  require(PEM_write_bio_X509_REQ(memory.get(), &request) == 1, "the request cannot be written");
  return content(*memory);
}

key_ptr key_from_pem(std::string_view pem) {
  key_ptr key(PEM_read_bio_PrivateKey(reader_of(pem).get(), nullptr, no_password, nullptr));
  require(key != nullptr, "it holds no private key");
  return key;
}

certificate_ptr certificate_from_pem(std::string_view pem) {
  certificate_ptr certificate(PEM_read_bio_X509(reader_of(pem).get(), nullptr, no_password, nullptr));
  require(certificate != nullptr, "it holds no certificate");
  return certificate;
}

request_ptr request_from_pem(std::string_view pem) {
  request_ptr request(PEM_read_bio_X509_REQ(reader_of(pem).get(), nullptr, no_password, nullptr));
  require(request != nullptr, "it holds no certificate request");
  return request;
}

// -- digests and chance ----

std::string fingerprint(X509& certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  require(X509_digest(&certificate, EVP_sha256(), digest.data(), &size) == 1, "a certificate has no digest");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string digest_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  require(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1,
          "a digest cannot be made");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, 0);
  require(RAND_priv_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1,
          "the system gives no random numbers");
  return bytes;
}

std::string subject_entry(const X509_NAME& subject, int nid) {
  const int at = X509_NAME_get_index_by_NID(&subject, nid, -1);
  if (at < 0)
    return {};
  const auto* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(&subject, at));
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, value);
  if (size < 0) {
    ERR_clear_error();
    return {};
  }
  std::string found(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return found.find('\0') == std::string::npos ? found : std::string{};
}

} // namespace hearth::node
