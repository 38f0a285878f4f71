#include "node/wire/json_text.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace hearth::wire {

namespace {

constexpr std::size_t escape_bytes = 6; // \uXXXX
constexpr std::uint32_t replacement = 0xfffd;

/// The number in the escape at the beginning of `json`, if there is one.
std::optional<std::uint32_t> escape_at(std::string_view json) {
  if (json.size() < escape_bytes || json[0] != '\\' || json[1] != 'u')
    return std::nullopt;
  std::uint32_t code = 0;
  const auto* const end = json.data() + escape_bytes;
  const auto [at, error] = std::from_chars(json.data() + 2, end, code, 16);
  return error == std::errc{} && at == end ? std::optional(code) : std::nullopt;
}

bool is_high(std::uint32_t code) { return (code & 0xfc00) == 0xd800; }
bool is_low(std::uint32_t code) { return (code & 0xfc00) == 0xdc00; }

void append_utf8(std::uint32_t code, std::string& out) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12), tail(6), tail(0);
  }
}

/// Writes the character of an escape; returns how many bytes of `json` it took.
std::size_t write_character(std::uint32_t code, std::string_view json, std::string& out) {
  if (code == 0) { // the codec takes the character itself for the end
    out += json.substr(0, escape_bytes);
    return escape_bytes;
  }
  if (code == '"' || code == '\\')
    out += '\\';
  if (is_high(code))
    if (const auto low = escape_at(json.substr(escape_bytes)); low && is_low(*low)) {
      append_utf8(0x10000 + ((code & 0x3ff) << 10) + (*low & 0x3ff), out);
      return 2 * escape_bytes;
    }
  append_utf8(is_high(code) || is_low(code) ? replacement : code, out);
  return escape_bytes;
}

} // namespace

std::string without_hex_escapes(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size();) {
    const auto next = json.find('\\', at);
    out += json.substr(at, next - at);
    if (next == std::string_view::npos)
      break;
    const auto rest = json.substr(next);
    if (const auto code = escape_at(rest)) {
      at = next + write_character(*code, rest, out);
    } else {
      out += rest.substr(0, 2); // another escape, whose second character may be a backslash
      at = next + 2;
    }
  }
  return out;
}

} // namespace hearth::wire
