#include "core/client_token.hpp"

#include "core/base64url.hpp"

#include <cstdint>

namespace hearth {

namespace {

constexpr std::string_view prefix = "hearth-token-1-"; // with the number of the kind
constexpr std::size_t content_bytes = 2 * client_token::part_bytes;

/// FNV-1a, 32 bits: against typing errors, nothing else.
std::string check_of(std::string_view content) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : content)
    hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  std::string check;
  for (int shift = 24; shift >= 0; shift -= 8)
    check += static_cast<char>(hash >> shift & 0xff);
  return check;
}

} // namespace

std::string to_string(const client_token& token) {
  const auto content = token.authority + token.secret;
  return std::string(prefix) + to_base64url(content + check_of(content));
}

std::optional<client_token> parse_client_token(std::string_view text) {
  const auto read = content_of_word(text, prefix, 2 * content_bytes);
  if (!read || read->size() <= content_bytes)
    return std::nullopt;
  const auto content = std::string_view(*read).substr(0, content_bytes);
  if (check_of(content) != std::string_view(*read).substr(content_bytes))
    return std::nullopt;
  return client_token{std::string(content.substr(0, client_token::part_bytes)),
                      std::string(content.substr(client_token::part_bytes))};
}

} // namespace hearth
