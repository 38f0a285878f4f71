#include "node/identity/authority.hpp"

#include "core/defaults.hpp"
#include "node/identity/files.hpp"
#include "node/start_error.hpp"

#include <openssl/asn1.h>

#include <cstring>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

constexpr long x509_version_3 = 2;
constexpr std::size_t subject_text_max = 64; // of X.520

void add_entry(X509_NAME& to, int nid, std::string_view text) {
  text = text.substr(0, subject_text_max);
  require(X509_NAME_add_entry_by_NID(&to, nid, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()), -1, 0)
            == 1,
          "a name cannot be written");
}

void add_extension(X509& to, X509& issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &to, nullptr, nullptr, 0);
  extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(extension && X509_add_ext(&to, extension.get(), -1) == 1, "an extension cannot be written");
}

/// Everything but subject, extensions and signature.
certificate_ptr blank(EVP_PKEY& key, std::chrono::seconds valid_for) {
  certificate_ptr made(X509_new());
  require(made != nullptr, "there is no memory");
  const auto number = random_bytes(16);
  bignum_ptr serial(
    BN_bin2bn(reinterpret_cast<const unsigned char*>(number.data()), static_cast<int>(number.size()), nullptr));
  require(serial && BN_clear_bit(serial.get(), 127) >= 0, "a number cannot be made");
  require(X509_set_version(made.get(), x509_version_3) == 1
            && BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(made.get())) != nullptr
            && X509_gmtime_adj(X509_getm_notBefore(made.get()), -defaults::certificate_clock_grace.count()) != nullptr
            && X509_gmtime_adj(X509_getm_notAfter(made.get()), valid_for.count()) != nullptr
            && X509_set_pubkey(made.get(), &key) == 1,
          "a certificate cannot be made");
  return made;
}

certificate_ptr self_signed(EVP_PKEY& key, node_uuid cluster, std::string_view name) {
  auto made = blank(key, defaults::authority_validity);
  auto& subject = *X509_get_subject_name(made.get());
  add_entry(subject, NID_organizationName, to_string(cluster));
  add_entry(subject, NID_commonName, name);
  require(X509_set_issuer_name(made.get(), &subject) == 1, "a certificate cannot be made");
  add_extension(*made, *made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(*made, *made, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(*made, *made, NID_subject_key_identifier, "hash");
  require(X509_sign(made.get(), &key, EVP_sha256()) > 0, "a certificate cannot be signed");
  return made;
}

std::string needed(const fs::path& file) {
  auto content = read_private(file, defaults::identity_file_bytes_max);
  if (!content)
    throw start_error("There is no " + file.string()
                      + ": this node belongs to no cluster, or its files are incomplete. Make a cluster with `hearth "
                        "cluster init`, or join one with `hearth node join`.");
  return std::move(*content);
}

[[noreturn]] void unusable(const fs::path& file, const std::string& why) {
  throw start_error("The file " + file.string() + " cannot be used: " + why
                    + ". Put the right one there, or let the node join again with `hearth node join`.");
}

} // namespace

node_uuid random_uuid() {
  const auto random = random_bytes(16);
  node_uuid id;
  std::memcpy(&id.hi, random.data(), 8);
  std::memcpy(&id.lo, random.data() + 8, 8);
  id.hi = (id.hi & ~0xf000ULL) | 0x4000ULL;
  id.lo = (id.lo & ~(0xc0ULL << 56)) | (0x80ULL << 56);
  return id;
}

key_request make_key_request(node_uuid node) {
  auto key = make_key();
  request_ptr request(X509_REQ_new());
  require(request != nullptr, "there is no memory");
  add_entry(*X509_REQ_get_subject_name(request.get()), NID_commonName, to_string(node));
  require(X509_REQ_set_pubkey(request.get(), key.get()) == 1
            && X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0,
          "a certificate request cannot be made");
  return {to_pem(*key), to_pem(*request)};
}

// -- the authority ----

authority::authority(key_ptr key, certificate_ptr certificate)
  : key_(std::move(key)), certificate_(std::move(certificate)), pem_(to_pem(*certificate_)) {
  const auto& subject = *X509_get_subject_name(certificate_.get());
  if (auto id = parse_node_uuid(subject_entry(subject, NID_organizationName)))
    cluster_ = *id;
  else
    throw crypto_error("its organisation is no cluster's id");
  name_ = subject_entry(subject, NID_commonName);
  require(X509_check_private_key(certificate_.get(), key_.get()) == 1, "key and certificate do not belong together");
}

authority authority::create(const fs::path& directory, std::string_view cluster_name) {
  try {
    auto key = make_key();
    auto certificate = self_signed(*key, random_uuid(), cluster_name);
    authority made(std::move(key), std::move(certificate));
    make_identity_directory(directory);
    if (!create_private(directory / "ca.key", to_pem(*made.key_)) || !create_private(directory / "ca.pem", made.pem_))
      throw start_error("There is a cluster in " + directory.string()
                        + " already. Use it, or remove that directory to begin another one.");
    return made;
  } catch (const crypto_error& e) {
    throw start_error("The cluster's authority cannot be made: " + std::string(e.what()) + '.');
  }
}

authority authority::open(const fs::path& directory) {
  const auto key_file = directory / "ca.key";
  const auto key = needed(key_file);
  const auto pem = needed(directory / "ca.pem");
  try {
    return {key_from_pem(key), certificate_from_pem(pem)};
  } catch (const crypto_error& e) {
    unusable(key_file, e.what());
  }
}

std::string authority::fingerprint() const { return node::fingerprint(*certificate_); }

certificate_ptr authority::certificate_for(EVP_PKEY& key, node_uuid node, std::string_view name,
                                           validity valid_for) const {
  auto made = blank(key, valid_for);
  auto& subject = *X509_get_subject_name(made.get());
  add_entry(subject, NID_organizationName, to_string(cluster_));
  if (!name.empty())
    add_entry(subject, NID_organizationalUnitName, name);
  add_entry(subject, NID_commonName, to_string(node));
  require(X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get())) == 1,
          "a certificate cannot be made");
  add_extension(*made, *certificate_, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(*made, *certificate_, NID_key_usage, "critical,digitalSignature");
  add_extension(*made, *certificate_, NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(*made, *certificate_, NID_subject_alt_name, "DNS:" + to_string(node));
  add_extension(*made, *certificate_, NID_authority_key_identifier, "keyid:always");
  require(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0, "a certificate cannot be signed");
  return made;
}

std::string authority::sign(std::string_view request, node_uuid node, std::string_view name, validity valid_for) const {
  const auto asked = request_from_pem(request);
  auto* key = X509_REQ_get0_pubkey(asked.get());
  if (key == nullptr || X509_REQ_verify(asked.get(), key) != 1) {
    crypto_reason();
    throw crypto_error("is not signed with the key that it names");
  }
  if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) != 256)
    throw crypto_error("names a key that is not of the kind P-256");
  if (subject_entry(*X509_REQ_get_subject_name(asked.get()), NID_commonName) != to_string(node))
    throw crypto_error("is for another node");
  return to_pem(*certificate_for(*key, node, name, valid_for));
}

