#include "node/identity/join_token.hpp"

#include "node/identity/openssl.hpp"

#include <algorithm>

namespace hearth::node {

namespace {

constexpr std::string_view prefix = "hearth-join-1-"; // with the number of the kind
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t check_bytes = 4;
constexpr std::size_t address_bytes_max = 255 + 6;
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648, section 5, without padding.
std::string to_base64url(std::string_view bytes) {
  std::string text;
  unsigned held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = (held << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6)
      text += letters[held >> (bits - 6) & 63];
  }
  if (bits > 0)
    text += letters[held << (6 - bits) & 63];
  return text;
}

/// Nothing when `text` is not exactly what to_base64url() writes.
std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  unsigned held = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = letters.find(c);
    if (value == std::string_view::npos)
      return std::nullopt;
    held = (held << 6 | static_cast<unsigned>(value)) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(held >> bits & 0xff);
    }
  }
  return to_base64url(bytes) == text ? std::optional(bytes) : std::nullopt;
}

} // namespace

join_token make_join_token(std::string_view address, std::string_view fingerprint) {
  return {std::string(address), std::string(fingerprint), random_bytes(digest_bytes)};
}

std::string to_string(const join_token& token) {
  auto content = token.fingerprint + token.secret + token.address;
  content += digest_of(content).substr(0, check_bytes);
  return std::string(prefix) + to_base64url(content);
}

std::optional<join_token> parse_join_token(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  text = text.substr(0, text.find_last_not_of(blanks) + 1);
  if (!text.starts_with(prefix) || text.size() > 2 * (2 * digest_bytes + address_bytes_max))
    return std::nullopt;
  const auto content = from_base64url(text.substr(prefix.size()));
  if (!content || content->size() <= 2 * digest_bytes + check_bytes)
    return std::nullopt;
  const auto checked = std::string_view(*content).substr(0, content->size() - check_bytes);
  if (digest_of(checked).substr(0, check_bytes) != std::string_view(*content).substr(checked.size()))
    return std::nullopt;
  return join_token{std::string(checked.substr(2 * digest_bytes)), std::string(checked.substr(0, digest_bytes)),
                    std::string(checked.substr(digest_bytes, digest_bytes))};
}

} // namespace hearth::node
