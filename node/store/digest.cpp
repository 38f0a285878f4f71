#include "node/store/digest.hpp"

#include <openssl/evp.h>

#include <stdexcept>

namespace hearth::node {

namespace {

void check(int result) {
  if (result != 1)
    throw std::runtime_error("SHA-256 is not available in this system's OpenSSL");
}

} // namespace

void sha256::free_context::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

sha256::sha256() : context_(EVP_MD_CTX_new()) {
  check(context_ ? EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) : 0);
}

void sha256::add(std::string_view bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

digest sha256::value() {
  digest result;
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context_.get(), result.value.data(), &size));
  return result;
}

std::string sha256_of(std::string_view text) {
  sha256 sum;
  sum.add(text);
  return sum.hex();
}

std::string sha256_of_parts(const std::vector<bytes>& parts) {
  sha256 sum;
  for (const auto& part : parts)
    sum.add(part.view());
  return sum.hex();
}

bool is_sha256(std::string_view text) noexcept { return parse_digest(text).has_value(); }

} // namespace hearth::node