credentials authority::issue(node_uuid node, std::string_view name, validity valid_for) const {
  auto key = make_key();
  return {pem_, to_pem(*certificate_for(*key, node, name, valid_for)), to_pem(*key)};
}

// -- files ----

node_uuid requested_node(std::string_view request) {
  const auto asked = request_from_pem(request);
  if (auto node = parse_node_uuid(subject_entry(*X509_REQ_get_subject_name(asked.get()), NID_commonName)))
    return *node;
  throw crypto_error("names no node");
}

void check_credentials(const credentials& what, node_uuid node) {
  const auto own = certificate_from_pem(what.certificate);
  const auto signer = certificate_from_pem(what.authority);
  const auto key = key_from_pem(what.key);
  if (subject_entry(*X509_get_subject_name(own.get()), NID_commonName) != to_string(node))
    throw crypto_error("it is the certificate of another node, not of " + to_string(node));
  require(X509_check_private_key(own.get(), key.get()) == 1, "the key does not belong to it");
  require(X509_verify(own.get(), X509_get0_pubkey(signer.get())) == 1, "the cluster's authority has not signed it");
}

credentials read_credentials(const fs::path& directory, node_uuid node) {
  credentials read{needed(directory / "ca.pem"), needed(directory / "node.pem"), needed(directory / "node.key")};
  try {
    check_credentials(read, node);
  } catch (const crypto_error& e) {
    unusable(directory / "node.pem", e.what());
  }
  return read;
}

void write_credentials(const fs::path& directory, const credentials& what) {
  make_identity_directory(directory);
  write_private(directory / "ca.pem", what.authority);
  write_private(directory / "node.key", what.key);
  write_private(directory / "node.pem", what.certificate);
}

std::chrono::seconds remaining_validity(std::string_view certificate) {
  const auto read = certificate_from_pem(certificate);
  int days = 0;
  int rest = 0;
  require(ASN1_TIME_diff(&days, &rest, nullptr, X509_get0_notAfter(read.get())) == 1, "its end cannot be read");
  return std::chrono::hours{24} * days + std::chrono::seconds{rest};
}

} // namespace hearth::node
