#include "core/digest.hpp"

namespace hearth {

namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

} // namespace

std::string to_string(const digest& d) {
  constexpr auto digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * d.value.size());
  for (const auto byte : d.value) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::optional<digest> parse_digest(std::string_view text) {
  digest d;
  if (text.size() != 2 * d.value.size())
    return std::nullopt;
  for (std::size_t i = 0; i < d.value.size(); ++i) {
    const auto high = digit_of(text[2 * i]);
    const auto low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return std::nullopt;
    d.value[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return d;
}

} // namespace hearth
