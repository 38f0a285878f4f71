#include "node/identity/join_token.hpp"

#include "core/base64url.hpp"
#include "node/identity/openssl.hpp"

namespace hearth::node {

namespace {

constexpr std::string_view prefix = "hearth-join-1-"; // with the number of the kind
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t check_bytes = 4;
constexpr std::size_t address_bytes_max = 255 + 6;

} // namespace

join_token make_join_token(std::string_view address, std::string_view fingerprint) {
  return {std::string(address), std::string(fingerprint), random_bytes(secret_bytes)};
}

std::string to_string(const join_token& token) {
  auto content = token.fingerprint + token.secret + token.address;
  content += digest_of(content).substr(0, check_bytes);
  return std::string(prefix) + to_base64url(content);
}

std::optional<join_token> parse_join_token(std::string_view text) {
  const auto content = content_of_word(text, prefix, 2 * (2 * secret_bytes + address_bytes_max));
  if (!content || content->size() <= 2 * secret_bytes + check_bytes)
    return std::nullopt;
  const auto checked = std::string_view(*content).substr(0, content->size() - check_bytes);
  if (digest_of(checked).substr(0, check_bytes) != std::string_view(*content).substr(checked.size()))
    return std::nullopt;
  return join_token{std::string(checked.substr(2 * secret_bytes)), std::string(checked.substr(0, secret_bytes)),
                    std::string(checked.substr(secret_bytes, secret_bytes))};
}

} // namespace hearth::node
