#include "core/ids.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace hearth {

std::string to_string(call_id id) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(id.hi),
                static_cast<unsigned long long>(id.lo));
  return text;
}

std::string to_string(node_uuid id) {
  char text[37];
  std::snprintf(text, sizeof text, "%08llx-%04llx-%04llx-%04llx-%012llx", static_cast<unsigned long long>(id.hi >> 32),
                static_cast<unsigned long long>((id.hi >> 16) & 0xffff),
                static_cast<unsigned long long>(id.hi & 0xffff), static_cast<unsigned long long>(id.lo >> 48),
                static_cast<unsigned long long>(id.lo & 0xffff'ffff'ffffULL));
  return text;
}

std::optional<node_uuid> parse_node_uuid(std::string_view text) {
  constexpr std::string_view shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != shape.size())
    return std::nullopt;
  std::array<std::uint64_t, 2> halves{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == '-') {
      if (text[i] != '-')
        return std::nullopt;
      continue;
    }
    unsigned digit = 0;
    if (std::from_chars(&text[i], &text[i] + 1, digit, 16).ptr != &text[i] + 1)
      return std::nullopt;
    auto& half = halves[digits++ / 16];
    half = half << 4 | digit;
  }
  return node_uuid{halves[0], halves[1]};
}

std::string to_string(replica_id id) {
  const auto seat = id.value >> 32;
  const auto number = std::to_string(id.value & 0xffff'ffffU);
  return seat == 0 ? number : std::to_string(seat) + '.' + number;
}

std::optional<replica_id> parse_replica_id(std::string_view text) {
  const auto dot = text.find('.');
  std::uint64_t seat = 0, number = 0;
  const auto is_number = [](std::string_view digits, std::uint64_t& into) {
    const auto* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, into);
    return error == std::errc() && stopped == end;
  };
  if (dot == std::string_view::npos)
    return is_number(text, number) ? std::optional(replica_id{number}) : std::nullopt;
  constexpr std::uint64_t half = 0xffff'ffffU;
  if (!is_number(text.substr(0, dot), seat) || !is_number(text.substr(dot + 1), number) || seat > half || number > half)
    return std::nullopt;
  return replica_id{seat << 32 | number};
}

std::string run_name(call_id id) {
  // Crockford's alphabet: no letter that reads like a digit.
  constexpr char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  // The two high bits of `lo` are the UUID's variant; the 60 bits used are random.
  auto bits = id.lo;
  std::string result = "r";
  for (int i = 0; i < 12; ++i) {
    result += alphabet[bits & 31];
    bits >>= 5;
  }
  return result;
}

} // namespace hearth
